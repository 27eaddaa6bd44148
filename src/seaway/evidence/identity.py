"""When two e-mail addresses are one person: compared as a reader sees them, not as bytes.

NFKC, case folding, plus-addresses removed, then the confusables skeleton (Unicode UTS 39 §4): two addresses that
look alike have one skeleton. Used to find self-approval, where taking two for one is safe and the reverse is not.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import confusable_homoglyphs


def skeleton(address: str) -> str:
    """Returns the form under which addresses are compared; accepts `Name <address>` too."""
    bare = address.rpartition("<")[2].partition(">")[0] if "<" in address else address
    text = unicodedata.normalize("NFKC", bare.strip()).casefold()
    local, at, domain = text.rpartition("@")
    return _prototypes(local.partition("+")[0] + at + domain)


def _prototypes(text: str) -> str:
    table = _confusables()
    decomposed = unicodedata.normalize("NFD", text)
    mapped = "".join(table.get(character, character) for character in decomposed if not _is_invisible(character))
    return unicodedata.normalize("NFD", mapped.casefold())


def _is_invisible(character: str) -> bool:
    # UTS 39 §4: default-ignorable code points are removed; those in use are format characters and variation selectors.
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


@cache
def _confusables() -> Mapping[str, str]:
    # The package lists every pair in both directions; a source has one target, a prototype the list of its sources.
    # Its own module would load the table at import; most commands compare nobody.
    path = Path(confusable_homoglyphs.__file__).with_name("confusables.json")
    pairs: dict[str, list[dict[str, str]]] = json.loads(path.read_text("utf-8"))
    table = {}
    for source, targets in pairs.items():
        target = targets[0]["c"]
        mutual = len(pairs.get(target, ())) == 1
        if len(source) == 1 and len(targets) == 1 and (not mutual or target < source):
            table[source] = target
    return table
