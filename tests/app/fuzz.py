"""The differential fuzz of the loader: drawn cases are loaded by Compose and by Seaway, differences are made small.

`python -m tests.app.fuzz SEED ROUNDS [RECORD]` runs it and writes what came out to a file.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from seaway.errors import SeawayError
from tests.app.draw import Draw, Tagged, written
from tests.app.oracle import VERSION, Case, ask, ours

AT_ONCE = 64
TRIES = 40


@dataclass
class Outcome:
    """What a run found: how many documents both accepted and both refused, and the cases they differ on, shrunk."""

    seed: int
    rounds: int = 0
    accepted: int = 0
    refused: int = 0
    differences: list[str] = field(default_factory=list)


def run(seed: int, rounds: int, root: Path, told: Callable[[Outcome], None] = lambda _: None) -> Outcome:
    """Draws, asks both, and returns what came out; `told` hears of it on the way."""
    draw, outcome = Draw(seed, lambda text: _loads(text, root / "admits")), Outcome(seed)
    with ThreadPoolExecutor(AT_ONCE // 8) as pool:
        while outcome.rounds < rounds:
            cases = [draw.case(outcome.rounds + index) for index in range(min(AT_ONCE, rounds - outcome.rounds))]
            folders = [case.write(root / case.name) for case in cases]
            answers = pool.map(ask, cases, folders)
            for case, folder, theirs in zip(cases, folders, answers, strict=True):
                _count(outcome, case, (loaded(case, folder), theirs), root / "shrunk")
            told(outcome)
    return outcome


def _count(outcome: Outcome, case: Case, results: tuple[Any, Any], root: Path) -> None:
    mine, theirs = results
    outcome.rounds += 1
    if mine != theirs:
        outcome.differences.append(shown(shrunk(case, lambda smaller: differs(smaller, root))))
    elif theirs is None:
        outcome.refused += 1
    else:
        outcome.accepted += 1


def loaded(case: Case, folder: Path) -> dict[str, Any] | None:
    """Returns what Seaway prints, or None where it refuses."""
    try:
        return ours(case, folder)
    except SeawayError:
        return None


def _loads(text: str, root: Path) -> bool:
    case = Case("drawn", "a part of a model", {"compose.yaml": text}, env={"A": "value"})
    return loaded(case, case.write(root)) is not None


def differs(case: Case, root: Path) -> bool:
    """Returns whether the two load a case differently."""
    with tempfile.TemporaryDirectory(prefix=root.name) as other:
        folder = case.write(Path(other))
        return ask(case, folder) != loaded(case, folder)


def shrunk(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Returns the smallest case found that still fails, by leaving entries out one after the other."""
    tries, smaller = 0, True
    while smaller:
        smaller = False
        for candidate in _smaller(case):
            tries += 1
            if tries > TRIES:
                return case
            if fails(candidate):
                case, smaller = candidate, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    for name, text in case.files.items():
        if not name.endswith(".yaml"):
            continue
        try:
            tree = yaml.load(text, Loader=_Loader)
        except yaml.YAMLError:
            continue
        for less in _without_one(tree):
            yield replace(case, files={**case.files, name: written(less)})


def _without_one(node: Any) -> Iterator[Any]:
    """Yields a tree without one of its entries, big ones first."""
    if isinstance(node, Tagged):
        yield node.value
        yield from (Tagged(node.tag, less) for less in _without_one(node.value))
    elif isinstance(node, (dict, list)):
        keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        for key in keys:
            yield _left(node, key)
        for key in keys:
            for less in _without_one(node[key]):
                yield {**node, key: less} if isinstance(node, dict) else [*node[:key], less, *node[key + 1 :]]


def _left(node: Any, key: Any) -> Any:
    if isinstance(node, dict):
        return {each: value for each, value in node.items() if each != key}
    return [*node[:key], *node[key + 1 :]]


class _Loader(yaml.SafeLoader):
    """Reads what `written` wrote."""


def _tagged(loader: _Loader, tag: str, node: yaml.Node) -> Tagged:
    if isinstance(node, yaml.MappingNode):
        return Tagged(f"!{tag}", loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Tagged(f"!{tag}", loader.construct_sequence(node, deep=True))
    return Tagged(f"!{tag}", json.loads(str(node.value)) if node.style is None else node.value)  # type: ignore[attr-defined]


_Loader.add_multi_constructor("!", _tagged)


def shown(case: Case) -> str:
    """Returns a case as a data file has it."""
    parts = [f"========== {case.name}", "# drawn", f"args: {' '.join(case.args)}"]
    parts += [f"env: {' '.join(f'{name}={value}' for name, value in case.env.items())}"]
    return "\n".join([*parts, *(f"--- {name}\n{text}" for name, text in case.files.items())])


def main(seed: int, rounds: int, record: Path | None) -> int:
    """Runs the fuzz; prints and records its outcome, also on the way."""
    begun = time.monotonic()

    def tell(outcome: Outcome) -> None:
        found = {"compose": VERSION, **vars(outcome), "seconds": round(time.monotonic() - begun)}
        if record is not None:
            record.write_text(json.dumps(found, indent=2) + "\n")

    with tempfile.TemporaryDirectory() as root:
        outcome = run(seed, rounds, Path(root), tell)
    print(json.dumps(vars(outcome), indent=2))
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None))
