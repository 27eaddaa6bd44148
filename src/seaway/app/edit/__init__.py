"""Edits of a YAML file that leave every other byte as it is: comments, order, anchors, quoting, line ends.

The file is never written anew from a tree. Its events give the places of keys and values (`outline`), a change becomes
a splice at such a place (`splice`), and what is put in is spelled in one way (`spelling`). Pure. Not here: which edits
fix what, and the proof that nothing else changed its meaning (`seaway.revision`).
"""

from __future__ import annotations

from seaway.app.edit.outline import Entry, Node, Outline, outline
from seaway.app.edit.spelling import Block
from seaway.app.edit.splice import Splice, append, applied, drop, put, rename, replace

__all__ = [
    "Block",
    "Entry",
    "Node",
    "Outline",
    "Splice",
    "append",
    "applied",
    "drop",
    "outline",
    "put",
    "rename",
    "replace",
]
