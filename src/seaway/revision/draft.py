"""A draft: the user's files with changes that are not written yet.

Places are those of the files as they are on disk; a draft knows how earlier changes moved them. Writing replaces each
file in one step and refuses a file that is no longer what the draft began with.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from seaway.app.edit import Splice, applied
from seaway.errors import EditRefused
from seaway.findings import Position


@dataclass(slots=True)
class Text:
    """A file's text: as it is on disk (None: there is none), as it would be, the splices between in their order, and
    the places of entries that are gone."""

    path: Path
    original: bytes | None
    text: str
    splices: list[Splice] = field(default_factory=list)
    gone: set[Position] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> Text:
        """Reads a file; raises EditRefused where its bytes are no UTF-8."""
        data = path.read_bytes() if path.is_file() else None
        try:
            return cls(path, data, (data or b"").decode())
        except UnicodeDecodeError as problem:
            raise EditRefused(f"{path.name} is not UTF-8, so it is not edited", where=path) from problem

    def copy(self) -> Text:
        """Returns a text that can be changed without this one."""
        return replace(self, splices=list(self.splices), gone=set(self.gone))

    def splice(self, change: Splice) -> None:
        """Makes a change of the text as it is now."""
        self.text = applied(self.text, change)
        self.splices.append(change)

    def now(self, offset: int) -> int:
        """Returns where a place of the file on disk lies now; raises EditRefused for one that was replaced."""
        for change in self.splices:
            if change.start < offset < change.end:
                raise EditRefused("another edit replaced this place", where=self.path)
            if offset >= change.end and (offset > change.start or change.end > change.start):
                offset += change.growth
        return offset

    @property
    def data(self) -> bytes:
        """The bytes as they would be."""
        return self.text.encode()


@dataclass(slots=True)
class Draft:
    """The files of one project while they are changed, by path."""

    directory: Path
    files: dict[Path, Text] = field(default_factory=dict)

    def text(self, path: Path) -> Text:
        """Returns a file's text, read once."""
        if path not in self.files:
            self.files[path] = Text.read(path)
        return self.files[path]

    def copy(self) -> Draft:
        """Returns a draft that can be changed without this one."""
        return Draft(self.directory, {path: text.copy() for path, text in self.files.items()})

    @property
    def changed(self) -> list[Text]:
        """The files that would change."""
        return [text for text in self.files.values() if text.data != (text.original or b"")]

    @property
    def drafts(self) -> dict[Path, bytes]:
        """What the loader reads instead of the files on disk."""
        return {text.path: text.data for text in self.changed}

    def name(self, text: Text) -> str:
        """Returns a file's path as it is shown: below the app's folder where it lies there."""
        inside = text.path.is_relative_to(self.directory)
        return text.path.relative_to(self.directory).as_posix() if inside else text.path.as_posix()

    def diff(self) -> str:
        """Returns the changes as a unified diff; line ends are shown as they are."""
        return "".join(line for text in self.changed for line in _diff(text, self.name(text)))

    def write(self) -> list[Path]:
        """Writes the files that change, each in one step; raises EditRefused where one changed on disk meanwhile."""
        for text in self.changed:
            _refuse_changed(text)
        for text in self.changed:
            _replace(text)
        return [text.path for text in self.changed]


def _diff(text: Text, name: str) -> Iterator[str]:
    before = _lines((text.original or b"").decode())
    source = f"a/{name}" if text.original is not None else "/dev/null"
    for line in difflib.unified_diff(before, _lines(text.text), source, f"b/{name}"):
        ending = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
        yield line.replace("\r\n", "\n") + ending


def _lines(text: str) -> Sequence[str]:
    return [f"{line}\n" for line in text.split("\n")[:-1]] + [line for line in text.split("\n")[-1:] if line]


def _refuse_changed(text: Text) -> None:
    now = text.path.read_bytes() if text.path.is_file() else None
    if now != text.original:
        raise EditRefused(f"{text.path.name} changed meanwhile", where=text.path, hint="run the command again")


def _replace(text: Text) -> None:
    """Puts the new bytes in the file's place with its mode; behind a symlink, in the place of what it names."""
    path = text.path.resolve()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(text.data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError as problem:
        raise EditRefused(f"{path.name} cannot be written: {problem.strerror}", where=path) from problem
    os.replace(file.name, path)  # noqa: PTH105  (one step, over what is there)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
