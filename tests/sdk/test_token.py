"""The request token: 36 bytes that carry their own answer, and nothing else is one."""

from __future__ import annotations

import struct
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway_sdk import token
from seaway_sdk.token import Standing

pytestmark = pytest.mark.rootless

KEY = b"k" * 32
VERSION, TRACE = bytes.fromhex("0123456789"), bytes(range(16))
parts = st.tuples(
    st.integers(0, 2**32 - 1),
    st.binary(min_size=5, max_size=5),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 255),
    st.integers(0, 255),
)


def test_a_token_has_the_bytes_of_its_layout() -> None:
    """The golden vector, spelled out by hand."""
    made = token.make(0x01020304, VERSION, TRACE, key=KEY, score_bin=31, segment=7)
    signed = bytes.fromhex("01010203040123456789") + TRACE + bytes([31, 7])
    assert len(signed) == 28
    assert made == (signed + blake2b(signed, digest_size=8, key=KEY).digest()).hex()


def test_without_a_key_the_mac_is_zero_and_the_token_unverified() -> None:
    """No key, no claim."""
    made = token.make(1, VERSION, TRACE)
    assert made.endswith("00" * 8)
    assert len(made) == 2 * token.LENGTH
    assert token.parse(made).standing(b"") is Standing.UNVERIFIED


def test_a_zero_mac_is_forged_where_there_is_a_key() -> None:
    """Leaving the MAC out is no way around it."""
    assert token.parse(token.make(1, VERSION, TRACE)).standing(KEY) is Standing.FORGED


def test_a_mac_nobody_can_check_is_forged() -> None:
    """A replica without a key cannot vouch for a token with a MAC."""
    assert token.parse(token.make(1, VERSION, TRACE, key=KEY)).standing(b"") is Standing.FORGED


@given(parts, st.binary(max_size=64))
@settings(max_examples=60)
def test_parse_undoes_make(values: tuple[int, bytes, bytes, int, int], key: bytes) -> None:
    """Parse o make is the identity, with and without a key."""
    minutes, version, trace, score_bin, segment = values
    read = token.parse(token.make(minutes, version, trace, key=key, score_bin=score_bin, segment=segment))
    assert (read.minutes, read.version, read.trace) == (minutes, version.hex(), trace.hex())
    assert (read.score_bin, read.segment) == (score_bin, segment)
    assert read.standing(key) is (Standing.VERIFIED if key else Standing.UNVERIFIED)


@given(parts, st.integers(0, 71), st.sampled_from("0123456789abcdef"))
@settings(max_examples=120)
def test_one_changed_digit_is_forged_or_no_token(
    values: tuple[int, bytes, bytes, int, int], at: int, digit: str
) -> None:
    """Every digit is covered by the form or by the MAC."""
    minutes, version, trace, score_bin, segment = values
    made = token.make(minutes, version, trace, key=KEY, score_bin=score_bin, segment=segment)
    changed = made[:at] + digit + made[at + 1 :]
    if changed == made:
        return
    try:
        assert token.parse(changed).standing(KEY) is Standing.FORGED
    except ValueError:
        assert at < 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01",
        "01" * 35,
        "01" * 37,
        "zz" * 36,
        "AB" * 36,
        "02" + "00" * 35,
        " " + "01" * 35 + " ",
        "01" * 36 + "\n",
        "٠١" * 36,
    ],
)
def test_anything_else_is_no_token(text: str) -> None:
    """Wrong length, case, digits, form, white space: refused."""
    with pytest.raises(ValueError, match="request token"):
        token.parse(text)


@given(st.text(max_size=80))
@settings(max_examples=100)
def test_no_text_breaks_the_parser(text: str) -> None:
    """A hostile text is a ValueError or a token, never another error."""
    try:
        token.parse(text)
    except ValueError:
        return
    assert len(text) == 72


@pytest.mark.parametrize(
    ("version", "trace"), [(b"1234", TRACE), (b"123456", TRACE), (VERSION, b""), (VERSION, bytes(17))]
)
def test_make_refuses_parts_of_another_length(version: bytes, trace: bytes) -> None:
    """Short parts are not padded, long ones not cut."""
    with pytest.raises(struct.error):
        token.make(1, version, trace)
