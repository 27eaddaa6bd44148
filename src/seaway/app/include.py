"""`include`: what an entry says, which folder and variables its files are loaded with, how their resources join in.

An included file is loaded through all phases with its own project directory and `.env`; the includer's variables win
over that file's, and where both define a resource the includer's is merged over the included one.
Source: compose-go `loader/include.go`. Not here: reading the files, which `assemble` does.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.app.extend import drop
from seaway.app.faults import AtPath
from seaway.app.merge import merged
from seaway.app.tree import Map, Path, Seq, chain
from seaway.errors import MergeError, SchemaError

SECTIONS = ("services", "volumes", "networks", "secrets", "configs", "models", "jobs")
NO_FILE = "/dev/null"

# Compose fetches OCI artifacts and what BuildKit takes for a git repository.
_REMOTE = re.compile(r"oci://|git://|ssh://|github\.com/|[\w-]+@[\w.-]+:|https?://[^#?]*\.git([#?].*)?$")


class Unincludable(AtPath, SchemaError):
    """An entry of `include` has another form."""


class Cyclic(AtPath, MergeError):
    """Files include each other in a circle."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `include`: the first file and its overrides, all as written."""

    files: tuple[str, ...]
    directory: str = ""
    env_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What files are loaded with: `folder` is where the files they name are looked for, `root` what relative paths of
    the model are relative to, `written` the root as Compose passes it on, `chain` the files that include them.
    """

    folder: str
    root: str
    written: str
    environment: Mapping[str, str]
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of an entry lie: the files, and the three folders of their scope."""

    files: tuple[str, ...]
    folder: str
    root: str
    written: str


def is_remote(path: str) -> bool:
    """Returns whether Compose would fetch a file from a registry or a git repository."""
    return _REMOTE.match(path) is not None


def read_entries(include: Any) -> list[Entry]:
    """Reads the value of `include`; raises Unincludable with the path of the fault."""
    if include is None:
        return []
    if not isinstance(include, Seq):
        raise Unincludable("must be a list", ("include",))
    return [_entry(each, ("include", index)) for index, each in enumerate(include)]


def _entry(value: Any, path: Path) -> Entry:
    if isinstance(value, str):
        return Entry((value,))
    if value is None:
        return Entry(())
    if not isinstance(value, Map):
        raise Unincludable("must be a path or a mapping", path)
    directory = value.get("project_directory") or ""
    if isinstance(directory, bool) or not isinstance(directory, (str, int)):
        raise Unincludable("must be a string", (*path, "project_directory"))
    files, env_files = (_strings(value.get(key), (*path, key)) for key in ("path", "env_file"))
    return Entry(files, str(directory), env_files)


def _strings(value: Any, path: Path) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if value is None:
        return ()
    if not isinstance(value, Seq) or not all(isinstance(each, str) for each in value):
        raise Unincludable("must be a string or a list of strings", path)
    return tuple(value)


def locate(entry: Entry, scope: Scope, here: str, is_folder: Callable[[str], bool]) -> Place:
    """Returns where the files of an entry lie; `here` is what Compose resolves a nested relative folder against."""
    files = tuple(_join(scope.folder, file) for file in entry.files)

    def relative(path: str) -> str:
        found = _join(scope.folder, path)
        if not is_folder(found):
            found = _join(scope.folder, posixpath.dirname(path))
        return posixpath.relpath(found, scope.folder)

    if not entry.directory:
        folder, written = posixpath.dirname(files[0]), relative(files[0])
    elif entry.directory.startswith("/"):
        folder, written = entry.directory, entry.directory
    else:
        folder, written = _join(here, _join(scope.written, entry.directory)), relative(entry.directory)
    return Place(files, folder, _join(scope.root, written), written)


def env_files(entry: Entry, scope: Scope, here: str) -> list[str]:
    """Returns the env files an entry names."""
    return [_join(here, _join(scope.written, file)) for file in entry.env_files if file != NO_FILE]


def check_chain(file: str, scope: Scope, index: int) -> None:
    """Raises Cyclic where a file is already among those that include it."""
    if file in scope.chain:
        circle = " includes ".join((*scope.chain[scope.chain.index(file) :], file))
        raise Cyclic(f"include cycle detected: {circle}", ("include", index))


def join_in(included: Map, model: Map, resets: tuple[Path, ...]) -> None:
    """Adds the resources of an included model to the including one, in place; conflicts merge, the includer wins."""
    for section in SECTIONS:
        source = included.get(section)
        if source is None:
            continue
        target = model.get(section, Map())
        if not isinstance(target, Map):
            raise Unincludable("must be a mapping", (section,))
        for name, value in source.items():
            _add(target, section, (name, value, source.at.get(name)), resets)
        model.put(section, target, model.at.get(section, included.at.get(section)))


def _add(target: Map, section: str, entry: tuple[str, Any, Any], resets: tuple[Path, ...]) -> None:
    name, value, mark = entry
    if name not in target:
        target.put(name, value, mark)
        return
    holder = Map({name: value})
    drop(Map({section: holder}), resets)
    whole = merged(value, target[name], (section, name))
    target.put(name, whole, chain(target.at.get(name), mark))


def _join(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))
