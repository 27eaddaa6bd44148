"""A sweep over all points of a walk, kept as it goes: one that was ended goes on where it was, on the same code.

What lies in `bench/results/kill-sweep-<name>.json`: the code's digest, the seed of the order, how many calls of each
kind the walk makes, and each point with whether the kill was met, the seconds it took, and what was wrong after it.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True, slots=True)
class Point:
    """The `number`-th call of a kind."""

    call: str
    number: int


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of a point: whether the kill was met, seconds until all was checked, and what was wrong."""

    call: str
    number: int
    met: bool
    seconds: float
    wrong: str = ""


def evenly(points: Sequence[Point], count: int, seed: int) -> list[Point]:
    """Returns so many points in equal distances along the walk; the seed chooses where the first one is."""
    step = len(points) / count
    first = random.Random(seed).random() * step
    return [points[int(first + step * place)] for place in range(count)]


def digest_of(folders: Iterable[Path]) -> str:
    """Names the code that a sweep is about."""
    files = sorted(path for folder in folders for path in (folder.rglob("*.py") if folder.is_dir() else [folder]))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


@dataclass
class Sweep:
    """One sweep: its points in an order of its seed, and what came of those that are done."""

    name: str
    code: str
    seed: int
    points: Sequence[Point]
    done: dict[Point, Killed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            before = json.loads(self.path.read_text())
            if before["code"] == self.code:
                self.seed = before["seed"]
                self.done = {Point(one["call"], one["number"]): Killed(**one) for one in before["points"]}

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return RESULTS / f"kill-sweep-{self.name}.json"

    def left(self) -> Iterator[Point]:
        """Yields what is not done, or went wrong, in the seed's order."""
        order = list(self.points)
        random.Random(self.seed).shuffle(order)
        for point in order:
            known = self.done.get(point)
            if known is None or known.wrong:
                yield point

    def note(self, killed: Killed) -> None:
        """Keeps what came of a point and says how far the sweep is."""
        self.done[Point(killed.call, killed.number)] = killed
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self._document(), indent=1) + "\n")
        says = killed.wrong or "whole, goes on"
        print(f"{len(self.done)}/{len(self.points)} {killed.call} {killed.number}: {says}", flush=True)

    def wrong(self) -> list[str]:
        """Returns what was not as it must be."""
        return [f"{one.call} {one.number}: {one.wrong}" for one in self.done.values() if one.wrong]

    def _document(self) -> dict[str, Any]:
        rows = sorted(self.done.values(), key=lambda one: (one.call, one.number))
        return {
            "code": self.code,
            "seed": self.seed,
            "calls": dict(sorted(Counter(point.call for point in self.points).items())),
            "met": sum(one.met for one in rows),
            "wrong": sum(bool(one.wrong) for one in rows),
            "points": [asdict(one) for one in rows],
        }
