"""What a project says of its ledger, so that every clone knows it: `x-seaway.ledger.key` and `.genesis`.

A machine that saw the ledger before remembers it (`memory.py`); a pin protects one that did not. Another key, or
another first leaf, is another ledger under the same name: there is no override but to change the project's file.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.digest import Digest
from seaway.errors import LedgerForked
from seaway.evidence.checkpoint import LogKey

_HINT = "compare it with another copy of the ledger; seaway ledger pin shows what is here"


@dataclass(frozen=True, slots=True)
class Pin:
    """The log's key as its verifier line, and the hash of leaf 0 in hex; empty where the project says nothing."""

    key: str = ""
    genesis: str = ""

    def __bool__(self) -> bool:
        return bool(self.key or self.genesis)

    def check(self, key: LogKey, genesis: Digest | None) -> None:
        """Raises LedgerForked unless the ledger is the one that is pinned."""
        if self.key not in ("", key.verifier):
            says = "the ledger is signed with another key than the project pins"
            raise LedgerForked(says, where="x-seaway.ledger.key", hint=_HINT)
        if self.genesis not in ("", genesis and genesis.hex):
            says = "the ledger begins with another leaf than the project pins"
            raise LedgerForked(says, where="x-seaway.ledger.genesis", hint=_HINT)


UNPINNED = Pin()
