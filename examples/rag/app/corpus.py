"""The corpus: docstrings of the standard library the app runs on, so no data file is needed.

A docstring's first sentence is a question; what follows is the passage; where it stands (`glob.glob`) is the title
and the truth. Every question is labelled. Files are parsed, never imported: importing runs code and opens windows.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSAGES = 400
CHARACTERS = 240
SHORTEST = 200
PER_FILE = 5
_LEFT_OUT = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "ensurepip",
}
_SENTENCE = re.compile(r"(?P<first>.+?[.])\s+(?P<rest>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """One place of the library: what is asked, what is indexed, where it stands."""

    title: str
    question: str
    text: str


def passages(count: int = PASSAGES, library: Path | None = None) -> tuple[Passage, ...]:
    """Returns `count` passages, the same ones on every machine with the same library."""
    root = library or Path(sysconfig.get_path("stdlib"))
    found: dict[str, Passage] = {}
    for file in sorted(_files(root), key=lambda file: _mixed(file.relative_to(root).as_posix())):
        module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        in_file = sorted(_in_file(file, module), key=lambda passage: _mixed(passage.title))
        for passage in in_file[:PER_FILE]:
            found.setdefault(passage.question, passage)
        if len(found) >= count:
            break
    return tuple(found.values())[:count]


def _files(root: Path) -> Iterator[Path]:
    for file in root.rglob("*.py"):
        parts = file.relative_to(root).parts
        private = any(part.startswith("_") and part != "__init__.py" for part in parts)
        if not private and not _LEFT_OUT.intersection(parts):
            yield file


def _in_file(file: Path, module: str) -> Iterator[Passage]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    yield from _in_body(tree.body, module)


def _in_body(body: list[ast.stmt], prefix: str) -> Iterator[Passage]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            title = f"{prefix}.{node.name}"
            if passage := _passage(title, ast.get_docstring(node) or ""):
                yield passage
            if isinstance(node, ast.ClassDef):
                yield from _in_body(node.body, title)


def _passage(title: str, docstring: str) -> Passage | None:
    match = _SENTENCE.match(" ".join(docstring.split()))
    if not match or not 30 <= len(match["first"]) <= 160 or len(match["rest"]) < SHORTEST:
        return None
    words = re.sub(r"[._]+", " ", title)
    return Passage(title=title, question=match["first"], text=f"{words}: {match['rest'][:CHARACTERS]}")


def _mixed(name: str) -> bytes:
    """Orders by hash, so that a cut takes from the whole library alike."""
    return hashlib.sha256(name.encode()).digest()
