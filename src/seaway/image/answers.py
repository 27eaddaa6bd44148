"""How a worker process answers: one JSON request a line in, one JSON answer a line out, errors as values.

Not here: who asks (`crew.py`), what is done (`worker.py`, `resolver.py`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from seaway.errors import FindingsError, SeawayError
from seaway.image.facts import finding_json

Verbs = Mapping[str, Callable[[Mapping[str, Any]], dict[str, object]]]


def answer(verbs: Verbs) -> None:
    """Answers requests until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(verbs, line)) + "\n")
        sys.stdout.flush()


def _answer(verbs: Verbs, line: str) -> dict[str, object]:
    job = cast("Mapping[str, Any]", json.loads(line))
    try:
        return {"done": verbs[job["verb"]](job)}
    except FindingsError as error:
        return {"findings": [finding_json(finding) for finding in error.findings], "hint": error.hint}
    except SeawayError as error:
        return {"error": type(error).__name__, "says": error.says, "where": error.where, "hint": error.hint}
