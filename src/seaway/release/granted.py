"""The promotion that let a bundle into an environment, as the ledger has it: verified before an agent grants."""

from __future__ import annotations

from datetime import date

from seaway.digest import Digest
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Promotion
from seaway.evidence.statement import PredicateType


def promotion_of(notary: Notary, environment: str, bundle: Digest) -> tuple[int, date] | None:
    """Returns leaf and day of the newest promotion of a bundle to an environment, signed as it must be; or None."""
    found = notary.verified(subject=bundle, predicate_type=PredicateType.PROMOTION)
    mine = [one for one in found if Promotion.of(one.statement).target == environment]
    return (mine[-1].index, Promotion.of(mine[-1].statement).at.date()) if mine else None
