"""The catalogue of findings: level by purpose, what is at risk, and the page of each code.

The data is `findings.toml`, and `elsewhere.toml` for codes of other commands; `docs/findings/` is generated from both.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from seaway.errors import NameUnknown
from seaway.findings import Level

Purpose = Literal["process", "docker", "kubernetes"]
RISKS = ("security", "data", "availability", "behaviour", "cost")


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: its title, its level for each purpose (None: silent), its risk, why it matters and how to fix it."""

    code: str
    title: str
    levels: Mapping[str, Level | None]
    risk: str
    why: str
    fix: str

    @property
    def page(self) -> str:
        """The page of the code, in Markdown."""
        levels = ", ".join(f"{level or 'silent'} for {purpose}" for purpose, level in self.levels.items())
        accept = (
            f"Accept a loss where you have looked at it, for a time, beside the service:\n\n"
            f"```yaml\nx-seaway:\n  accept:\n"
            f"    {self.code}: {{reason: why it is fine, owner: team-api, until: 2027-01-31}}\n```\n"
        )
        how = accept if Level.LOSS in self.levels.values() else "It cannot be accepted.\n"
        return (
            f"# {self.code}: {self.title}\n\nLevel: {levels}. At risk: {self.risk}.\n\n"
            f"## Why it matters\n\n{self.why}\n\n## How to fix it\n\n{self.fix}\n\n## How to accept it\n\n{how}"
        )


@functools.cache
def catalogue() -> Mapping[str, Entry]:
    """Returns every entry by code."""
    raw = tomllib.loads((files("seaway.targets.check") / "findings.toml").read_text())
    return {code: _entry(code, row) for code, row in raw.items()}


def _entry(code: str, row: Mapping[str, str]) -> Entry:
    said = {"process": row["docker"], **row}
    levels = {each: None if said[each] == "-" else Level(said[each]) for each in ("kubernetes", "docker", "process")}
    return Entry(code, row["title"], levels, row["risk"], row["why"], row["fix"])


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A code that another command than `check` says: its level and page do not depend on a purpose."""

    code: str
    title: str
    level: Level
    page: str


@functools.cache
def elsewhere() -> Mapping[str, Elsewhere]:
    """Returns every code that other commands have, by code."""
    raw = tomllib.loads((files("seaway.targets.check") / "elsewhere.toml").read_text())
    return {code: _elsewhere(code, row) for code, row in raw.items()}


def _elsewhere(code: str, row: Mapping[str, str]) -> Elsewhere:
    page = (
        f"# {code}: {row['title']}\n\nLevel: {row['level']}, from {row['from']}.\n\n"
        f"## Why it matters\n\n{row['why']}\n\n"
        f"## How to fix it\n\n{row['fix']}\n\n## How to accept it\n\nIt cannot be accepted.\n"
    )
    return Elsewhere(code, row["title"], Level(row["level"]), page)


def explain(code: str) -> str:
    """Returns the page of a code; raises NameUnknown."""
    known: dict[str, Entry | Elsewhere] = {**elsewhere(), **catalogue()}
    if code not in known:
        raise NameUnknown(f"there is no finding {code}", hint=f"known: {', '.join(sorted(known))}")
    return known[code].page
