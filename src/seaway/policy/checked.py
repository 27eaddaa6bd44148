"""Reads the serialised form of a checked CEL expression: which functions it calls, how deep, with which literals.

The form is an `Any` around `cel.expr.CheckedExpr` (cel-spec, proto/cel/expr/checked.proto and syntax.proto). Only the
fields that the subset asks about are declared here; protobuf keeps the rest unread. Judging is in `expressions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_TEXT, _INT, _MESSAGE = 9, 3, 11  # FieldDescriptorProto.Type: STRING, INT64, MESSAGE
# message -> (field, number, type, message of it, repeated)
_FIELDS: dict[str, list[tuple[str, int, int, str, bool]]] = {
    "Any": [("type_url", 1, _TEXT, "", False), ("value", 2, 12, "", False)],
    "Checked": [("references", 2, _MESSAGE, "ReferenceEntry", True), ("expr", 4, _MESSAGE, "Expr", False)],
    "ReferenceEntry": [("key", 1, _INT, "", False), ("value", 2, _MESSAGE, "Reference", False)],
    "Reference": [("name", 1, _TEXT, "", False), ("overloads", 3, _TEXT, "", True)],
    "Expr": [
        ("id", 2, _INT, "", False),
        ("constant", 3, _MESSAGE, "Constant", False),
        ("ident", 4, _MESSAGE, "Ident", False),
        ("select", 5, _MESSAGE, "Select", False),
        ("call", 6, _MESSAGE, "Call", False),
        ("list", 7, _MESSAGE, "List", False),
        ("struct", 8, _MESSAGE, "Struct", False),
        ("loop", 9, _MESSAGE, "Loop", False),
    ],
    "Constant": [
        ("null", 1, _INT, "", False),
        ("bool", 2, _INT, "", False),
        ("int", 3, _INT, "", False),
        ("uint", 4, _INT, "", False),
        ("double", 5, 1, "", False),
        ("string", 6, _TEXT, "", False),
        ("bytes", 7, 12, "", False),
    ],
    "Ident": [("name", 1, _TEXT, "", False)],
    "Select": [("operand", 1, _MESSAGE, "Expr", False), ("field", 2, _TEXT, "", False)],
    "Call": [
        ("target", 1, _MESSAGE, "Expr", False),
        ("function", 2, _TEXT, "", False),
        ("args", 3, _MESSAGE, "Expr", True),
    ],
    "List": [("elements", 1, _MESSAGE, "Expr", True)],
    "Struct": [("name", 1, _TEXT, "", False), ("entries", 2, _MESSAGE, "Entry", True)],
    "Entry": [("key", 3, _MESSAGE, "Expr", False), ("value", 4, _MESSAGE, "Expr", False)],
    "Loop": [
        ("range", 2, _MESSAGE, "Expr", False),
        ("start", 4, _MESSAGE, "Expr", False),
        ("condition", 5, _MESSAGE, "Expr", False),
        ("step", 6, _MESSAGE, "Expr", False),
        ("result", 7, _MESSAGE, "Expr", False),
        ("second", 8, _TEXT, "", False),
    ],
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a checked expression is made of; `mixed` are the kinds in a literal list or map whose members differ."""

    overloads: frozenset[str]
    messages: frozenset[str]
    mixed: tuple[str, ...]
    depth: int
    literal_calls: tuple[tuple[str, str], ...]


def read(serialised: bytes) -> Checked:
    """Reads the bytes of `Expression.serialize`; raises ValueError for anything else."""
    try:
        checked = _message("Checked").FromString(_message("Any").FromString(serialised).value)
    except DecodeError as error:
        raise ValueError(f"not a checked expression: {error}") from error
    nodes = list(_walk(checked.expr))
    return Checked(
        overloads=frozenset(name for entry in checked.references for name in entry.value.overloads),
        messages=frozenset(node.struct.name for node in nodes if node.HasField("struct") and node.struct.name),
        mixed=tuple(" and ".join(kinds) for node in nodes if len(kinds := _kinds(node)) > 1),
        depth=_depth(checked.expr),
        literal_calls=tuple(call for node in nodes if (call := _literal_call(node))),
    )


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for child in (*_children(node), *_body(node)):
        yield from _walk(child)


def _children(node: Any) -> Iterator[Any]:
    """Yields a node's operands; of a loop only what it loops over."""
    if node.HasField("select"):
        yield node.select.operand
    if node.HasField("call"):
        if node.call.HasField("target"):
            yield node.call.target
        yield from node.call.args
    yield from node.list.elements
    for entry in node.struct.entries:
        yield from (entry.key, entry.value)
    if node.HasField("loop"):
        yield node.loop.range


def _body(node: Any) -> Iterator[Any]:
    """Yields what a loop evaluates for each element."""
    if node.HasField("loop"):
        yield from (node.loop.start, node.loop.condition, node.loop.step, node.loop.result)


def _depth(node: Any) -> int:
    """Returns how many loops are nested, which is the exponent of the cost."""
    beside = max(map(_depth, _children(node)), default=0)
    inside = max(map(_depth, _body(node)), default=0)
    return max(beside, inside + 1 if node.HasField("loop") else 0)


def _kinds(node: Any) -> list[str]:
    """Returns the kinds of constants in a literal list, or among the values of a literal map, each once."""
    members = (*node.list.elements, *(entry.value for entry in node.struct.entries if not node.struct.name))
    return sorted({member.constant.WhichOneof("kind") for member in members if member.HasField("constant")})


def _literal_call(node: Any) -> tuple[str, str] | None:
    """Returns a call whose last argument is a literal string: it can be tried before any object is seen."""
    if not node.HasField("call") or not node.call.args or not node.call.args[-1].HasField("constant"):
        return None
    constant = node.call.args[-1].constant
    return (node.call.function, constant.string) if constant.WhichOneof("kind") == "string" else None


@cache
def _message(name: str) -> Any:
    """Returns a message class of a private pool, so that a full copy of the protos beside us never collides."""
    file = descriptor_pb2.FileDescriptorProto(name="seaway/checked.proto", package="seaway", syntax="proto3")
    for message, fields in _FIELDS.items():
        declared = file.message_type.add(name=message)
        if message == "Constant":
            declared.oneof_decl.add(name="kind")
        for field, number, kind, of, repeated in fields:
            made = declared.field.add(name=field, number=number, type=kind, label=3 if repeated else 1)
            if of:
                made.type_name = f".seaway.{of}"
            if message == "Constant":
                made.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"seaway.{name}"))
