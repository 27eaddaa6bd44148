"""Runs the mutants of one module against its tests: `python -m tests.mutation.run MODULE TESTS [--every N]`.

Writes `bench/results/mutation-<module>.json`: mutants, killed, and each survivor with its line and change. Reasons
for survivors that may stay are kept in `bench/results/mutation-reasons.json`, by module, line text and change.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.mutation.mutants import mutants

ROOT = Path(__file__).parents[2]


def survives(module: str, number: int, tests: list[str]) -> bool:
    """Tells whether the tests still pass with this mutant; a hang counts as noticed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "tests.mutation.plugin",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    environ = {**os.environ, "SEAWAY_MUTANT": f"{module}:{number}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> None:
    """Runs every N-th mutant and records what survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--every", type=int, default=1)
    chosen = parser.parse_args()
    spec = importlib.util.find_spec(chosen.module)
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).read_text()
    lines = source.splitlines()
    found = list(enumerate(mutants(source)))[:: chosen.every]
    survivors = [
        {"line": mutant.line, "text": lines[mutant.line - 1].strip(), "change": mutant.change}
        for number, mutant in found
        if survives(chosen.module, number, chosen.tests)
    ]
    result = {"module": chosen.module, "tests": chosen.tests, "mutants": len(found), "survivors": survivors}
    target = ROOT / "bench" / "results" / f"mutation-{chosen.module}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{chosen.module}: {len(found) - len(survivors)} of {len(found)} noticed, {len(survivors)} survived")


if __name__ == "__main__":
    main()
