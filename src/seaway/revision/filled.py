"""Which variables fill the value that a finding speaks of, and where each is set: a line of a file, or the shell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from seaway.app.edit import Outline, outline
from seaway.app.model import App
from seaway.errors import EditRefused
from seaway.findings import Finding, Position

_NAME = re.compile(r"(?<!\$)(?:\$\$)*\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def with_filled(findings: tuple[Finding, ...], app: App) -> tuple[Finding, ...]:
    """Returns the findings with the variables that fill what they speak of, as `TAG in .env:3`."""
    return tuple(replace(each, filled=tuple(_filled(each.where, app))) for each in findings)


def _filled(where: Position | str | None, app: App) -> Iterator[str]:
    if not isinstance(where, Position):
        return
    for name in dict.fromkeys(_NAME.findall(_value(app.directory / where.file, where))):
        if name in app.variables:
            yield f"{name} in {_set(name, app)}"


def _value(path: Path, where: Position) -> str:
    """Returns the text of the scalar at a place as it is written, nothing for a collection."""
    read = _outline(path)
    entry = None if read is None else read.at(read.offset(where.line, where.column))
    if read is None or entry is None or entry.value.kind != "scalar":
        return ""
    return read.text[entry.value.start : entry.value.end]


@lru_cache(maxsize=64)
def _outline(path: Path) -> Outline | None:
    try:
        text = path.read_text("utf-8")
        return outline(text) if "$" in text else None
    except (OSError, UnicodeDecodeError, EditRefused):
        return None


def _set(name: str, app: App) -> str:
    """Returns where a variable is set: the last line of the last env file that has it, else the shell."""
    pattern = re.compile(rf"^\s*(?:export\s+)?{name}\s*[=:]")
    for file in reversed([file.path for file in app.sources if file.role == "env"]):
        try:
            lines = (app.directory / file).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        found = [number for number, line in enumerate(lines, 1) if pattern.match(line)]
        if found:
            return f"{file}:{found[-1]}"
    return "the shell"
