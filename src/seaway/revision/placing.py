"""Where in which file an edit goes: by the place where its entry is written, or by the keys that lead to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seaway.app import edit as yaml_edit
from seaway.app.edit import Block, Entry, Node, Outline, Splice, outline
from seaway.app.model import App
from seaway.app.tree import Path as TreePath
from seaway.errors import EditRefused
from seaway.findings import Edit, Position
from seaway.revision.draft import Draft, Text


@dataclass(frozen=True, slots=True)
class Files:
    """The compose files of an app, the one that decides first, and where its folder is."""

    directory: Path
    compose: Sequence[Path]

    def path(self, name: str) -> Path:
        """Returns the path of a file as places name it."""
        return self.directory / name


def placed(change: Edit, app: App) -> Edit:
    """Returns an edit that knows where its entry is written, newest first; one that knows already stays."""
    known = bool(change.places) or not change.path or change.do in ("default", "line")
    return change if known else replace(change, places=_places(change.path, app))


def _places(path: TreePath, app: App) -> tuple[Position, ...]:
    """Returns where an entry of the app is written; a text that Compose reads as a list of one is that one."""
    services = {**app.inactive, **app.services}
    if path[:1] != ("services",) or len(path) < 3:
        first = next(iter(services.values()), None)
        beside = first is not None and "x-seaway" in path
        return (replace(first.written, prefix=()) if first and beside else app.origins).exact(*path)
    service, inner = services.get(str(path[1])), path[2:]
    if service is None:
        return ()
    origins = service.written if inner[:1] == ("x-seaway",) else service.origins
    return origins.exact(*inner) or (origins.exact(*inner[:-1]) if inner[-1] == 0 else ())


def place(change: Edit, draft: Draft, files: Files) -> list[TreePath]:
    """Makes one edit in a draft; returns the paths of the app it speaks of. Raises EditRefused."""
    if change.do == "default":
        for path in files.compose:
            _default(draft.text(path), str(change.value))
        return []
    if change.do == "line":
        _line(draft.text(files.path(str(change.path[0]))), str(change.value))
        return []
    if change.places:
        return _placed(change, draft, files)
    if change.do not in ("put", "append"):
        raise EditRefused("nothing is written there", where=".".join(map(str, change.path)))
    _new(change, draft, files)
    return [change.path]


# -- what is written already -----------------------------------------------------------------------------------------


def _placed(change: Edit, draft: Draft, files: Files) -> list[TreePath]:
    spoken: list[TreePath] = [change.path] if change.path else []
    places = change.places if change.do in ("drop", "rename") else change.places[:1]
    for position in places:
        text = draft.text(files.path(position.file))
        if change.do == "drop" and position in text.gone:
            continue
        outlined, found = _entry(text, position, change)
        if not change.path:
            spoken.append(_path(outlined, found))
        text.splice(_written(outlined, found, change))
        if change.do == "drop":
            text.gone.add(position)
    if change.do == "rename":
        spoken += [(*path[:-1], change.value) for path in spoken]
    return spoken


def _entry(text: Text, position: Position, change: Edit) -> tuple[Outline, Entry]:
    """Returns the entry that begins at a place of the file on disk: an item, or a key, as the path ends."""
    offset = outline((text.original or b"").decode()).offset(position.line, position.column)
    outlined, now = outline(text.text), text.now(offset)
    found = [entry for entry in outlined.entries() if entry.start == now]
    wanted = isinstance(change.path[-1], int) if change.path else False
    for entry in found:
        if (entry.key is None) is wanted:
            return outlined, entry
    if not found:
        raise EditRefused("nothing is written there", where=position)
    return outlined, found[0]


def _written(outlined: Outline, entry: Entry, change: Edit) -> Splice:
    name = change.path[-1] if change.path else None
    paired = entry.key is None and isinstance(name, str)
    if change.do == "drop":
        return yaml_edit.drop(outlined, entry)
    if change.do == "rename":
        if not paired:
            return yaml_edit.rename(outlined, entry, str(change.value))
        return yaml_edit.replace(outlined, entry, change.value + entry.value.value.removeprefix(str(name)))
    if change.do == "append":
        return yaml_edit.append(outlined, entry.value, change.value)
    return yaml_edit.replace(outlined, entry, f"{name}={change.value}" if paired else change.value)


def _path(outlined: Outline, wanted: Entry) -> TreePath:
    """Returns the path of an entry in its own file."""

    def walk(node: Node, path: TreePath) -> TreePath | None:
        for number, entry in enumerate(node.entries):
            here = (*path, number if entry.key is None else entry.key.value)
            if entry is wanted:
                return here
            if (found := walk(entry.value, here)) is not None:
                return found
        return None

    paths = (walk(root, ()) for root in outlined.roots)
    return next((path for path in paths if path is not None), ())


# -- what is not written yet -----------------------------------------------------------------------------------------


def _new(change: Edit, draft: Draft, files: Files) -> None:
    """Writes a value below as much of its path as some file has; the first file where several have as much."""
    best: tuple[int, Text, Outline, Node, Entry | None] | None = None
    for path in files.compose:
        text = draft.text(path)
        outlined = outline(text.text)
        for root in outlined.roots:
            depth, node, entry = _walked(root, change.path)
            if best is None or depth > best[0]:
                best = (depth, text, outlined, node, entry)
    if best is None:
        raise EditRefused("there is no document to write it to", where=str(files.directory))
    depth, text, outlined, node, entry = best
    text.splice(_grown(change, outlined, node, (entry, change.path[depth:])))


def _grown(change: Edit, outlined: Outline, node: Node, at: tuple[Entry | None, TreePath]) -> Splice:
    entry, rest = at
    if not rest:
        if change.do == "append":
            return yaml_edit.append(outlined, node, change.value)
        if entry is None:
            raise EditRefused("this is the whole file")
        return yaml_edit.replace(outlined, entry, change.value)
    if any(isinstance(part, int) for part in rest):
        raise EditRefused("its list is written elsewhere", where=".".join(map(str, change.path)))
    value = [change.value] if change.do == "append" else change.value
    key, nested = _nested([str(part) for part in rest], value, top=entry is None)
    return yaml_edit.put(outlined, node, key, nested)


def _nested(keys: Sequence[str], value: Any, *, top: bool) -> tuple[str, Any]:
    for key in reversed(keys[1:]):
        value = {key: value}
    if top and keys[0] == "x-seaway" and "version" not in value:
        value = {"version": 1, **value}
    return keys[0], Block(value) if top and isinstance(value, dict) else value


def _walked(root: Node, path: TreePath) -> tuple[int, Node, Entry | None]:
    node, last = root, None
    for depth, part in enumerate(path):
        found = _child(node, part)
        if found is None:
            return depth, node, last
        node, last = found.value, found
    return len(path), node, last


def _child(node: Node, part: str | int) -> Entry | None:
    if isinstance(part, int):
        return node.entries[part] if node.kind == "seq" and part < len(node.entries) else None
    return next((entry for entry in node.entries if entry.key and entry.key.value == part), None)


# -- variables -------------------------------------------------------------------------------------------------------


def _default(text: Text, name: str) -> None:
    """Writes a blank default wherever a variable is used plainly."""
    plain = re.compile(rf"(?<!\$)((?:\$\$)*)\$(?:{name}(?![A-Za-z0-9_])|\{{{name}\}})")
    outlined = outline(text.text)
    for node in sorted(_scalars(outlined), key=lambda node: -node.start):
        written = outlined.text[node.start : node.end]
        filled = plain.sub(lambda match: f"{match[1]}${{{name}:-}}", written)
        if filled != written:
            text.splice(Splice(node.start, node.end, filled))


def _scalars(outlined: Outline) -> Iterator[Node]:
    return (entry.value for entry in outlined.entries() if entry.value.kind == "scalar")


def _line(text: Text, line: str) -> None:
    gap = "" if not text.text or text.text.endswith("\n") else "\n"
    text.splice(Splice(len(text.text), len(text.text), f"{gap}{line}\n"))
