"""Prints labelled questions, one JSON line each: what `seaway load` sends and what it expects of an answer."""

from __future__ import annotations

import json

from app.corpus import Passage, passages


def line(passage: Passage) -> dict[str, object]:
    """Returns the request that asks for this passage; an answer helps if its place is among the first three."""
    return {
        "method": "POST",
        "path": "/ask",
        "headers": {"content-type": "application/json"},
        "json": {"question": passage.question},
        "expect": {"helpful": {"at": "/titles", "first": 3, "has": passage.title}},
    }


if __name__ == "__main__":
    for one in passages():
        print(json.dumps(line(one), separators=(",", ":")))
