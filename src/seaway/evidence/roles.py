"""Who may sign what: roles, and for each the predicate types it signs and no others.

The heart of it: a releaser's key signs only good news. Stock verifiers of images ignore the predicate type, so an
image with nothing but a FAILED test by that key would pass them (GHSA-w6c6-c85g-mmv6). Who holds which role is in
the ledger: `people.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from seaway.evidence.statement import PredicateType as T
from seaway.evidence.statement import Statement


class Role(StrEnum):
    """What a key is for; a person's key may have several, a releaser's only that one."""

    BUILDER = "builder"
    TESTER = "tester"
    SCANNER = "scanner"
    APPROVER = "approver"
    RELEASER = "releaser"
    OPERATOR = "operator"
    REGISTRAR = "registrar"
    OWNER = "owner"


SIGNS: Mapping[Role, frozenset[str]] = MappingProxyType(
    {
        Role.BUILDER: frozenset({T.PROVENANCE, T.CYCLONEDX, T.SPDX, T.REFERENCE, T.MODEL_SIGNATURE, T.DATA_REFERENCE}),
        Role.TESTER: frozenset({T.TEST_RESULT, T.REFERENCE_PROFILE}),
        Role.SCANNER: frozenset({T.VULNERABILITIES}),
        Role.APPROVER: frozenset({T.APPROVAL, T.EXCEPTION, T.VEX, T.POLICY_VERSION, T.GRANT_REVOCATION}),
        Role.RELEASER: frozenset({T.RELEASE, T.DECISION}),
        Role.OPERATOR: frozenset(
            {
                T.DECISION,
                T.REFUSAL,
                T.PROMOTION,
                T.DEPLOYMENT,
                T.ROLLBACK,
                T.RELEASE_REQUEST,
                T.RELEASE_EVENT,
                T.METRIC_SUMMARY,
                T.LOG_ANCHOR,
            }
        ),
        Role.REGISTRAR: frozenset({T.KEY_SESSION}),
        Role.OWNER: frozenset({T.KEY_ENROLMENT, T.KEY_ROTATION, T.KEY_REVOCATION, T.IDENTITY_ENROLMENT, T.LOG_ANCHOR}),
    }
)
PROTECTED = frozenset({Role.RELEASER, Role.APPROVER, Role.OWNER})
_DECIDES: Mapping[Role, str] = MappingProxyType({Role.RELEASER: "PASSED", Role.OPERATOR: "FAILED"})


def may_sign(role: Role, statement: Statement) -> bool:
    """Tells whether a role signs this statement; of decisions a releaser signs PASSED and an operator FAILED."""
    if statement.predicate_type not in SIGNS[role]:
        return False
    if statement.predicate_type == T.DECISION:
        return statement.predicate.get("verificationResult") == _DECIDES[role]
    # cosign signs an empty predicate; anything in it would be said with the releaser's authority.
    return statement.predicate_type != T.RELEASE or not statement.predicate


def environment_of(statement: Statement) -> str | None:
    """Returns the environment a statement speaks of, None for those that are about bytes alone."""
    place: object = statement.predicate
    if statement.predicate_type == T.DECISION:
        place = statement.predicate.get("seaway_decision")
    if statement.predicate_type == T.TEST_RESULT:
        place = statement.predicate.get("seaway_suite")
    name = place.get("environment") if isinstance(place, Mapping) else None
    return name if isinstance(name, str) else None
