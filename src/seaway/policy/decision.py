"""What a gate decided: values, their summary for people, and the SLSA verification summary that is signed.

A decision keeps every rule's verdict, also beneath a waiver: a waived denial is a denial that was let through, and
is shown as one. Deciding is in `gate.py`, signing in `evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from seaway.digest import Digest
from seaway.errors import PolicyDenied, Undecided
from seaway.evidence.deeds import Resource
from seaway.evidence.progress import Decision as VerificationSummary
from seaway.evidence.progress import Result, Verifier
from seaway.policy.rules import Level

_ORIGIN = "signed-provenance"


class Verdict(StrEnum):
    """What a rule says: undecided (an error, an unknown shape) denies too, and is never waived."""

    PASS = "pass"
    SKIP = "skip"
    DENY = "deny"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason against: the rule, the digest and the fact it is about, and what would satisfy it."""

    rule: str
    subject: str
    fact: str
    says: str
    hint: str
    decided: bool = True
    waived_by: str = ""

    def __str__(self) -> str:
        waived = f" (waived by exception {self.waived_by[:12]})" if self.waived_by else ""
        return f"{self.rule}: {self.says} [{self.fact}, {self.subject[:19]}]{waived}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule's verdict with every denial beneath it."""

    rule: str
    level: Level
    verdict: Verdict
    denials: tuple[Denial, ...] = ()

    @property
    def waived(self) -> bool:
        """Whether there are denials and each is waived."""
        return bool(self.denials) and all(denial.waived_by for denial in self.denials)

    @property
    def stops(self) -> bool:
        """Whether this ruling stops a promotion: enforced, not passed, not waived."""
        bad = self.verdict not in (Verdict.PASS, Verdict.SKIP)
        return bad and self.level is not Level.AUDIT and not self.waived

    def json(self) -> dict[str, object]:
        """Returns the ruling as recorded; a denial at level audit is `would-deny`."""
        shown = "would-deny" if self.verdict is Verdict.DENY and self.level is Level.AUDIT else str(self.verdict)
        denials = [
            {"subject": d.subject, "fact": d.fact, "says": d.says, "waivedBy": d.waived_by} for d in self.denials
        ]
        return {"rule": self.rule, "level": str(self.level), "verdict": shown, "denials": denials}


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate of an environment said about a bundle, at `now`, under a policy, from facts.

    `consent` is what a change of this policy will need: approvals and titles, as the policy asks of promotions.
    """

    environment: str
    bundle: str
    policy: Digest
    facts: Digest
    now: datetime
    rulings: tuple[Ruling, ...]
    waivers: tuple[str, ...] = ()
    consent: Mapping[str, object] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether nothing stops it; without a ruling nothing was asked, which is no pass."""
        return bool(self.rulings) and not any(ruling.stops for ruling in self.rulings)

    @property
    def denials(self) -> tuple[Denial, ...]:
        """The denials that stop it, in the order of the rules."""
        return tuple(
            denial for ruling in self.rulings if ruling.stops for denial in ruling.denials if not denial.waived_by
        )

    def or_raise(self) -> Decision:
        """Returns itself if passed; raises PolicyDenied with all reasons, or Undecided if no rule denies outright."""
        if self.passed:
            return self
        says = "; ".join(f"{self.environment}: {denial}" for denial in self.denials) or "no rule was asked"
        hint = next((denial.hint for denial in self.denials), None)
        denied = any(denial.decided for denial in self.denials)
        raise (PolicyDenied if denied else Undecided)(says, where=f"bundle {self.bundle[7:19]}", hint=hint)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the ledger was seen: its size, the newest key statement's index, and the evidence set."""

    size: int
    registry: int
    evidence_set: Digest


def summary(
    decision: Decision, asked: Asked, *, inputs: Sequence[Digest], resource: str, version: str
) -> VerificationSummary:
    """Returns the verification summary (slsa.dev/verification_summary/v1) that says what was decided.

    `inputs` are the digests of the envelopes used, `resource` the purl of what was decided on. A releaser's key signs
    it if it passed, an operator's if not.
    """
    return VerificationSummary(
        verifier=Verifier(id="https://seaway.dev/gate", version={"seaway": version}),
        time_verified=decision.now,
        resource_uri=resource,
        policy=Resource(uri=f"seaway:policy/{decision.environment}", digest={"sha256": decision.policy.hex}),
        input_attestations=tuple(Resource(digest={"sha256": digest.hex}) for digest in sorted(set(inputs))),
        verification_result=Result.PASSED if decision.passed else Result.FAILED,
        verified_levels=(_level(decision),),
        slsa_version="1.0",
        seaway_decision={
            "environment": decision.environment,
            "facts": decision.facts.hex,
            "asked": {"size": asked.size, "registry": asked.registry, "evidenceSet": asked.evidence_set.hex},
            "rules": [ruling.json() for ruling in decision.rulings],
            "waivers": list(decision.waivers),
            "consent": decision.consent,
        },
    )


def _level(decision: Decision) -> str:
    """Returns the SLSA build level that was proven: 1 with verified provenance, 0 where that was waived."""
    if not decision.passed:
        return "FAILED"
    proven = any(ruling.rule == _ORIGIN and ruling.verdict is Verdict.PASS for ruling in decision.rulings)
    return "SLSA_BUILD_LEVEL_1" if proven else "SLSA_BUILD_LEVEL_0"
