"""Expressions: the subset, what they give, and that anything but a truth value is undecided."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import ExtraMissing, RuleRefused
from seaway.policy import checked, expressions
from seaway.policy.expressions import DEEPEST, LONGEST, Unknown, compile_expression
from seaway.policy.subset import SUBSET

pytestmark = pytest.mark.rootless
TABLE = (Path(__file__).parent / "data" / "subset.txt").read_text("utf-8").splitlines()[1:]
EVIDENCE = {"n": 1, "list": [1, 2, 3], "text": "abc", "flag": True, "map": {"k": 1}}


@pytest.mark.parametrize("line", TABLE, ids=[line.rsplit(" | ", 1)[0][:60] for line in TABLE])
def test_an_expression_gives_what_it_should_or_is_refused(line: str) -> None:
    """The subset is what both engines take; everything else is refused when it loads, with its place."""
    text, expected = line.rsplit(" | ", 1)
    if expected == "true" or expected.startswith("unknown: "):
        found = compile_expression(text, "here").truth({"evidence": EVIDENCE})
        assert found is True if expected == "true" else isinstance(found, Unknown)
        if isinstance(found, Unknown):
            assert found.why.startswith(expected.removeprefix("unknown: "))
        return
    with pytest.raises(RuleRefused) as caught:
        compile_expression(text, "here")
    assert expected in caught.value.says
    assert caught.value.where == "here"


def test_a_falsehood_is_no_unknown() -> None:
    """False denies, it is not undecided."""
    assert compile_expression("evidence.n == 2", "here").truth({"evidence": EVIDENCE}) is False


@pytest.mark.parametrize("value", [10**30, object(), {1: object()}, "\ud800"])
def test_a_value_cel_cannot_carry_is_undecided(value: object) -> None:
    """What the engine cannot take in gives no answer, and no exception."""
    assert isinstance(compile_expression("evidence.n == 1", "here").truth({"evidence": {"n": value}}), Unknown)


def test_a_missing_binding_is_undecided() -> None:
    """A variable nobody bound gives no answer."""
    assert isinstance(compile_expression("evidence.n == 1", "here").truth({}), Unknown)


@pytest.mark.parametrize(("length", "passes"), [(LONGEST, True), (LONGEST + 1, False)])
def test_the_longest_expression(length: int, passes: bool) -> None:
    """4 KiB and no byte more."""
    text = "true".ljust(length)
    if passes:
        assert compile_expression(text, "here").truth({}) is True
    else:
        with pytest.raises(RuleRefused, match="longer"):
            compile_expression(text, "here")


@pytest.mark.parametrize("depth", [0, 1, DEEPEST, DEEPEST + 1])
def test_macros_nest_three_deep(depth: int) -> None:
    """Nested in the body, a loop costs the product; beside each other they do not nest."""
    text = "true"
    for level in range(depth):
        text = f"evidence.list.all(x{level}, {text})"
    if depth <= DEEPEST:
        assert compile_expression(text, "here").truth({"evidence": EVIDENCE}) is True
    else:
        with pytest.raises(RuleRefused, match="nested 4 deep"):
            compile_expression(text, "here")


def test_loops_beside_each_other_do_not_nest() -> None:
    """A chain of five loops is one deep, in its range as in its operands."""
    text = "evidence.list.map(a, a).map(b, b).map(c, c).map(d, d).all(e, e > 0) && evidence.list.all(f, f > 0)"
    assert compile_expression(text, "here").truth({"evidence": EVIDENCE}) is True


@pytest.mark.parametrize(
    "wrapped",
    [
        "[{}].size() == 1",
        "{{'a': {}}}.size() == 1",
        "type({}) == list",
        "({}).size() == 0",
        "{} == []",
        "!({}.all(z, true))",
    ],
)
def test_depth_is_found_wherever_it_hides(wrapped: str) -> None:
    """In lists, maps, calls, targets and ranges alike."""
    inner = "evidence.list"
    for level in range(DEEPEST + 1):
        inner = f"evidence.list.map(x{level}, {inner})"
    with pytest.raises(RuleRefused, match="nested"):
        compile_expression(wrapped.format(inner), "here")


def test_what_is_no_checked_expression_is_refused() -> None:
    """Other bytes are not read as an expression without functions."""
    with pytest.raises(ValueError, match="checked"):
        checked.read(b"\xff\xff")


def test_every_overload_is_of_the_first_stable_policies() -> None:
    """ValidatingAdmissionPolicy became v1 in Kubernetes 1.30, with all of these."""
    assert set(SUBSET.values()) == {30}
    assert len(SUBSET) > 150


def test_without_the_extra_the_command_that_adds_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install has no CEL; rules then say how to get it."""
    monkeypatch.setattr(expressions, "find_spec", lambda _name: None)
    expressions._environment.cache_clear()
    try:
        with pytest.raises(ExtraMissing) as caught:
            compile_expression("true", "here")
    finally:
        expressions._environment.cache_clear()
    assert caught.value.hint == "pip install 'seaway[policy]'"
    assert caught.value.exit_code == 6
