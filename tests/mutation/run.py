"""Runs the mutants of one module against its tests: `python -m tests.mutation.run MODULE TESTS [--sample N --seed S]`.

Each mutant runs in a fork of this process, which has loaded pytest and the libraries but nothing of Seaway. Writes
`bench/results/mutation-<module>.json` as it goes: how many were tried and noticed, which only because they computed
too long, and each survivor with its line and change. Why a survivor may stay is kept in
`bench/results/mutation-reasons.json`, by module and `<text> :: <change>`; without a reason there the run fails.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cryptography.hazmat.primitives.asymmetric.ec  # noqa: F401  # loaded once for all forks, as are the next two
import hypothesis  # noqa: F401
import numpy  # noqa: F401
import pytest

from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"
OPTIONS = ("-x", "-q", "--tb=no", "--assert=plain", "-p", "tests.mutation.plugin", "-p", "no:cacheprovider")
NOTICED, SURVIVED, SLOW, STARVED = "noticed", "survived", "slow", "starved"
LEAST, PATIENCE = 15, 600.0  # of processor time at least, of the clock at most
MEMORY = 16 << 30  # a loop that no longer ends must not take the machine with it


@dataclass
class Run:
    """A module, the tests that should notice its mutants, and what came of each so far."""

    module: str
    tests: Sequence[str]
    source: str
    chosen: Sequence[Mutant]
    seed: int | None
    came: dict[int, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Returns the result so far."""
        lines, reasons = self.source.splitlines(), known_reasons(self.module)
        stand = [mutant for mutant in self.chosen if self.came.get(mutant.number) == SURVIVED]
        survivors = []
        for mutant in stand:
            text = lines[mutant.line - 1].strip()
            reason = reasons.get(f"{text} :: {mutant.change}")
            survivors.append({"line": mutant.line, "text": text, "change": mutant.change, "reason": reason})
        return {
            "module": self.module,
            "tests": list(self.tests),
            "python": sys.version.split()[0],
            "mutants": len(mutants(self.source)),
            "seed": self.seed,
            "tried": len(self.came),
            "noticed": sum(each in (NOTICED, SLOW) for each in self.came.values()),
            "noticed by processor time": sum(each == SLOW for each in self.came.values()),
            "not known": sum(each == STARVED for each in self.came.values()),
            "survivors": survivors,
        }

    def write(self) -> None:
        """Writes the result so far."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False)
        (RESULTS / f"mutation-{self.module}.json").write_text(text + "\n")


def known_reasons(module: str) -> dict[str, str]:
    """Returns why survivors of a module may stay, by `<text> :: <change>`."""
    path = RESULTS / "mutation-reasons.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    return found.get(module, {})


def tried(module: str, number: int | str | None, tests: Sequence[str], seconds: int) -> str:
    """Runs the tests in a fork, with a mutant if one is named; one that computes too long is killed and told apart."""
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os._exit(_run_tests(module, number, tests))
    end = time.monotonic() + PATIENCE
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)
    if os.WIFSIGNALED(ended[1]):
        return SLOW if os.WTERMSIG(ended[1]) == signal.SIGXCPU else STARVED
    return SURVIVED if ended[1] == 0 else NOTICED


def _run_tests(module: str, number: int | str | None, tests: Sequence[str]) -> int:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if number is not None:
        os.environ["SEAWAY_MUTANT"] = f"{module}:{number}"
    try:
        return int(pytest.main([*OPTIONS, *tests]))
    except SystemExit:
        return 1


def main() -> int:
    """Runs all mutants or a seeded sample; returns 1 if one survived without a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--sample", type=int, help="so many, drawn at random")
    parser.add_argument("--seed", type=int, help="which ones; printed where it is not given")
    given = parser.parse_args()
    spec = importlib.util.find_spec(given.module.rpartition(".")[0])
    assert spec is not None and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / f"{given.module.rpartition('.')[2]}.py"
    source = path.read_text()
    seed = random.SystemRandom().randrange(1 << 32) if given.seed is None else given.seed
    chosen = mutants(source)
    if sampled := given.sample is not None and given.sample < len(chosen):
        chosen = sorted(random.Random(seed).sample(chosen, given.sample), key=lambda mutant: mutant.number)
    return work(Run(given.module, given.tests, source, chosen, seed if sampled else None))


def work(run: Run) -> int:
    """Tries every chosen mutant, after the module as it is."""
    with tempfile.TemporaryDirectory() as answers:
        os.environ["SEAWAY_ORACLE_ANSWERS"] = answers
        if tried(run.module, None, run.tests, int(PATIENCE)) != SURVIVED:
            print(f"{run.module}: its tests fail without a mutant")
            return 2
        seconds = max(LEAST, 3 * int(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime))
        for mutant in run.chosen:
            run.came[mutant.number] = tried(run.module, mutant.number, run.tests, seconds)
            if run.came[mutant.number] == SURVIVED:
                print(f"{run.module}:{mutant.line}: {mutant.change}", flush=True)
            run.write()
    left = [each for each in run.to_json()["survivors"] if not each["reason"]]  # type: ignore[attr-defined]
    print(f"{run.module}: {run.to_json()['noticed']} of {len(run.came)} noticed, {len(left)} left without a reason")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
