"""The evidence file: everything a verdict was made of, and the proof that it follows.

The file holds spec, ticks as integer counts with the reason of each dropped or blind one, the final state in hex
floats, the verdict and a SHA-256 over all of it. `replay` runs the judge again from the ticks alone and must meet the
same bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.digest import Digest, canonical
from seaway.errors import ReplayMismatch
from seaway.release.document import decode, encode
from seaway.release.evidence import Evidence, Group, Spec
from seaway.release.judge import Verdict, advance, verdict

SCHEMA = "seaway.dev/evidence/v0.1"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found: the spec, the ticks, and the verdict that follows from them."""

    spec: Spec
    groups: tuple[Group, ...]
    evidence: Evidence
    verdict: Verdict


def fingerprint(evidence: Evidence) -> Digest:
    """Returns the digest of a judge's state: equal states have equal digests, bit for bit."""
    return Digest.of_json(encode(evidence))


def record(spec: Spec, start: Evidence, groups: Sequence[Group], about: Mapping[str, str]) -> bytes:
    """Returns an evidence file; `about` names release, bundle and versions."""
    evidence = replayed(spec, start, groups)
    body = {
        "schema": SCHEMA,
        "about": dict(about),
        "spec": encode(spec),
        "start": encode(start),
        "ticks": [encode(group) for group in groups],
        "state": encode(evidence),
        "verdict": encode(verdict(evidence, spec)),
    }
    return canonical({**body, "sha256": Digest.of_json(body).hex})


def replayed(spec: Spec, evidence: Evidence, groups: Sequence[Group]) -> Evidence:
    """Returns the evidence after all ticks."""
    for group in groups:
        evidence = advance(evidence, spec, group)
    return evidence


def replay(data: bytes, *, where: str = "evidence") -> Replayed:
    """Judges the ticks of an evidence file again; raises ReplayMismatch if anything in it does not follow."""
    try:
        document: dict[str, Any] = json.loads(data)
        stated = document.pop("sha256")
        if document["schema"] != SCHEMA:
            raise ReplayMismatch(f"schema {document['schema']!r} is not {SCHEMA}", where=where)
        if Digest.of_json(document).hex != stated:
            raise ReplayMismatch("the file is not what its sha256 says", where=where, hint="get the file again")
        spec, start = decode(Spec, document["spec"]), decode(Evidence, document["start"])
        groups = tuple(decode(Group, each) for each in document["ticks"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReplayMismatch(f"not an evidence file: {error}", where=where) from error
    evidence = replayed(spec, start, groups)
    if encode(evidence) != document["state"]:
        raise ReplayMismatch("the ticks lead to another state than the recorded one", where=where)
    said = verdict(evidence, spec)
    if encode(said) != document["verdict"]:
        raise ReplayMismatch("the ticks lead to another verdict than the recorded one", where=where)
    return Replayed(spec, groups, evidence, said)
