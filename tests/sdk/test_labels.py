"""Late outcomes: taken whole or not at all; forged, aged, repeated and foreign tokens are refused and counted."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.asgi import VERSION, recorder

from seaway_sdk import labels, token
from seaway_sdk.conventions import LABEL_BYTES, LABEL_MEMORY
from seaway_sdk.labels import Desk, Label, LabelsInvalid, Refusal

pytestmark = pytest.mark.rootless

KEY = b"k"
NOW = 1_800_000_000.0


def request(trace: int = 1, *, age_days: float = 0, version: str = VERSION, key: bytes = KEY) -> str:
    """A token made some days before NOW."""
    minutes = int(NOW / 60 - age_days * 1440)
    return token.make(minutes, bytes.fromhex(version), trace.to_bytes(16, "big"), key=key)


def line(text: str, name: str = "helpful", passed: object = True) -> bytes:
    """One line of a body."""
    return json.dumps({"request": text, "name": name, "passed": passed}).encode() + b"\n"


def judged(text: str, desk: Desk | None = None) -> Refusal | None:
    """What a desk says of one token."""
    return (desk or Desk(VERSION, KEY)).judge(Label(token.parse(text), "helpful", True), NOW)


def test_a_good_label_counts() -> None:
    """The straight way."""
    assert judged(request()) is None


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (request(key=b"other"), Refusal.FORGED),
        (request(key=b""), Refusal.FORGED),
        (request(age_days=180.1), Refusal.AGED),
        (request(age_days=-1), Refusal.AGED),
        (request(version="ffffffffff"), Refusal.FOREIGN),
    ],
)
def test_a_token_that_does_not_hold_is_refused(text: str, refusal: Refusal) -> None:
    """Each reason by itself."""
    assert judged(text) is refusal


def test_a_label_of_the_last_day_still_counts() -> None:
    """180 days are the limit, not before."""
    assert judged(request(age_days=179.9)) is None


def test_a_repeat_is_refused_by_name() -> None:
    """One request has one outcome of a name; another name is another outcome."""
    desk = Desk(VERSION, KEY)
    assert judged(request(), desk) is None
    assert judged(request(), desk) is Refusal.REPEATED
    assert desk.judge(Label(token.parse(request()), "kind", True), NOW) is None


def test_memory_for_repeats_is_bounded() -> None:
    """The oldest of 65,536 is forgotten first."""
    desk = Desk(VERSION, KEY)
    for trace in range(1, LABEL_MEMORY + 2):
        desk._remember((f"{trace:032x}", "helpful"))
    assert len(desk._seen) == LABEL_MEMORY
    assert judged(request(trace=LABEL_MEMORY + 1), desk) is Refusal.REPEATED
    assert judged(request(trace=1), desk) is None


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{}\n", "line 1"),
        (line(request()) + b"nonsense\n", "line 2"),
        (line("00" * 36), "line 1"),
        (line(request(), passed=1), "line 1"),
        (line(request(), passed=None), "line 1"),
        (line(request(), name="errors"), "line 1"),
        (line(request(), name="a b"), "line 1"),
        (line(request(), name="x" * 65), "line 1"),
        (b"[" * 100_000, "line 1"),
        (b'{"request":1,"name":"a","passed":true}', "line 1"),
        (b'{"request":"' + request().encode() + b'","name":"a","passed":true,"more":1}', "line 1"),
        (b"\xff\xfe\n", "line 1"),
        (b" " * (LABEL_BYTES + 1), "more than"),
    ],
)
def test_a_body_that_is_no_labels_is_refused_with_its_line(body: bytes, where: str) -> None:
    """Bad input says where."""
    with pytest.raises(LabelsInvalid, match=where):
        labels.parse(body)


def test_a_bad_line_counts_nothing_of_its_body() -> None:
    """All or nothing."""
    own = recorder(key=KEY)
    fresh = token.make(int(time.time() // 60), bytes.fromhex(VERSION), bytes([1] * 16), key=KEY)
    with pytest.raises(LabelsInvalid):
        own.label(line(fresh) + b"{}\n", load=False)
    assert own.state.total().outcomes == {}


def test_refused_tokens_are_counted_and_the_rest_counts() -> None:
    """One forged line does not cost the others."""
    own = recorder(key=KEY)
    minutes = int(time.time() // 60)
    good = token.make(minutes, bytes.fromhex(VERSION), bytes([1] * 16), key=KEY)
    forged = token.make(minutes, bytes.fromhex(VERSION), bytes([2] * 16), key=b"other")
    assert own.label(line(good, passed=False) + line(forged) + line(good), load=True) == 2
    total = own.state.total()
    assert total.outcomes == {("helpful", True): [1, 1]}
    assert total.dropped == {"label_forged": 1, "label_repeated": 1}


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_no_body_breaks_the_parser(body: bytes) -> None:
    """Hostile bytes give labels or LabelsInvalid, never another error."""
    try:
        labels.parse(body)
    except LabelsInvalid:
        pass
