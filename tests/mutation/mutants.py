"""From a module's source to its mutants: one small change each, made on the syntax tree.

Kinds: comparison, arithmetic and boolean operators; negated or dropped conditions; numbers, truths and words; rows of
tables, members of sets; a statement that does something left out, an error not raised, a result not returned.
Docstrings, annotations and the words of errors are left alone: changing them changes no behaviour a test should pin.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
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
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_LEFT_OUT = (ast.Raise, ast.Continue, ast.Break, ast.AugAssign)
Change = tuple[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a module: its number, where, and what; `tree` makes it."""

    number: int
    line: int
    change: str
    place: tuple[int, int]

    def tree(self, source: str) -> ast.Module:
        """Returns the changed module."""
        tree = ast.parse(source)
        place, which = self.place
        node = next(found for at, found in enumerate(ast.walk(tree)) if at == place)
        _changes(node)[which][1]()
        return ast.fix_missing_locations(tree)


def mutants(source: str) -> list[Mutant]:
    """Returns every mutant of a module's source, in source order."""
    tree = ast.parse(source)
    quiet = _silent(tree)
    places = [
        (node.lineno, change, (place, which))
        for place, node in enumerate(ast.walk(tree))
        if isinstance(node, ast.expr | ast.stmt) and id(node) not in quiet
        for which, (change, _) in enumerate(_changes(node))
    ]
    return [Mutant(number, *found) for number, found in enumerate(sorted(places))]


def _silent(tree: ast.Module) -> set[int]:
    """Returns the ids of nodes whose change no test should have to notice."""
    quiet: set[int] = set()
    for node in ast.walk(tree):
        roots: list[ast.AST | None] = []
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            roots.append(node.body[0])
        if isinstance(node, ast.Raise):
            roots.append(node.exc)
        if isinstance(node, ast.JoinedStr):
            roots.append(node)
        if isinstance(node, ast.AnnAssign):
            roots.append(node.annotation)
        if isinstance(node, ast.FunctionDef):
            roots += [argument.annotation for argument in (*node.args.args, *node.args.kwonlyargs)]
            roots += [node.returns, *node.decorator_list]
        if isinstance(node, ast.Call):
            roots += [word.value for word in node.keywords if word.arg in ("where", "hint")]
            roots += node.args[:1] if isinstance(node.func, ast.Name) and node.func.id == "cast" else []
        if isinstance(node, ast.Assert):
            roots.append(node)
        quiet |= {id(below) for root in roots if root is not None for below in ast.walk(root)}
    return quiet


def _changes(node: ast.AST) -> list[Change]:
    return [*_operators(node), *_conditions(node), *_values(node), *_rows(node), *_statements(node)]


def _operators(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for at, sign in enumerate(node.ops):
            if new := _COMPARE.get(type(sign)):
                yield f"{type(sign).__name__} to {new.__name__}", _setting(node.ops, at, new())
    if isinstance(node, ast.BinOp | ast.AugAssign) and (operator := _ARITHMETIC.get(type(node.op))):
        yield f"{type(node.op).__name__} to {operator.__name__}", lambda: setattr(node, "op", operator())
    if isinstance(node, ast.BoolOp):
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{type(node.op).__name__} to {type(other).__name__}", lambda: setattr(node, "op", other)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "minus dropped", lambda: setattr(node, "op", ast.UAdd())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand))


def _conditions(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        negated = ast.UnaryOp(ast.Not(), node.test)
        yield "condition negated", lambda: setattr(node, "test", negated)
    if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
        for part in node.generators:
            for at in range(len(part.ifs)):
                yield f"filter {at} dropped", lambda part=part, at=at: part.ifs.pop(at)  # type: ignore[misc]


def _values(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield f"{value!r} to {not value!r}", lambda: setattr(node, "value", not value)
    elif isinstance(value, int | float):
        yield f"{value!r} plus one", lambda: setattr(node, "value", value + 1)
    elif isinstance(value, str | bytes):
        extra = "~" if isinstance(value, str) else b"~"
        yield f"{value!r} spelt otherwise", lambda: setattr(node, "value", value + extra)  # type: ignore[operator]


def _rows(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Dict) and len(node.keys) > 1:
        for at in range(len(node.keys)):
            yield f"row {at} dropped", lambda at=at: (node.keys.pop(at), node.values.pop(at))  # type: ignore[misc]
    if isinstance(node, ast.Set) and len(node.elts) > 1:
        for at in range(len(node.elts)):
            yield f"member {at} dropped", lambda at=at: node.elts.pop(at)  # type: ignore[misc]


def _statements(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, _LEFT_OUT) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield f"{type(node).__name__} left out", lambda: _become(node, ast.Pass())
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "nothing returned", lambda: setattr(node, "value", ast.Constant(None))


def _setting(items: list[ast.cmpop], at: int, new: ast.cmpop) -> Callable[[], object]:
    return lambda: items.__setitem__(at, new)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _become(node: ast.AST, other: ast.AST) -> None:
    """Turns a node in place into one of another kind."""
    place = {name: getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}
    node.__class__ = other.__class__
    node.__dict__.clear()
    node.__dict__.update({**copy.copy(other.__dict__), **place})
