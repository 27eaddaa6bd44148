"""Questions to the ledger's graph, which is folded anew up to the ledger's head each time it is asked."""

from __future__ import annotations

import sqlite3

from seaway.errors import GraphUnreadable
from seaway.graph.answer import Why
from seaway.graph.feed import NotaryFeed
from seaway.graph.questions import why as why_in
from seaway.graph.store import GraphStore
from seaway.workspace import Workspace


def why(space: Workspace, subject: str, environment: str | None) -> Why:
    """Answers what stands behind a request, digest or deployment; a graph that is lost or damaged is folded again."""
    path = space.place.data / "graph" / space.place.origin / "graph.sqlite"
    with space.reading() as notary:
        feed = NotaryFeed(notary)
        try:
            store = GraphStore.open(path)
            store.follow(feed)
        except (GraphUnreadable, sqlite3.DatabaseError):
            store = GraphStore.rebuild(path, feed)
    try:
        return why_in(store, subject, environment=environment)
    finally:
        store.close()
