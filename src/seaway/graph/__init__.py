"""WHAT HANGS TOGETHER: the ledger folded into nodes and edges, and the questions asked of it.

`GraphStore.open(path)`, `.follow(NotaryFeed(notary))`, then `why(store, subject)`. The file is a view: it may be
deleted at any time, and folding the ledger again gives the same rows. Nothing here decides a gate or moves traffic.
"""

from __future__ import annotations

from seaway.graph.answer import Gap, ImageAnswer, Material, Said, Why
from seaway.graph.feed import LedgerFeed, NotaryFeed
from seaway.graph.questions import why
from seaway.graph.store import GraphStore

__all__ = ["Gap", "GraphStore", "ImageAnswer", "LedgerFeed", "Material", "NotaryFeed", "Said", "Why", "why"]
