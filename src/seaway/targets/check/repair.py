"""How a finding is fixed, as edits by the path of the app: below the service, or from the top where it starts with "".

A fix is a value; what it does to which file is worked out by `seaway.revision`. `decide` says what a person must
decide: the values are then examples, and are never written by themselves.
"""

from __future__ import annotations

import re
from typing import Any

from seaway.app.tree import Path
from seaway.findings import Edit, Finding, Fix, Position

_NEAR = re.compile(r'did you mean "(?P<name>.*)"\?')
_UNSET = re.compile(r"the variable (?P<name>\S+) is not set")


def put(*path: str | int, to: Any, safe: bool = False, decide: str = "") -> Fix:
    """A value at a path."""
    return Fix((Edit("put", path, to),), safe, decide)


def append(*path: str | int, to: Any) -> Fix:
    """An item at the end of a list."""
    return Fix((Edit("append", path, to),))


def drop(*path: str | int) -> Fix:
    """An entry less."""
    return Fix((Edit("drop", path),))


def rename(*path: str | int, to: str) -> Fix:
    """A key by another name."""
    return Fix((Edit("rename", path, to),))


def together(*fixes: Fix, decide: str = "") -> Fix:
    """Several at once."""
    return Fix(tuple(edit for fix in fixes for edit in fix.edits), decide=decide)


def of_loading(finding: Finding) -> Fix | None:
    """Returns the fix of a finding of the loader or of the reader of `x-seaway`, from what it says and where."""
    make = _OF_LOADING.get(finding.code)
    return make(finding, finding.where) if make and isinstance(finding.where, Position) else None


def _blank(finding: Finding, _: Position) -> Fix | None:
    said = _UNSET.match(finding.says)
    return Fix((Edit("default", (), said["name"]),), decide="its value; blank where nothing sets it") if said else None


def _obsolete(_: Finding, where: Position) -> Fix:
    return Fix((Edit("drop", (), places=(where,)),), safe=True)


def _misspelt(finding: Finding, where: Position) -> Fix:
    near = _NEAR.match(finding.hint or "")
    written = re.search(r'"(.*)" is not', finding.says)
    if near is None or written is None:
        return Fix((Edit("drop", (), places=(where,)),))
    return Fix((Edit("rename", (), near["name"], (where,)),), safe=distance(written[1], near["name"]) <= 2)


def _elsewhere(_: Finding, where: Position) -> Fix:
    return Fix((Edit("drop", (), places=(where,)),))


def _unreadable(finding: Finding, where: Position) -> Fix:
    if finding.says.startswith("x-seaway.version:"):
        return Fix((Edit("put", (), 1, (where,)),))
    return Fix((Edit("drop", (), places=(where,)),), decide="the value; without it the default holds")


def _lacking(finding: Finding, where: Position) -> Fix:
    if finding.says.startswith('x-seaway: "version"'):
        return Fix((Edit("put", ("x-seaway", "version"), 1),), safe=True)
    if finding.says.startswith('x-seaway: "owner"'):
        return Fix((Edit("put", ("x-seaway", "owner"), "<owner>"),), decide="who answers for it")
    return Fix((Edit("drop", (), places=(where,)),), decide="what is missing; without it the entry goes")


_OF_LOADING = {
    "SW-001": _blank,
    "SW-002": _obsolete,
    "SW-101": _misspelt,
    "SW-102": _elsewhere,
    "SW-103": _unreadable,
    "SW-104": _lacking,
}


def distance(one: str, other: str) -> int:
    """Returns how many letters must be put in, taken out or changed to make one word of another (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, letter_ in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != letter_))
    return row[-1]


def of_refusal(code: str, says: str, where: str) -> Fix | None:
    """Returns the fix of what stops a load of files alone: a variable of the shell, a file outside."""
    if code == "SW-021" and (said := re.search(r"sets (?P<name>[A-Za-z0-9_]+)", says)):
        return Fix((Edit("line", (".env",), f"{said['name']}="),), decide=f"the value of {said['name']}")
    if code == "SW-018" and where:
        folder = where.rpartition("/")[0]
        return Fix((Edit("append", ("x-seaway", "roots"), folder),), decide="whether the folder may be read")
    return None


def below(fix: Fix, prefix: Path) -> Fix:
    """Returns a fix with its paths from the top of the app."""
    edits = (
        Edit(edit.do, edit.path[1:] if edit.path[:1] == ("",) else (*prefix, *edit.path), edit.value, edit.places)
        for edit in fix.edits
    )
    return Fix(tuple(edits), fix.safe, fix.decide)
