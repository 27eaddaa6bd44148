"""What must be known before an app can be loaded: environments and roots of the first file, names of all files.

All are read uninterpolated, from the files as they are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seaway.app.extension import Environment
from seaway.app.parse import Document
from seaway.app.reading import Reader, Unreadable, nearest
from seaway.app.select import Selection, read_env_files
from seaway.app.sources import Source, is_file
from seaway.app.tree import Map, Origins
from seaway.errors import NameUnknown
from seaway.findings import Finding, Level

_KEY = ("x-seaway", "environments")


@dataclass(frozen=True, slots=True)
class Head:
    """The first file's documents, with the names that places are given by."""

    documents: Sequence[Document]
    names: tuple[str, ...]

    def block(self, key: str) -> Any:
        """Returns a key of `x-seaway` as the first file writes it; the last document that has it counts."""
        found = None
        for document in self.documents:
            block = document.tree.get("x-seaway") if isinstance(document.tree, Map) else None
            found = block.get(key, found) if isinstance(block, Map) else found
        return found

    def environments(self, reader: Reader) -> dict[str, Environment]:
        """Returns the environments in order; without any there is `dev`, on the process target."""
        raw = self.block("environments")
        if raw is None:
            return {"dev": Environment("dev")}
        try:
            read: Mapping[str, Environment] = reader.value(Mapping[str, Environment], raw, _KEY)
        except Unreadable as problem:
            reader.report("SW-103", f"environments are not {problem}", _KEY, None)
            return {"dev": Environment("dev")}
        return {name: replace(each, name=name) for name, each in read.items() if each is not None}

    def roots(self) -> tuple[str, ...]:
        """Returns the outside directories that may be read."""
        raw = self.block("roots")
        return tuple(str(root) for root in raw) if isinstance(raw, list) else ()

    def reader(self) -> Reader:
        """Returns a reader whose findings have places in the first file."""
        return Reader(lambda path: self._origins(path).at(*path))

    def _origins(self, path: Any) -> Origins:
        holders = [each.tree for each in self.documents if isinstance(each.tree, Map) and path[0] in each.tree]
        return Origins(holders[-1] if holders else Map(), self.names)


def choose(environments: Mapping[str, Environment], wanted: str | None) -> Environment:
    """Returns the environment of a name, or the first; raises NameUnknown."""
    if wanted is None:
        return next(iter(environments.values()), Environment("dev"))
    if wanted not in environments:
        raise NameUnknown(f'there is no environment "{wanted}"', hint=nearest(wanted, list(environments)))
    return environments[wanted]


def touched(name: str, documents: Sequence[Document], names: tuple[str, ...]) -> list[Finding]:
    """Returns SW-102 for an override file that touches `environments`."""
    found = []
    for document in documents:
        block = document.tree.get("x-seaway") if isinstance(document.tree, Map) else None
        if isinstance(block, Map) and "environments" in block:
            place = Origins(document.tree, names).at(*_KEY)
            says = f"{name} touches x-seaway.environments, which the first file alone decides"
            found.append(Finding("SW-102", Level.ERROR, says, place, "move it to the first file"))
    return found


def for_environment(selection: Selection, environment: Environment, *, source: Source, governed: bool) -> Selection:
    """Returns the selection with an environment's files, profiles and variables.

    Where the environment names files, or the load is governed, an override found by its name is left out: what an
    environment is made of is written down. A governed load sees no variable of the shell.
    """
    written = bool(environment.files) or governed
    override = None if written else selection.override
    folder = selection.directory
    files = (*selection.files, *((override,) if override else ()), *(folder / file for file in environment.files))
    return replace(
        selection,
        files=tuple(Path(file) for file in files),
        override=None,
        profiles=(*selection.profiles, *environment.profiles),
        environ=_variables(selection, environment, source, governed=governed),
    )


def _variables(selection: Selection, environment: Environment, source: Source, *, governed: bool) -> Mapping[str, str]:
    folder = selection.directory
    if environment.env_file is not None:
        files = [folder / file for file in environment.env_file]
    elif governed:
        files = [file for file in (folder / ".env",) if is_file(file)]
    else:
        for file in selection.env_files:
            source.read(file, "env")
        return selection.environ
    shell = {} if governed else selection.shell
    return {**read_env_files(files, shell, lambda file: source.read(file, "env")), **shell}
