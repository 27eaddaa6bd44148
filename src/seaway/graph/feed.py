"""The ledger as the graph reads it: proven roots and leaves in order, each counting or not.

`LedgerFeed` is the protocol; `NotaryFeed` gives a notary's ledger, where a leaf counts if the numbered verification
let it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from seaway.evidence.merkle import root_hash
from seaway.evidence.notary import Notary
from seaway.evidence.verify import Verified
from seaway.graph.change import Leaf


class LedgerFeed(Protocol):
    """One ledger up to its present head."""

    @property
    def origin(self) -> str:
        """The ledger's name."""

    @property
    def size(self) -> int:
        """How many leaves it has."""

    def root(self, size: int) -> str:
        """Returns the hex root of the first `size` leaves, at most the present ones."""

    def leaves(self, first: int) -> Iterator[Leaf]:
        """Yields every leaf from `first` to the head, in order."""


class NotaryFeed:
    """A ledger read through its notary."""

    def __init__(self, notary: Notary) -> None:
        self._notary = notary
        self.origin = notary.place.origin
        self.size = notary.ledger.size

    def root(self, size: int) -> str:
        """Returns the root from the ledger's own tiles (RFC 6962 §2.1)."""
        return root_hash(size, self._notary.ledger.tiles.nodes()).hex()

    def leaves(self, first: int) -> Iterator[Leaf]:
        """Yields verified leaves as they are, and others as not counting."""
        counting = {one.index: one for one in self._notary.verified()}
        for index in range(first, self.size):
            yield _leaf(counting[index]) if index in counting else Leaf(index, "", "", "", {}, valid=False)


def _leaf(one: Verified) -> Leaf:
    statement = one.statement
    return Leaf(
        index=one.index,
        id=str(statement.id),
        predicate_type=statement.predicate_type,
        subject=str(statement.subject),
        predicate=statement.predicate,
        person=one.person,
        envelope=str(one.envelope),
    )
