"""What a client's log adds up to."""

from __future__ import annotations

import pytest

from seaway.stages.loading import Tally
from seaway.telemetry.load import Sent

pytestmark = pytest.mark.rootless


def _tally(*sent: Sent) -> Tally:
    tally = Tally()
    for each in sent:
        tally.add(each)
    return tally


def test_answers_are_counted_by_pod_with_one_request_each() -> None:
    """The newest token of a pod is what one can ask `why` about."""
    told = _tally(Sent(0, 0.1, 200, "a", "t1"), Sent(1, 0.3, 200, "a", "t2"), Sent(2, 0.2, 200, "b", "t3")).json()
    assert (told["sent"], told["failed"], told["slowestSeconds"]) == (3, 0, 0.3)
    assert (told["pods"], told["requests"]) == ({"a": 2, "b": 1}, {"a": "t2", "b": "t3"})


def test_a_failure_is_counted_with_its_reason_and_for_no_pod() -> None:
    """No answer is a fault of its own, a bad status is named by its number."""
    told = _tally(Sent(0, 9.0, 0, fault="ConnectionRefused"), Sent(1, 0.1, 503, "a", "t1")).json()
    assert (told["failed"], told["pods"]) == (2, {})
    assert told["faults"] == {"ConnectionRefused": 1, "status 503": 1}
    assert told["slowestSeconds"] == 9.0


def test_outcomes_are_counted_yes_and_no() -> None:
    """Each outcome by its name; a request without outcomes counts for none."""
    sent = [Sent(0, 0.1, 200, "a", "t", outcomes={"helpful": good}) for good in (True, True, False)]
    assert _tally(*sent, Sent(0, 0.1, 200, "a", "t")).json()["outcomes"] == {"helpful": {"yes": 2, "no": 1}}
