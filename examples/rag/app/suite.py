"""The suite before promotion: asks the running api labelled questions and writes what came of each.

`scores.json`, a score a case, is for the threshold; `junit.xml`, one test "it answers" a question asked, says where
it broke. A question that gets no answer scores 0 and fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from app.corpus import Passage, passages

QUESTIONS = 200
SEED = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One question asked: 1 if its place is among the first three, and why there was no answer, if so."""

    name: str
    helpful: int
    seconds: float
    failure: str


def ask(url: str, passage: Passage) -> Case:
    """Asks one question."""
    body = json.dumps({"question": passage.question}).encode()
    request = urllib.request.Request(f"{url}/ask", body, {"content-type": "application/json"})
    began, titles, failure = time.perf_counter(), [], ""
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            titles = json.loads(answer.read())["titles"]
    except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
        failure = f"{type(error).__name__}: {error}"
    return Case(passage.title, int(passage.title in titles[:3]), round(time.perf_counter() - began, 4), failure)


def scores(cases: list[Case], dataset: str) -> dict[str, object]:
    """Returns the score file."""
    rows = [{"case": case.name, "scores": {"helpful": case.helpful}, "seconds": case.seconds} for case in cases]
    return {"version": 1, "dataset": dataset, "seed": SEED, "cases": rows}


def junit(cases: list[Case]) -> str:
    """Returns the JUnit report."""
    failed = sum(1 for case in cases if case.failure)
    rows = "".join(
        f"<testcase classname='answers' name={quoteattr(case.name)} time='{case.seconds}'>{_failure(case)}</testcase>\n"
        for case in cases
    )
    return f"<testsuite name='answers' tests='{len(cases)}' failures='{failed}'>\n{rows}</testsuite>\n"


def _failure(case: Case) -> str:
    return f"<failure message={quoteattr(case.failure)}/>" if case.failure else ""


def main() -> int:
    """Asks, writes both files below $SEAWAY_OUT, exits 1 if a question had no answer."""
    url = os.environ["SEAWAY_URL_API"].rstrip("/")
    out = Path(os.environ.get("SEAWAY_OUT", "."))
    asked = passages()[:QUESTIONS]
    dataset = hashlib.sha256("\n".join(f"{one.title}\t{one.question}" for one in asked).encode()).hexdigest()
    cases = [ask(url, one) for one in asked]
    (out / "scores.json").write_text(json.dumps(scores(cases, f"sha256:{dataset}")))
    (out / "junit.xml").write_text(junit(cases))
    silent = sum(1 for case in cases if case.failure)
    print(f"helpful {sum(case.helpful for case in cases)} of {len(cases)}, no answer {silent}")
    return int(silent > 0)


if __name__ == "__main__":
    sys.exit(main())
