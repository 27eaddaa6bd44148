"""How layers stack into one tree: whiteouts, replacements, and links among parents. Pure.

Rules: a layer's whiteouts act on what lies below it and never on itself; a directory over a directory changes its
mode, anything else replaces what was there with all below it. A parent that is a symlink in the tree so far is
followed inside the root, as container engines do. Source: OCI image-spec 1.1, layer.md, "Applying Changesets".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from seaway.image.archive import ArchiveRefused
from seaway.image.model import Kind

_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Said:
    """One statement of a layer; `kind` is that of an entry, or `whiteout`, or `opaque`."""

    path: str
    kind: str
    mode: int = 0o755
    link: str = ""

    def fields(self) -> list[object]:
        """Returns what the constructor takes."""
        return [self.path, str(self.kind), self.mode, self.link]


@dataclass(slots=True)
class Node:
    """One place of the tree; `source` is a file's path in its layer, or a symlink's target."""

    kind: Kind = Kind.DIRECTORY
    mode: int = 0o755
    source: str = ""
    children: dict[str, Node] = field(default_factory=dict)


def stack(layers: Iterable[tuple[str, Iterable[Said]]]) -> Node:
    """Returns the tree of layers, lowest first, each as the directory of its files and what it says."""
    root = Node()
    for directory, said in layers:
        statements = list(said)
        for one in statements:
            if one.kind in ("whiteout", "opaque"):
                _hide(root, one)
        for one in statements:
            if one.kind not in ("whiteout", "opaque"):
                _apply(root, one, directory)
    return root


def _hide(root: Node, said: Said) -> None:
    head, _, name = said.path.rpartition("/")
    parent = _find(root, head)
    if said.kind == "whiteout" and parent is not None:
        parent.children.pop(name, None)
    if said.kind == "opaque" and (node := _find(root, said.path)) is not None:
        node.children.clear()


def _apply(root: Node, said: Said, directory: str) -> None:
    head, _, name = said.path.rpartition("/")
    parent = _find(root, head, make=True)
    if parent is None:
        raise ArchiveRefused("an entry below something that is not a directory", where=said.path)
    known = parent.children.get(name)
    kind = Kind(said.kind)
    if known is not None and known.kind is kind is Kind.DIRECTORY:
        known.mode = said.mode
        return
    source = said.link if kind is Kind.SYMLINK else f"{directory}/{said.path}"
    parent.children[name] = Node(kind, said.mode, source)


def _find(root: Node, path: str, *, make: bool = False) -> Node | None:
    """Returns the directory at a path, following symlinks without ever leaving the root; None if it is none."""
    trail = [root]
    waiting = path.split("/")[::-1] if path else []
    links = 0
    while waiting:
        name = waiting.pop()
        if name in ("", "."):
            continue
        if name == "..":
            trail = trail[:-1] or [root]
            continue
        node = trail[-1].children.get(name)
        if node is None and make:
            node = trail[-1].children[name] = Node()
        if node is None or node.kind is Kind.FILE:
            return None
        if node.kind is Kind.DIRECTORY:
            trail.append(node)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise ArchiveRefused("symlinks that lead in a circle", where=path)
        trail = [root] if node.source.startswith("/") else trail
        waiting.extend(node.source.split("/")[::-1])
    return trail[-1]
