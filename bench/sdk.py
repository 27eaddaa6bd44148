"""What the SDK costs a request: processor time with and without it, interleaved rounds, minimum and median.

    python bench/sdk.py [ROUNDS]

Each variant answers the same requests through the same ASGI app in this process. The budget is 10 µs for everything;
what is measured here is what exists: counting, the token, its header, one outcome.
"""

from __future__ import annotations

import asyncio
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from seaway_sdk import Observe
from seaway_sdk.identity import Identity
from seaway_sdk.recorder import Recorder

REQUESTS = 5_000
BUDGET = 10.0
_TIMED = "import asyncio, time; began = time.process_time(); {}; print(time.process_time() - began)"
HEADERS = [(name, b"value") for name in (b"host", b"user-agent", b"accept", b"content-type", b"content-length")]


async def bare(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # ASGI's signature
    """The smallest app that answers."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})


def judged(own: Recorder) -> Callable[..., Any]:
    """The same app, recording one outcome a request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        own.evaluate("schema_valid", True)
        await bare(scope, receive, send)

    return app


async def _requests(app: Any, count: int) -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        """Takes the message."""

    for _ in range(count):
        scope = {"type": "http", "method": "GET", "path": "/", "headers": HEADERS}
        await app(scope, receive, send)


def microseconds(app: Any) -> float:
    """Returns the processor time of one request."""
    began = time.process_time_ns()
    asyncio.run(_requests(app, REQUESTS))
    return (time.process_time_ns() - began) / REQUESTS / 1000


def import_milliseconds() -> float:
    """Returns what importing the SDK adds to a new interpreter that has asyncio, as an ASGI server does."""

    def run(program: str) -> float:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import asyncio, time; b = time.process_time(); {program}; print(time.process_time() - b)",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stdout) * 1000

    return min(run("import seaway_sdk") for _ in range(5))


def main(rounds: int) -> int:
    """Measures and prints one JSON document; exits 1 over budget."""
    own = Recorder(Identity(version="0123456789", port=0, key=b"k" * 32))
    variants = {"bare": bare, "observed": Observe(bare, recorder=own), "judged": Observe(judged(own), recorder=own)}
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, app in variants.items():
            times[name].append(microseconds(app))
    least = {name: min(values) for name, values in times.items()}
    cost = {name: round(value - least["bare"], 2) for name, value in least.items()}
    said = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": rounds,
        "budgetMicroseconds": BUDGET,
        "costMicroseconds": cost,
        "medianMicroseconds": {name: round(statistics.median(values), 2) for name, values in times.items()},
        "importMilliseconds": round(import_milliseconds(), 1),
        "raw": {name: [round(value, 3) for value in values] for name, values in times.items()},
    }
    print(json.dumps(said))
    return int(cost["judged"] > BUDGET)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
