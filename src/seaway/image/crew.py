"""The worker processes of a build: started only when there is something to convert, ended with it.

Not here: what a worker does (`worker.py`, `resolver.py`), which this file must not import.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, cast

from seaway.errors import FindingsError, InternalError, SeawayError, leaves
from seaway.image.facts import parse_finding

Job = Mapping[str, object]


def run_jobs(jobs: Sequence[Job], *, workers: int | None = None, program: str = "worker") -> list[dict[str, Any]]:
    """Runs jobs in worker processes and returns their answers in the order of the jobs.

    `workers` is the number of processes, by default one a core; `program` the module they run. Raises what a job
    raised, the first in their order.
    """
    count = min(len(jobs), workers or os.cpu_count() or 1)
    if not count:
        return []
    with ExitStack() as stack:
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for _ in range(count):
            idle.put(stack.enter_context(_Worker(program)))

        def ask(job: Job) -> dict[str, Any]:
            worker = idle.get()
            try:
                return worker.ask(job)
            finally:
                idle.put(worker)

        pool = stack.enter_context(ThreadPoolExecutor(count))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        return list(pool.map(ask, jobs))


class _Worker:
    """One worker process."""

    def __init__(self, program: str) -> None:
        # -P: the directory we run in may hold files that are named like modules.
        command = [sys.executable, "-P", "-m", f"seaway.image.{program}"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

    def ask(self, job: Job) -> dict[str, Any]:
        """Sends a job and returns what it gave; raises what it raised."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the empty answer below says so, with what the worker wrote before it died
        line = self._process.stdout.readline()
        if not line:
            raise InternalError(f"a worker died: {self._last_words()}")
        return _result(json.loads(line))

    def _last_words(self) -> str:
        assert self._process.stderr
        lines = self._process.stderr.read().strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.wait()}"


def _result(answer: Mapping[str, Any]) -> dict[str, Any]:
    if "done" in answer:
        return cast("dict[str, Any]", answer["done"])
    if "findings" in answer:
        raise FindingsError(tuple(parse_finding(body) for body in answer["findings"]), hint=answer["hint"])
    kinds: dict[str, type[SeawayError]] = {leaf.__name__: leaf for leaf in leaves()}
    kind = kinds.get(answer["error"], InternalError)
    raise kind(answer["says"], where=answer["where"], hint=answer["hint"])
