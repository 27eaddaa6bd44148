"""Relative paths become absolute, by a table from path to what a value is: a file, a build context, a mount.

Pure but for the symlinks of watched paths, which `Folder.real` answers. Source: compose-go `paths`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seaway.app.canonical import Malformed
from seaway.app.containers import with_hooks, with_jobs
from seaway.app.patterns import Node, table
from seaway.app.tree import Map, Path, Seq

_REMOTE = ("https://", "http://", "git://", "ssh://", "github.com/", "git@")


@dataclass(frozen=True, slots=True)
class Folder:
    """What paths are relative to: a directory, the user's home, and a function that follows symlinks."""

    directory: str
    home: str | None = None
    real: Callable[[str], str] = str

    def join(self, path: str) -> str:
        """Returns a path made absolute; `~` is the home directory."""
        if path.startswith("~") and self.home:
            path = posixpath.join(self.home, path[1:].lstrip("/"))
        return path if path.startswith("/") else posixpath.normpath(posixpath.join(self.directory, path))


Resolve = Callable[[Any, Folder], Any]


def _file(value: Any, folder: Folder) -> Any:
    return folder.join(value) if isinstance(value, str) and value else value


def _mount_source(value: Any, folder: Folder) -> Any:
    if not isinstance(value, str) or re.match(r"[A-Za-z]:[\\/]|\\\\", value):
        return value
    return folder.join(value)


def _context(value: Any, folder: Folder) -> Any:
    if not isinstance(value, str):
        raise ValueError("a build context must be a string")
    if "://" in value or value.startswith(("service:", *_REMOTE)):
        return value
    return _file(value, folder)


def _watched(value: Any, folder: Folder) -> Any:
    return folder.real(folder.join(value)) if isinstance(value, str) and value else value


def _mount(value: Any, folder: Folder) -> Any:
    if isinstance(value, Map) and value.get("type") == "bind":
        if "source" not in value:
            raise ValueError('invalid mount config for type "bind": field Source must not be empty')
        value["source"] = _mount_source(value["source"], folder)
    return value


def _driver(value: Any, folder: Folder) -> Any:
    if isinstance(value, Map) and value.get("driver") == "local" and isinstance(value.get("driver_opts"), Map):
        options = value["driver_opts"]
        if options.get("o") == "bind" and "device" in options:
            options["device"] = _mount_source(options["device"], folder)
    return value


RESOLVERS: dict[str, Resolve] = {
    "services.*.build.context": _context,
    "services.*.build.additional_contexts.*": _context,
    "services.*.build.ssh.*": _mount_source,
    "services.*.env_file.*.path": _file,
    "services.*.label_file.*": _file,
    "services.*.develop.watch.*.path": _watched,
    "services.*.volumes.*": _mount,
    "configs.*.file": _mount_source,
    "secrets.*.file": _mount_source,
    "volumes.*": _driver,
}
TABLE = table(with_jobs(with_hooks(RESOLVERS)))


def resolve_paths(model: Map, folder: Folder) -> None:
    """Makes the relative paths of a canonical model absolute, in place; raises Malformed."""
    _walk(model, (), TABLE, folder)


def _walk(node: Any, path: Path, rules: Node[Resolve], folder: Folder) -> None:
    entries: list[tuple[str | int, Any]] = list(node.items() if isinstance(node, Map) else enumerate(node))
    for key, value in entries:
        step = rules.step(key if isinstance(node, Map) else "[]")
        if step is None or value is None:
            continue
        if step.rule is not None:
            try:
                node[key] = step.rule(value, folder)
            except ValueError as problem:
                raise Malformed(str(problem), (*path, key)) from problem
        elif isinstance(value, (Map, Seq)):
            _walk(value, (*path, key), step, folder)
