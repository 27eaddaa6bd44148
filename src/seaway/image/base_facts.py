"""What the builder must know of a base's inside, gathered in one walk over its layers, nothing executed.

Rules: versions are read from the bytes that would run - the interpreter's own version string, the C library's own
banner - and not from labels; upper layers replace and delete what lies below. A base that has anything where the
builder puts things, or whose `opt` is not plain, is refused.

Not here: how a base is obtained (`base.py`), whether all libraries are there (`closure.py`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from seaway.errors import BaseError
from seaway.image.deb import stanza_fields
from seaway.image.model import Component, Entry, Kind

Read = Callable[[], bytes]

_OURS = ("opt/venv", "opt/app", "opt/models", "opt/data")
_INTERPRETER = re.compile(r"(?:usr/local/bin|usr/bin|opt/python/bin)/python3\.\d+")
_LIBPYTHON = re.compile(r".*/libpython3\.\d+\.so\.1\.0")
_LIBC = re.compile(r"(?:usr/)?lib(?:64)?/(?:[^/]+-linux-gnu[^/]*/)?libc\.so\.6")
_MUSL = re.compile(r"(?:usr/)?lib/ld-musl-[^/]+\.so\.1")
_LIBRARY = re.compile(r"(?:usr/)?(?:local/)?lib(?:64)?/(?:[^/]+-linux-gnu[^/]*/)?([^/]+\.so(?:\.[^/]+)?)")
_STATUS = re.compile(r"var/lib/dpkg/(?:status|status\.d/[^/]+(?<!\.md5sums))")
_GLIBC_BANNER = re.compile(rb"GNU C Library \([^)]*\) (?:stable|development) release version (\d+\.\d+)")
_TEXTS = re.compile(r"etc/passwd|(?:etc|usr/lib)/os-release|lib/apk/db/installed")


@dataclass(slots=True)
class BaseFacts:
    """The facts as they stand after the layers walked so far."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    _kept: dict[str, bytes] = field(default_factory=dict)

    def see(self, entry: Entry, read: Read) -> None:
        """Takes one entry; `read` gives a file's bytes and is called only where they matter."""
        path = entry.path
        if path == "opt" and (entry.kind is not Kind.DIRECTORY or entry.mode & 0o7777 != 0o755 or entry.uid):
            raise BaseError("the base's opt is not a directory of root with mode 0755", where=path)
        if any(path == ours or path.startswith(f"{ours}/") for ours in _OURS):
            raise BaseError("the base already has something where the builder puts the app", where=path)
        self._kept.pop(path, None)
        self.kinds[path] = entry.kind
        if entry.kind is Kind.FILE and _matters(path):
            self._kept[path] = read()

    def hide(self, path: str, *, opaque: bool) -> None:
        """Takes a whiteout: `path` and all below it is gone, or with `opaque` only what is below."""
        for known in [known for known in self.kinds if known.startswith(f"{path}/") or (known == path and not opaque)]:
            del self.kinds[known]
            self._kept.pop(known, None)

    @property
    def interpreter(self) -> str:
        """The newest Python of the first directory that has one; raises BaseError."""
        found = [path for path in self.kinds if _INTERPRETER.fullmatch(path)]
        if not found:
            raise BaseError(
                "the base has no python3", hint="use a base such as python:3.12-slim or apt:debian/bookworm"
            )
        return max(found, key=lambda path: ("local" in path, [int(part) for part in re.findall(r"\d+", path)]))

    @property
    def python(self) -> str:
        """The interpreter's x.y.z, read from its bytes or those of its library; raises BaseError."""
        minor = posixpath.basename(self.interpreter).removeprefix("python")
        pattern = re.compile(rb"(?<![\w.])(" + re.escape(minor).encode() + rb"\.\d+)\+?\x00")
        candidates = [path for path in self._kept if path == self.interpreter or _LIBPYTHON.fullmatch(path)]
        for path in candidates:
            if found := pattern.search(self._kept[path]):
                return found[1].decode()
        raise BaseError("the interpreter does not tell its version", where=self.interpreter)

    @property
    def libc(self) -> str:
        """Like `glibc 2.36`; raises BaseError where there is none that is known."""
        for path, data in self._kept.items():
            if _LIBC.fullmatch(path) and (found := _GLIBC_BANNER.search(data)):
                return f"glibc {found[1].decode()}"
        musl = next((one.version for one in self.packages if one.name == "musl"), None)
        if musl:
            return f"musl {musl.split('-', 1)[0]}"
        raise BaseError("the base has no C library that is known")

    @property
    def sonames(self) -> tuple[str, ...]:
        """The names of all libraries in the library directories, sorted."""
        return tuple(sorted({found[1] for path in self.kinds if (found := _LIBRARY.fullmatch(path))}))

    @property
    def has_user(self) -> bool:
        """Whether the passwd file knows 65532."""
        lines = self._text("etc/passwd").splitlines()
        return any(line.split(":")[2:3] == ["65532"] for line in lines)

    @property
    def distribution(self) -> str:
        """Like `debian 12`; empty where the base does not say."""
        text = self._text("etc/os-release") or self._text("usr/lib/os-release")
        values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        return " ".join(values[key].strip("\"'") for key in ("ID", "VERSION_ID") if key in values)

    @property
    def packages(self) -> tuple[Component, ...]:
        """The packages of dpkg's and apk's own lists, sorted by name."""
        texts = [data.decode("utf-8", "replace") for path, data in self._kept.items() if _STATUS.fullmatch(path)]
        stanzas = [stanza_fields(stanza) for text in texts for stanza in text.split("\n\n") if stanza.strip()]
        found = [self._debian(fields) for fields in stanzas if fields.get("Status", "installed").endswith("installed")]
        blocks = self._text("lib/apk/db/installed").split("\n\n")
        found += [self._alpine(block) for block in blocks if block.strip()]
        return tuple(sorted(found, key=lambda one: (one.name, one.version)))

    def _debian(self, fields: dict[str, str]) -> Component:
        vendor = self.distribution.split(" ", 1)[0] or "debian"
        qualifiers = {"arch": fields.get("Architecture", ""), "distro": self.distribution.replace(" ", "-")}
        return _purl(Component(fields["Package"], fields["Version"], ""), "deb", vendor, qualifiers)

    def _alpine(self, block: str) -> Component:
        fields = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
        return _purl(Component(fields["P"], fields["V"], ""), "apk", "alpine", {"arch": fields.get("A", "")})

    def _text(self, path: str) -> str:
        return self._kept.get(path, b"").decode("utf-8", "replace")


def _matters(path: str) -> bool:
    patterns = (_INTERPRETER, _LIBPYTHON, _LIBC, _MUSL, _STATUS, _TEXTS)
    return any(pattern.fullmatch(path) for pattern in patterns)


def _purl(component: Component, kind: str, vendor: str, qualifiers: dict[str, str]) -> Component:
    """Names a package by its URL; it percent-encodes all but a few signs (purl-spec, "Rules for each component")."""
    name, version = component.name.replace("+", "%2B"), component.version.replace("+", "%2B").replace(":", "%3A")
    said = "&".join(f"{key}={value}" for key, value in sorted(qualifiers.items()) if value)
    return replace(component, purl=f"pkg:{kind}/{vendor}/{name}@{version}{'?' if said else ''}{said}")
