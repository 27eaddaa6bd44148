"""From a module's source to its mutants: one small change each, made on the syntax tree.

Kinds: comparison, arithmetic and boolean operators, integer and string constants, negated conditions, `return`
values, and dropped entries of tables. Docstrings, annotations and messages of errors are left alone: changing them
changes no behaviour a test should pin.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed module: where, what, and its tree ready to compile."""

    line: int
    change: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Yields every mutant of a module's source, in source order."""
    original = ast.parse(source)
    for index, node in enumerate(ast.walk(original)):
        if isinstance(node, ast.expr | ast.stmt) and id(node) not in _silent(original):
            for number, change in enumerate(_changes(node)):
                tree = copy.deepcopy(original)
                target = next(found for at, found in enumerate(ast.walk(tree)) if at == index)
                list(_apply(target))[number]()
                yield Mutant(node.lineno, change, ast.fix_missing_locations(tree))


def _silent(tree: ast.Module) -> set[int]:
    """Returns the ids of nodes whose change no test should have to notice."""
    quiet: set[int] = set()
    for node in ast.walk(tree):
        roots: list[ast.AST] = []
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            roots.append(node.body[0])
        if isinstance(node, ast.Raise | ast.JoinedStr):
            roots.append(node)
        if isinstance(node, ast.AnnAssign):
            roots.append(node.annotation)
        if isinstance(node, ast.FunctionDef):
            roots += [argument.annotation for argument in node.args.args if argument.annotation]
            roots += [node.returns] if node.returns else []
        quiet |= {id(below) for root in roots for below in ast.walk(root)}
    return quiet


def _changes(node: ast.AST) -> list[str]:
    return [str(change.__doc__) for change in _apply(node)]


def _apply(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARE:
        new = _COMPARE[type(node.ops[0])]
        yield _Change(f"{type(node.ops[0]).__name__} to {new.__name__}", lambda: node.ops.__setitem__(0, new()))
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        operator = _ARITHMETIC[type(node.op)]
        yield _Change(f"{type(node.op).__name__} to {operator.__name__}", lambda: setattr(node, "op", operator()))
    elif isinstance(node, ast.BoolOp):
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _Change(f"{type(node.op).__name__} to {type(other).__name__}", lambda: setattr(node, "op", other))
    elif isinstance(node, ast.If | ast.IfExp):
        test = ast.UnaryOp(ast.Not(), node.test)
        yield _Change("condition negated", lambda: setattr(node, "test", test))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        value = node.value
        yield _Change(f"{value!r} plus one", lambda: setattr(node, "value", value + 1))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        flipped = not node.value
        yield _Change(f"{node.value!r} to {flipped!r}", lambda: setattr(node, "value", flipped))
    elif isinstance(node, ast.Dict) and len(node.keys) > 2:
        for at in range(len(node.keys)):
            yield _Change(f"entry {at} dropped", lambda at=at: (node.keys.pop(at), node.values.pop(at)))


class _Change:
    """A change not yet made, with its name."""

    def __init__(self, name: str, make: object) -> None:
        self.__doc__ = name
        self._make = make

    def __call__(self) -> None:
        self._make()  # type: ignore[operator]
