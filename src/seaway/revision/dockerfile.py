"""A Dockerfile as far as a native image can stand for it: what its last stage starts, needs and sets.

Nothing is run. `odd` holds the first instruction that a native image would leave out; then the Dockerfile stays.
Source: the Dockerfile reference.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_BUILDING = re.compile(r"(build-essential|gcc|g\+\+|make|cmake|git|curl|wget|pkg-config|ca-certificates|.*-dev)$")
_HARMLESS = re.compile(
    r"(python3? -m (pip|venv|compileall)|(/\S+/)?pip3? |uv |uvx |(apt-get|apt) (-\S+ )*(update|clean|upgrade)"
    r"|rm -r?f+ |rm -fr |mkdir |useradd |adduser |groupadd |addgroup |chown |chmod |set -|true$|echo )"
)
_INSTALL = re.compile(r"(?:apt-get|apt) (?:-\S+ )*install (.*)")
_OWN = re.compile(r"(PYTHON|PIP_|UV_|PATH$|VIRTUAL_ENV|POETRY_|LANG$|LC_ALL$|DEBIAN_FRONTEND)")


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """What is read of a Dockerfile; `python` is the version of its base, as `3.12`, empty for another base."""

    python: str = ""
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    odd: str = ""

    @property
    def start(self) -> tuple[str, ...]:
        """The whole argument vector."""
        return (*self.entrypoint, *self.command)


def read_dockerfile(text: str) -> Dockerfile:
    """Reads a Dockerfile; what cannot be read is odd."""
    found = Dockerfile()
    for word, rest in _instructions(text):
        found = _taken(found, word, rest)
    return found


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\[ \t]*\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word.upper(), rest.strip()


def _taken(found: Dockerfile, word: str, rest: str) -> Dockerfile:
    if word == "FROM":
        base = re.match(r"(?:--\S+ )*(?:docker\.io/)?(?:library/)?python:(\d+\.\d+)", rest)
        known = re.match(r"(?:--\S+ )*(\S+)", rest)
        same = known is not None and found.python and ":" not in known[1] and "/" not in known[1]
        python = base[1] if base else (found.python if same else "")
        return replace(Dockerfile(python=python, packages=found.packages), odd="" if python else f"FROM {rest}")
    if word == "RUN":
        return _ran(found, rest)
    if word in ("CMD", "ENTRYPOINT"):
        words = _words(rest)
        return replace(found, command=words) if word == "CMD" else replace(found, entrypoint=words)
    if word == "EXPOSE":
        ports = tuple(int(port.partition("/")[0]) for port in rest.split() if port.partition("/")[0].isdigit())
        return replace(found, ports=(*found.ports, *ports))
    if word == "ENV":
        return replace(found, variables=found.variables | dict(_pairs(rest)))
    if word in ("WORKDIR", "USER", "LABEL", "ARG", "COPY", "STOPSIGNAL", "HEALTHCHECK", "SHELL", "VOLUME"):
        return found
    return replace(found, odd=found.odd or f"{word} {rest}")


def _ran(found: Dockerfile, rest: str) -> Dockerfile:
    for part in re.split(r"&&|;", re.sub(r"--mount=\S+\s*", "", rest)):
        step = " ".join(part.split())
        if install := _INSTALL.match(step):
            names = [name for name in install[1].split() if not name.startswith("-") and not _BUILDING.match(name)]
            found = replace(found, packages=tuple(dict.fromkeys((*found.packages, *names))))
        elif step and not _HARMLESS.match(step):
            return replace(found, odd=found.odd or f"RUN {step}"[:60])
    return found


def _words(rest: str) -> tuple[str, ...]:
    try:
        if rest.startswith("["):
            return tuple(str(word) for word in json.loads(rest))
        words = tuple(shlex.split(rest))
    except ValueError:
        return ()
    return ("sh", "-c", rest) if re.search(r"[$&|;<>`*?]", rest) else words


def _pairs(rest: str) -> Iterator[tuple[str, str]]:
    if "=" not in rest.split(" ", 1)[0]:
        name, _, value = rest.partition(" ")
        pairs = [(name, value.strip())]
    else:
        try:
            pairs = [(word.partition("=")[0], word.partition("=")[2]) for word in shlex.split(rest)]
        except ValueError:
            pairs = []
    return ((name, value) for name, value in pairs if not _OWN.match(name) and "$" not in value)
