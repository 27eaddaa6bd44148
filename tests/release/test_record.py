"""The evidence file: it replays bit for bit, and nothing in it can be changed unnoticed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seaway.digest import Digest, canonical
from seaway.errors import ReplayMismatch
from seaway.release.document import decode, encode
from seaway.release.evidence import Evidence, Group
from seaway.release.judge import verdict
from seaway.release.record import fingerprint, record, replay
from seaway.release.steps import Plan
from tests.release.counts import counted, fed, spec
from tests.release.world import ONE, TWO, plan

pytestmark = pytest.mark.rootless

TICKS = [counted("errors", [(48, bad), (50, 2 * bad)], [(50, 1), (51, 0), (49, 2)]) for bad in range(1, 8)]
GROUPS = [Group(float(place), 1.0, counts) for place, counts in enumerate(TICKS, start=1)]
FILE = record(spec(), Evidence.start(spec()), GROUPS, {"release": "41"})


def changed(**parts: Any) -> bytes:
    """Returns the file with parts replaced and its hash made right again."""
    document = {**json.loads(FILE), **parts}
    del document["sha256"]
    return canonical({**document, "sha256": Digest.of_json(document).hex})


def test_a_replay_gives_the_same_evidence_and_verdict() -> None:
    """From the integer counts alone, equal in every bit."""
    replayed = replay(FILE)
    assert replayed.evidence == fed(spec(), *TICKS)
    assert replayed.verdict == verdict(fed(spec(), *TICKS), spec())


def test_state_is_written_in_hex_floats() -> None:
    """What people and machines read back is the exact value."""
    mantissa = json.loads(FILE)["state"]["series"][0]["regress"]["linear"]["mantissas"][0]
    assert mantissa.startswith("0x1.")


def test_a_flipped_byte_is_found() -> None:
    """Every byte of the file is under its hash."""
    for place in range(0, len(FILE), 97):
        broken = FILE[:place] + bytes([FILE[place] ^ 1]) + FILE[place + 1 :]
        with pytest.raises(ReplayMismatch):
            replay(broken)


def test_one_outcome_more_is_found_though_the_hash_is_right() -> None:
    """Counts that do not lead to the recorded state are refused."""
    ticks = json.loads(FILE)["ticks"]
    ticks[3]["counts"][0][5] += 1
    with pytest.raises(ReplayMismatch, match="another state"):
        replay(changed(ticks=ticks))


def test_another_verdict_is_found_though_the_hash_is_right() -> None:
    """A verdict that does not follow is refused."""
    said = {**json.loads(FILE)["verdict"], "outcome": "promote"}
    with pytest.raises(ReplayMismatch, match="another verdict"):
        replay(changed(verdict=said))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"sha256": 1}', b'{"sha256":"","schema":"other"}'])
def test_what_is_no_evidence_file_is_refused(data: bytes) -> None:
    """Any bytes end in one error with the place."""
    with pytest.raises(ReplayMismatch):
        replay(data, where="evidence.json")


def test_fingerprints_differ_with_one_bit() -> None:
    """Two states are equal in all bits or have different digests."""
    assert fingerprint(fed(spec(), *TICKS)) == fingerprint(fed(spec(), *TICKS))
    assert fingerprint(fed(spec(), *TICKS)) != fingerprint(fed(spec(), *TICKS[:-1]))


def test_a_plan_survives_its_document() -> None:
    """Steps, parties and spec come back equal: unions by kind, mappings, digests, floats."""
    release = plan(TWO, ONE)
    assert decode(Plan, json.loads(json.dumps(encode(release)))) == release


def test_a_document_of_another_kind_is_refused() -> None:
    """A spec is not read as evidence."""
    with pytest.raises(ValueError, match="a document of Spec is no Evidence"):
        decode(Evidence, encode(spec()))
