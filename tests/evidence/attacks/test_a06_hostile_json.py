"""JSON that two parsers read differently, or that exhausts one."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.strictjson import MAX_BYTES, MAX_DEPTH, read_json
from tests.evidence.refused import refused

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1e999}', "not finite"),
        (b'{"a":9007199254740993}', "2\\^53"),
        (b'{"a":' + b"9" * 5000 + b"}", "not strict JSON"),
        (b'{"a":"\\ud800"}', "not strict JSON"),
        (b'{"\\udfff":1}', "not strict JSON"),
        (b'{"a":1} {"a":2}', "Extra data"),
        (b'{"a":1}\x00', "Extra data"),
        (b'\xef\xbb\xbf{"a":1}', "not strict JSON"),
        (b'{"a":"\xff"}', "not strict JSON"),
        (b"", "not strict JSON"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "levels"),
        (b"[" * 200_000 + b"]" * 200_000, "not strict JSON"),
        (b" " * (MAX_BYTES + 1), "more than"),
    ],
)
def test_hostile_json_is_refused(data: bytes, reason: str) -> None:
    """Each by one error, none by a crash."""
    with refused(EvidenceInvalid, reason, 30):
        read_json(data)


def test_the_limits_themselves_are_allowed() -> None:
    """The deepest and the largest that is allowed is read."""
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert read_json(b'{"a":9007199254740992}') == {"a": 2**53}
    assert read_json(b"1" + b" " * (MAX_BYTES - 1)) == 1
