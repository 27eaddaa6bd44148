"""Questions to the ledger's graph, which is folded anew up to the ledger's head each time it is asked."""

from __future__ import annotations

import sqlite3

from seaway.errors import GraphUnreadable
from seaway.graph.answer import Why
from seaway.graph.feed import NotaryFeed
from seaway.graph.questions import why as why_in
from seaway.graph.store import GraphStore
from seaway.targets.process.request_key import known_key
from seaway.workspace import Workspace
from seaway_sdk import token


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
        return why_in(store, subject, environment=environment, key=_key(space, subject, environment))
    finally:
        store.close()


def _key(space: Workspace, subject: str, environment: str | None) -> bytes:
    """Returns the key that may judge a token, empty where none here may.

    A token does not say where it was made: the key that verifies it wins; it is forged where every environment that it
    could be of has a key here and none of them made it.
    """
    try:
        read = token.parse(subject)
    except ValueError:
        return b""
    names = [environment] if environment else space.environments
    keys = [known_key(space.paths.environment(name)) for name in names]
    ours = [key for key in keys if key and read.standing(key) is token.Standing.VERIFIED]
    return ours[0] if ours else min(keys, key=len, default=b"")
