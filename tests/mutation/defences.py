"""Takes each defence of `defences.json` away and sees its attack succeed: `python -m tests.mutation.defences [WORD]`.

A row names an attack, the module and the line that stop it, what stands there without the defence, and the test that
must turn red. Writes `bench/results/defences.json`: each row with what was seen. Shops are founded once, while all
defences stand. With a word only the rows whose attack has it run; what was seen of the others stays.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

ROWS: list[dict[str, str]] = json.loads(Path(__file__).with_suffix(".json").read_text())
RESULT = Path(__file__).parents[2] / "bench" / "results" / "defences.json"


def without(source: str, number: int) -> str:
    """Returns a module's source without the defence of a row; raises ValueError unless the line is there once."""
    row = ROWS[number]
    if source.count(row["line"]) != 1:
        raise ValueError(f"{row['defence']} has {row['line']!r} {source.count(row['line'])} times")
    return source.replace(row["line"], row["without"])


def sources() -> list[str]:
    """Returns the source of each row's module, not imported."""
    found = []
    for row in ROWS:
        room, _, name = row["defence"].rpartition(".")
        spec = importlib.util.find_spec(room)
        assert spec is not None and spec.submodule_search_locations
        found.append((Path(spec.submodule_search_locations[0]) / f"{name}.py").read_text())
    return found


def main() -> int:
    """Runs the rows; returns 1 if an attack went unnoticed."""
    from tests.mutation.run import NOTICED, SURVIVED, tried  # loads what the plugin must not

    word = (sys.argv[1:] or [""])[0]
    seen = {row["attack"]: row["seen"] for row in json.loads(RESULT.read_text())} if RESULT.exists() else {}
    with tempfile.TemporaryDirectory() as shops:
        os.environ["SEAWAY_SHOPS"] = shops
        for number, row in enumerate(ROWS):
            if word not in row["attack"]:
                continue
            if tried("", None, [row["test"]], 300) != SURVIVED:
                seen[row["attack"]] = "fails with its defence"
                continue
            found = tried(row["defence"], f"defence-{number}", [row["test"]], 300)
            seen[row["attack"]] = "red" if found == NOTICED else "not noticed"
            print(f"{seen[row['attack']]}: {row['attack']}", flush=True)
            rows = [{**each, "seen": seen.get(each["attack"], "not run")} for each in ROWS]
            RESULT.parent.mkdir(parents=True, exist_ok=True)
            RESULT.write_text(json.dumps(rows, indent=2) + "\n")
    return int(any(seen.get(row["attack"]) != "red" for row in ROWS))


if __name__ == "__main__":
    sys.exit(main())
