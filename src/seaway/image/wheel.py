"""A wheel file to the entries of a layer, without executing anything of it.

Rules: what pip would install, in a fixed form: same places, same scripts, a RECORD that is sorted and true. Files
that hold times or paths of whoever installed (`direct_url.json`, `uv_cache.json`, …) are dropped; RECORD hashes are
checked while the bytes pass. Source: binary distribution format, recording installed projects, entry points (PyPA).
Not here: which wheels (`lock.py`), in which layers (`layer_plan.py`), bytes (`layer.py`).
"""

from __future__ import annotations

import configparser
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import BinaryIO

from installer.utils import parse_entrypoints, parse_metadata_file
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seaway.errors import WheelError
from seaway.findings import Finding, Level
from seaway.image.model import Content, Entry
from seaway.image.record import MISSING, Row, content_of, expected_hash, read_record, write_record
from seaway.image.zip import Member, check_name, content, read_members

VENV = "opt/venv"
_DROPPED = frozenset(
    {"RECORD", "RECORD.jws", "RECORD.p7s", "REQUESTED", "direct_url.json", "uv_cache.json", "INSTALLER"}
)
_METADATA_LIMIT = 64 << 20
_SCRIPT = (
    "#!/opt/venv/bin/python\nimport sys\nfrom {module} import {name}\n"
    'if __name__ == "__main__":\n    sys.exit({call}())\n'
)
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that was opened and checked; `metadata` is its METADATA, `info` its own dist-info directory."""

    path: Path
    name: str
    version: str
    tags: frozenset[Tag]
    info: str
    metadata: Message
    members: tuple[Member, ...]

    @property
    def data(self) -> str:
        """The directory of files that go elsewhere than site-packages."""
        return self.info.removesuffix(".dist-info") + ".data"

    def open(self) -> BinaryIO:
        """Opens the wheel file."""
        return self.path.open("rb")

    def content(self, member: Member, sha256: str = "") -> Content:
        """Returns a member's bytes."""
        return content(self.open, member, sha256)

    def read(self, member: Member) -> bytes:
        """Returns a small member's bytes, checked."""
        if member.size > _METADATA_LIMIT:
            raise WheelError("a metadata file is too large", where=f"{self.path.name}!{member.name}")
        with self.content(member).open() as stream:
            data = stream.read()
        if len(data) != member.size:
            raise WheelError("a member is cut short", where=f"{self.path.name}!{member.name}")
        return data

    def read_info(self, name: str) -> str | None:
        """Returns a text file of the dist-info directory, or None."""
        for member in self.members:
            if member.name == f"{self.info}/{name}":
                return _text(self.read(member), f"{self.path.name}!{member.name}")
        return None


@dataclass(frozen=True, slots=True)
class Installed:
    """What a wheel puts into an image: entries in the order of profile 1, and what was found on the way."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Planned:
    """One path in the image and where its bytes come from: a member as it is, or bytes of ours."""

    path: str
    mode: int
    member: Member | None = None
    data: bytes | None = None


def read_wheel(path: Path) -> Wheel:
    """Opens a wheel file; raises WheelError naming the member and the rule that is broken."""
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise WheelError(f"this is not a wheel's name: {error}", where=path.name) from error
    try:
        with path.open("rb") as file:
            members = read_members(file)
    except WheelError as error:
        raise WheelError(error.says, where=f"{path.name}!{error.where or ''}".rstrip("!")) from error
    info = _own_info(path.name, name, version, members)
    bare = Wheel(path, name, str(version), tags, info, Message(), members)
    _check_format(bare)
    metadata = parse_metadata_file(bare.read_info("METADATA") or "")
    return Wheel(path, name, str(version), tags, info, metadata, members)


def install(wheel: Wheel, python: str, drop: frozenset[str] = frozenset()) -> Installed:
    """Returns what a wheel puts below `opt/venv` of a Python `x.y`.

    Every entry's content names its SHA-256, so a listing needs no second look. `drop` are paths that another wheel
    won; they leave the entries and the RECORD. Raises WheelError.
    """
    site = f"{VENV}/lib/python{python}/site-packages"
    planned = _plan(wheel, site, python)
    record = read_record(wheel.read_info("RECORD") or "", wheel.path.name)
    findings: list[Finding] = []
    entries = [_entry(wheel, plan, record, findings) for plan in planned if plan.path not in drop]
    entries.sort(key=lambda entry: entry.path.encode())
    for path in sorted(set(record) - {member.name for member in wheel.members}):
        findings.append(
            Finding("SW-1010", Level.NOTE, "RECORD names a file the wheel lacks", f"{wheel.path.name}!{path}")
        )
    entries.append(write_record(entries, f"{site}/{wheel.info}/RECORD", site))
    return Installed(tuple(entries), tuple(findings))


def _own_info(file: str, name: str, version: Version, members: Iterable[Member]) -> str:
    """Returns the wheel's own dist-info directory: top-level, of its own name; vendored ones are payload."""
    tops = {member.name.split("/", 1)[0] for member in members if "/" in member.name}
    own = [top for top in sorted(tops) if top.endswith(".dist-info") and _is_own(top, name, version)]
    if len(own) != 1:
        raise WheelError(f"a wheel needs one dist-info directory of its own, this has {len(own)}", where=file)
    return own[0]


