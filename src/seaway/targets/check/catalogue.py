"""The catalogue of findings: level by purpose, what is at risk, and the page of each code.

The data is `findings.toml`; `docs/findings/` is generated from it.
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


def explain(code: str) -> str:
    """Returns the page of a code; raises NameUnknown."""
    if code not in catalogue():
        raise NameUnknown(f"there is no finding {code}", hint=f"known: {', '.join(sorted(catalogue()))}")
    return catalogue()[code].page
