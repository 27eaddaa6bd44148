"""Envoy's configuration: exact shares, siblings, retries, and files that name each other."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.targets.envoy import LATENCY_EDGES, Backend, Front, endpoints, listeners, route_table, weigh

pytestmark = pytest.mark.rootless

FRONT = Front("web", 8000, "127.64.1.1")


def pods(**counts: int) -> list[Backend]:
    """Returns so many replicas of each version."""
    return [
        Backend(f"web-{version}-{slot}", "web", version, f"127.64.1.{10 + number}")
        for number, (version, slot) in enumerate((v, s) for v, count in counts.items() for s in range(count))
    ]


def test_forty_percent_over_three_and_two_is_equal_exposure() -> None:
    """Three stable and two canary replicas at 60 and 40 percent get the same weight each."""
    assert set(weigh(pods(a=3, b=2), {"a": 60, "b": 40}, 8000).values()) == {120}


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 100))
def test_shares_are_exact_whatever_the_counts(old: int, new: int, percent: int) -> None:
    """The sum of a version's weights is exactly its percent of the whole; a version without weight is not routed."""
    weights = weigh(pods(a=old, b=new), {"a": 100 - percent, "b": percent}, 8000)
    total = sum(weights.values())
    part = sum(weight for name, weight in weights.items() if name.startswith("web-b"))
    assert Fraction(part, total) == Fraction(percent, 100)
    assert all(isinstance(weight, int) and weight > 0 for weight in weights.values())


def test_a_version_without_replicas_leaves_its_share() -> None:
    """Requests go where somebody can answer; with nobody left there is no route."""
    assert weigh(pods(a=2), {"a": 10, "b": 90}, 8000) == {"web-a-0~8000": 10, "web-a-1~8000": 10}
    assert weigh([], {"a": 100}, 8000) == {}


def test_siblings_of_the_same_version_are_the_second_choice() -> None:
    """A replica's cluster holds itself first, then its version's others, never another version's."""
    found = {each["cluster_name"]: each["endpoints"] for each in endpoints(pods(a=3, b=1), 8000)}
    first, second = found["web-a-1~8000"]
    assert (first["priority"], second["priority"]) == (0, 1)
    addresses = [each["endpoint"]["address"]["socket_address"]["address"] for each in second["lb_endpoints"]]
    assert addresses == ["127.64.1.10", "127.64.1.12"]
    assert len(found["web-b-0~8000"]) == 1


def test_only_safe_methods_are_retried_after_a_reset() -> None:
    """What reached a program may have had an effect; GET, HEAD and OPTIONS may be asked again."""
    safe, other = route_table(FRONT, {"web-a-0~8000": 1})["virtual_hosts"][0]["routes"]
    assert "reset" in safe["route"]["retry_policy"]["retry_on"].split(",")
    assert "reset" not in other["route"]["retry_policy"]["retry_on"].split(",")
    assert "connect-failure" in other["route"]["retry_policy"]["retry_on"].split(",")
    assert safe["match"]["headers"][0]["string_match"]["safe_regex"]["regex"] == "^(GET|HEAD|OPTIONS)$"


def test_nobody_ready_is_an_answer_not_a_hang() -> None:
    """503 at once, with a sentence."""
    (route,) = route_table(FRONT, {})["virtual_hosts"][0]["routes"]
    assert route["direct_response"]["status"] == 503


def test_a_published_port_is_a_listener_of_its_own() -> None:
    """Both carry the same routes."""
    front = Front("web", 8000, "127.64.1.1", published=("127.0.0.1", 8080))
    made = listeners("/x", [front], {})
    sockets = [each["address"]["socket_address"] for each in made]
    assert [(each["address"], each["port_value"]) for each in sockets] == [("127.64.1.1", 8000), ("127.0.0.1", 8080)]
    assert made[0]["filter_chains"] == made[1]["filter_chains"]


def test_edges_are_two_digits_and_sorted() -> None:
    """The histogram can answer for round thresholds, 250 ms among them."""
    assert list(LATENCY_EDGES) == sorted(set(LATENCY_EDGES))
    assert 250.0 in LATENCY_EDGES
