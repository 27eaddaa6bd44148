"""The law of the gate: to lose knowledge never opens it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.evidence.statement import PredicateType as T
from seaway.policy.decision import Decision, Verdict
from seaway.policy.facts import Facts
from seaway.policy.gate import decide
from seaway.policy.rules import PolicySet, load_policy
from seaway.policy.shape import State, Word, faults
from seaway.policy.waivers import read_waivers
from tests.policy.world import IMAGE, NOW, World, open_world

pytestmark = pytest.mark.rootless
Path = tuple[str | int, ...]
ALL = sorted(map(str, State))
LOST: list[Any] = ["unknown", "missing", "stale", "failed", "rejected", "self", "expired", None, "", False, []]
GONE = object()


@cache
def policy() -> PolicySet:
    """Returns the policy of the laws: two approvals, one of a title, two suites."""
    asked = {"approvals": 2, "titles": {"release-manager": 1}}
    return load_policy(parameters={"tests-passed": {"suites": ["e2e"]}, "approved-by-another": asked})


def world() -> World:
    made = open_world(approved=False)
    made.policy = policy()
    made.approve("bob", title="release-manager")
    made.approve("carol")
    return made


@cache
def open_facts() -> Facts:
    return world().facts


def places(value: object, path: Path = ()) -> Iterator[Path]:
    """Yields the path of every field and element."""
    items: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from places(part, (*path, key))


def lose(body: Mapping[str, object], path: Path, value: object) -> dict[str, object]:
    """Returns the facts with one place overwritten, or taken away."""
    changed: Any = deepcopy(dict(body))
    place = changed
    for step in path[:-1]:
        place = place[step]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return dict(changed)


def ruled(facts: Facts) -> Decision:
    return decide(policy(), facts, now=NOW)


DENYING: list[tuple[Path, object]] = [
    (("images", 0, "ref"), "shop/api:1"),
    (("images", 0, "provenance", "state"), "missing"),
    (("images", 0, "provenance", "commit"), ""),
    (("images", 0, "sbom", "state"), "partial"),
    (("images", 0, "sbom", "components"), 0),
    (("images", 0, "scan", "state"), "not-scanned"),
    (("images", 0, "scan", "skipped"), 3),
    (("images", 0, "scan", "dbAgeSeconds"), 86401),
    (("tests", 0, "state"), "failed"),
    (("approvals", 0, "state"), "rejected"),
    (("approvals", 0, "state"), "self"),
    (("approvals", 0, "newest"), False),
    (("approvals", 1, "sameEvidence"), False),
    (("approvals", 1, "person"), "bob"),
    (("approvals", 0, "title"), ""),
    (("authors",), ["carol"]),
    (("authors",), []),
    (("requester",), "bob"),
    (("policy", "consented"), False),
]


def test_the_world_of_the_laws_is_open() -> None:
    """The facts that the laws take things away from pass every rule."""
    assert ruled(open_facts()).passed


@pytest.mark.parametrize(("path", "value"), DENYING, ids=[".".join(map(str, case[0])) for case in DENYING])
def test_losing_any_fact_never_opens_a_closed_gate(path: Path, value: object) -> None:
    """Whatever closed it, overwriting any field with any word for not knowing, or taking it away, leaves it closed."""
    closed = lose(open_facts().body, path, value)
    assert not ruled(Facts(closed)).passed
    for place in places(closed):
        if place == path:
            continue
        for lost in (*LOST, GONE):
            changed = lose(closed, place, lost)
            if changed != closed and next(faults(changed), None) is None:
                assert not ruled(Facts(changed)).passed, (place, lost)


def test_losing_a_field_is_seen() -> None:
    """A field that is gone, or holds another kind of thing, makes every rule undecided."""
    body = open_facts().body
    for place in places(body):
        if isinstance(place[-1], str):
            decision = ruled(Facts(lose(body, place, GONE)))
            assert {ruling.verdict for ruling in decision.rulings} == {Verdict.UNDECIDED}, place
        decision = ruled(Facts(lose(body, place, {"odd": 1})))
        assert not decision.passed, place


STATE_RULES = {"provenance": "signed-provenance", "sbom": "sbom-present", "scan": "scan-fresh"}


@pytest.mark.parametrize("part", STATE_RULES)
@pytest.mark.parametrize("state", ALL)
def test_one_state_passes_and_no_other(part: str, state: str) -> None:
    """Of all states a rule takes exactly the good one of its place."""
    facts = Facts(lose(open_facts().body, ("images", 0, part, "state"), state))
    good = "scanned" if part == "scan" else "verified"
    verdict = {ruling.rule: ruling.verdict for ruling in ruled(facts).rulings}[STATE_RULES[part]]
    assert (verdict is Verdict.PASS) == (state == good)


@pytest.mark.parametrize("state", ALL)
def test_only_passed_is_passed(state: str) -> None:
    """A suite is passed or it is not."""
    assert ruled(Facts(lose(open_facts().body, ("tests", 0, "state"), state))).passed == (state == "passed")


texts = st.text(max_size=6) | st.sampled_from(sorted({*ALL, *map(str, Word)}))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200_000) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_arbitrary_facts_never_raise_and_keep_a_denial(data: st.DataObject) -> None:
    """Any two places overwritten by anything: a decision comes out, and other places never undo a denial."""
    path, value = data.draw(st.sampled_from(DENYING[:8] + DENYING[-1:]))
    closed = lose(open_facts().body, path, value)
    place = data.draw(st.sampled_from([p for p in places(closed) if p[: len(path)] != path and path[: len(p)] != p]))
    assert not ruled(Facts(lose(closed, place, data.draw(values)))).passed


@settings(max_examples=40, deadline=None)
@given(st.integers(-3, 93), st.integers(0, 120))
def test_preview_promotion_and_admission_agree_on_expiry(begin: int, later: int) -> None:
    """Whether an exception holds depends on the time asked about and on nothing else."""
    made = open_world(approved=False)
    made.drop(T.VULNERABILITIES)
    start, end = NOW + timedelta(days=begin), NOW + timedelta(days=begin + 90)
    made.excepts("scan-fresh", notBefore=text(start), notAfter=text(end))
    made.now = NOW + timedelta(days=later)
    made.approve(at=text(made.now), expires=text(made.now + timedelta(days=1)))
    waivers, refused = read_waivers(made.entries, made.people)
    assert not refused
    assert waivers[0].grant.covers("prod", made.now) == (begin <= later < begin + 90)
    assert made.decide().passed == (begin <= later < begin + 90)


def text(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))


def test_a_waived_denial_is_still_shown() -> None:
    """The verdict beneath a waiver stands in the decision, with the exception's id."""
    made = open_world(approved=False)
    made.drop(T.VULNERABILITIES)
    waiver = made.excepts("scan-fresh")
    made.approve()
    decision = made.decide()
    assert decision.passed
    ruling = next(ruling for ruling in decision.rulings if ruling.rule == "scan-fresh")
    assert (ruling.verdict, ruling.waived) == (Verdict.DENY, True)
    assert {denial.waived_by for denial in ruling.denials} == {waiver.statement.id.hex}
    assert ruling.denials[0].subject == str(IMAGE)
    assert decision.waivers == (waiver.statement.id.hex,)
    assert "waived by exception" in str(ruling.denials[0])
