"""Who reads each key of `x-seaway`: by the types that mypy sees (slow, exact), and by names (quick, generous).

A key counts as read where the product takes the field's value off its block. Reading it from the file, and the places
where blocks are declared, do not count.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seaway.app.extension_schema import ROOTS
from seaway.app.keys import Key, blocks_below, blocks_in, keys_of

SOURCE = Path(__file__).parents[2] / "src"
DECLARED = {
    f"seaway.app.{name}" for name in ("extension", "service_keys", "release_keys", "keys", "reading", "spelling")
}
# Roots of the first file are needed before there is a block (`Head.roots`); the version decides whether it is read.
ELSEWHERE = {("Extension", "roots"), ("Extension", "version")}
HOLDERS = {"extension", "volume_extensions", "secret_extensions", "network_extensions", "model_extensions"}


def asked() -> Iterator[tuple[type, Key]]:
    """Yields each key that somebody must read: not those marked or that only marked ones lead to, nor blocks."""
    reached: dict[type, None] = {}
    waiting: list[type] = list(ROOTS)
    while waiting:
        kind = waiting.pop()
        if kind not in reached:
            reached[kind] = None
            waiting += [each for key in keys_of(kind).values() if not key.later for each in blocks_in(key.hint)]
    for kind in reached:
        for key in keys_of(kind).values():
            if not key.later and not any(blocks_in(key.hint)) and (kind.__name__, key.field) not in ELSEWHERE:
                yield kind, key


def marked() -> Iterator[tuple[type, Key]]:
    """Yields each key that is marked as leading nowhere yet."""
    for kind in blocks_below(*ROOTS):
        yield from ((kind, key) for key in keys_of(kind).values() if key.later)


@functools.cache
def _modules() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """The names each module reads as attributes or by getattr, and all names in it."""
    found = []
    for path in sorted((SOURCE / "seaway").rglob("*.py")):
        if ".".join(path.relative_to(SOURCE).with_suffix("").parts) in DECLARED:
            continue
        nodes = list(ast.walk(ast.parse(path.read_text())))
        attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        if any(isinstance(node, ast.Name) and node.id == "getattr" for node in nodes):
            attributes |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
        names = attributes | {node.id for node in nodes if isinstance(node, ast.Name)}
        names |= {each.name for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names}
        found.append((frozenset(attributes), frozenset(names)))
    return tuple(found)


@functools.cache
def _ways(kind: type) -> frozenset[str]:
    """The names by which code gets hold of a block: its class, and the fields that hold one."""
    fields = {
        key.field for each in blocks_below(*ROOTS) for key in keys_of(each).values() if kind in blocks_in(key.hint)
    }
    return frozenset({kind.__name__, *fields, *(HOLDERS if kind in ROOTS else ())})


def is_mentioned(kind: type, key: Key) -> bool:
    """Whether some module that gets hold of such a block reads an attribute of the field's name."""
    return any(key.field in attributes and _ways(kind) & names for attributes, names in _modules())


def typed_reads() -> set[tuple[str, str]]:
    """Returns (class, field) of each attribute that the product reads, by the types mypy finds."""
    from mypy import build, modulefinder, nodes, options, types

    chosen = options.Options()
    chosen.export_types = chosen.preserve_asts = chosen.check_untyped_defs = True
    chosen.incremental, chosen.ignore_missing_imports, chosen.follow_imports = False, True, "silent"
    chosen.mypy_path, chosen.explicit_package_bases = [str(SOURCE), str(SOURCE.parent / "sdk" / "src")], True
    names = {path: ".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in SOURCE.rglob("*.py")}
    sources = [
        modulefinder.BuildSource(str(path), name.removesuffix(".__init__")) for path, name in sorted(names.items())
    ]
    result = build.build(sources, chosen)
    found: set[tuple[str, str]] = set()
    for node in result.types:
        if isinstance(node, nodes.MemberExpr):
            for each in _instances(types.get_proper_type(result.types.get(node.expr)), types):
                found.add((each.type.fullname, node.name))
    return found


def _instances(of: Any, types: Any) -> Iterator[Any]:
    parts = of.items if isinstance(of, types.UnionType) else [of]
    for part in map(types.get_proper_type, parts):
        if isinstance(part, types.Instance):
            yield part