def _is_own(directory: str, name: str, version: Version) -> bool:
    found, _, its_version = directory.removesuffix(".dist-info").rpartition("-")
    try:
        return canonicalize_name(found) == name and Version(its_version) == version
    except InvalidVersion:
        return False


def _check_format(wheel: Wheel) -> None:
    text = wheel.read_info("WHEEL")
    if text is None or wheel.read_info("METADATA") is None or wheel.read_info("RECORD") is None:
        raise WheelError("a wheel needs WHEEL, METADATA and RECORD", where=f"{wheel.path.name}!{wheel.info}")
    version = str(parse_metadata_file(text).get("Wheel-Version", ""))
    if not version.startswith("1."):
        raise WheelError(f"wheel format {version or 'unknown'} is not read, only 1.x", where=wheel.path.name)


def _plan(wheel: Wheel, site: str, python: str) -> list[_Planned]:
    """Returns every path the wheel brings but RECORD, each once."""
    scripts = _entry_points(wheel)
    planned = [_Planned(f"{site}/{wheel.info}/INSTALLER", 0o644, data=b"seaway\n")]
    planned += [_Planned(f"{VENV}/bin/{name}", 0o755, data=text) for name, text in scripts.items()]
    for member in wheel.members:
        directory, _, rest = member.name.partition("/")
        if directory == wheel.info and rest in _DROPPED:
            continue
        if directory == wheel.data:
            planned += _plan_data(wheel, member, rest, python, scripts)
        else:
            planned.append(_Planned(f"{site}/{member.name}", _mode(member), member))
    _check_paths(wheel, planned)
    return planned


def _plan_data(
    wheel: Wheel, member: Member, rest: str, python: str, scripts: Mapping[str, bytes]
) -> Iterator[_Planned]:
    key, _, path = rest.partition("/")
    places = {
        "purelib": f"{VENV}/lib/python{python}/site-packages",
        "platlib": f"{VENV}/lib/python{python}/site-packages",
        "scripts": f"{VENV}/bin",
        "headers": f"{VENV}/include/site/python{python}/{wheel.name}",
        "data": VENV,
    }
    if key not in places or not path:
        raise WheelError(f"{key!r} is no place for files", where=f"{wheel.path.name}!{member.name}")
    if key != "scripts":
        yield _Planned(f"{places[key]}/{path}", _mode(member), member)
    elif path not in scripts:  # an entry point of the same name wins
        yield _Planned(f"{places[key]}/{path}", 0o755, member, _script(wheel, member))


def _script(wheel: Wheel, member: Member) -> bytes | None:
    """Returns a script with the image's interpreter in its first line, or None where it is not a Python script."""
    with wheel.content(member).open() as stream:
        if stream.read(8) != b"#!python":
            return None
    _, _, rest = wheel.read(member).partition(b"\n")
    return b"#!/opt/venv/bin/python\n" + rest


def _mode(member: Member) -> int:
    return 0o755 if member.mode & 0o111 else 0o644


def _check_paths(wheel: Wheel, planned: Iterable[_Planned]) -> None:
    seen: set[str] = set()
    for plan in planned:
        if plan.path in seen:
            raise WheelError(f"two members go to {plan.path}", where=wheel.path.name)
        seen.add(plan.path)


def _entry_points(wheel: Wheel) -> dict[str, bytes]:
    """Returns the text of each console and gui script, by name."""
    where = f"{wheel.path.name}!{wheel.info}/entry_points.txt"
    try:
        found = list(parse_entrypoints(wheel.read_info("entry_points.txt") or ""))
    except (configparser.Error, AssertionError) as error:
        raise WheelError("the entry points cannot be read", where=where) from error
    scripts = {}
    for name, module, attribute, _ in found:
        check_name(name)
        if "/" in name or not _DOTTED.fullmatch(module) or not _DOTTED.fullmatch(attribute):
            raise WheelError(f"entry point {name!r} is not `name = module:attribute`", where=where)
        text = _SCRIPT.format(module=module, name=attribute.split(".")[0], call=attribute)
        scripts[name] = text.encode()
    return scripts


def _entry(wheel: Wheel, plan: _Planned, record: Mapping[str, Row], findings: list[Finding]) -> Entry:
    if plan.member is None:
        return Entry(plan.path, mode=plan.mode, content=content_of(plan.data or b""))
    where = f"{wheel.path.name}!{plan.member.name}"
    row = record.get(plan.member.name, MISSING)
    sha256, found = expected_hash(row, wheel.content(plan.member), where)
    findings += found
    if plan.data is None:
        return Entry(plan.path, mode=plan.mode, content=wheel.content(plan.member, sha256))
    if hashlib.sha256(wheel.read(plan.member)).hexdigest() != sha256:
        raise WheelError("a file does not have its recorded hash", where=f"{wheel.path.name}!{plan.member.name}")
    return Entry(plan.path, mode=plan.mode, content=content_of(plan.data))


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise WheelError("a metadata file is not UTF-8", where=where) from error
