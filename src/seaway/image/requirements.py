"""Requirement files with hashes, as `pip install --require-hashes` takes them.

Rules: every line has `==` and at least one `--hash=sha256:`, or is a path to a wheel with a hash; markers are kept;
options that would change where packages come from are refused, for the index is that of the machine. Pure. Source:
pip's requirements file format. Not here: which wheel is chosen (`lock.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import Environment, Marker
from packaging.requirements import InvalidRequirement, Requirement

from seaway.digest import Digest
from seaway.errors import LockError

_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})(?=\s|$)")
_OTHER_HASH = re.compile(r"--hash[= ]\S+")
_COMMENT = re.compile(r"(^|\s)#.*$")
_HARMLESS = re.compile(r"--(require-hashes|only-binary\b.*|prefer-binary|pre|no-binary\b.*)$")
_REFRESH = "write the file with hashes: uv pip compile --generate-hashes requirements.in -o requirements.txt"


@dataclass(frozen=True, slots=True)
class Pinned:
    """One requirement: a name and version, or the `path` of a wheel, and the hashes it may have."""

    line: int
    hashes: frozenset[Digest]
    name: str = ""
    version: str = ""
    path: str = ""
    marker: Marker | None = None

    def applies(self, environment: Environment) -> bool:
        """Tells whether the target needs it."""
        return self.marker is None or self.marker.evaluate({**environment})  # type: ignore[dict-item]


def read_requirements(text: str, file: str) -> tuple[Pinned, ...]:
    """Returns the requirements of a file; raises LockError with `file:line` for what is not pinned and hashed."""
    return tuple(pinned for number, line in _lines(text) if (pinned := _pinned(line, number, f"{file}:{number}")))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yields logical lines with the number they start at: continued ones joined, comments gone."""
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", line)
        start = start or number
        if line.endswith("\\"):
            held += f"{line[:-1]} "
            continue
        if (held + line).strip():
            yield start, (held + line).strip()
        held, start = "", 0
    if held.strip():
        yield start, held.strip()


def _pinned(line: str, number: int, where: str) -> Pinned | None:
    if line.startswith("-"):
        if _HARMLESS.match(line):
            return None
        raise LockError(f"the option {line.split()[0]} is not read here", where=where, hint=_REFRESH)
    hashes = frozenset(Digest(found) for found in _HASH.findall(line))
    bare = _OTHER_HASH.sub("", line).strip()
    if not hashes:
        raise LockError(f"{bare.split()[0]} has no --hash=sha256:", where=where, hint=_REFRESH)
    if bare.endswith(".whl") and "@" not in bare:
        return Pinned(number, hashes, path=bare.removeprefix("file:"))
    return _named(bare, number, hashes, where)


def _named(text: str, number: int, hashes: frozenset[Digest], where: str) -> Pinned:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise LockError(f"{text!r} is not a requirement", where=where) from error
    pins = [pin for pin in requirement.specifier if pin.operator in ("==", "===") and not pin.version.endswith(".*")]
    if len(pins) != 1 or requirement.url:
        raise LockError(f"{requirement.name} is not pinned with ==", where=where, hint=_REFRESH)
    return Pinned(number, hashes, requirement.name, pins[0].version, marker=requirement.marker)
