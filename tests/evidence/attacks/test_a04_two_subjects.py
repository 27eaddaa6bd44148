"""One signature over two subjects: stock verifiers accept either and print the first as verified."""

from __future__ import annotations

import pytest

from seaway.digest import canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.statement import STATEMENT_TYPE, Statement
from tests.evidence.refused import refused

pytestmark = pytest.mark.rootless
_SUBJECT = {"digest": {"sha256": "a" * 64}}


@pytest.mark.parametrize(
    ("subjects", "reason"),
    [
        ([_SUBJECT, {"digest": {"sha256": "b" * 64}}], "exactly one subject"),
        ([], "exactly one subject"),
        (_SUBJECT, "exactly one subject"),
        ([{"digest": {"sha256": "a" * 64, "sha512": "b" * 128}}], "sha256 and nothing else"),
        ([{"digest": {"sha1": "a" * 40}}], "sha256 and nothing else"),
        ([{"digest": {"sha256": "A" * 64}}], "64 lower-case hex digits"),
    ],
)
def test_a_statement_is_about_one_digest(subjects: object, reason: str) -> None:
    """None, two, or one under other names is refused."""
    document = {"_type": STATEMENT_TYPE, "predicate": {}, "predicateType": "x", "subject": subjects}
    with refused(EvidenceInvalid, reason, 30):
        Statement.parse(canonical(document))
