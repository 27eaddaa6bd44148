"""What has been counted, as bytes: Prometheus text for people and scrapers, integers for the judge."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from seaway_sdk import conventions as names
from seaway_sdk import histogram
from seaway_sdk.identity import Identity
from seaway_sdk.recorder import Recorder
from seaway_sdk.state import Shard

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STRATUM = ""


def counts(recorder: Recorder) -> bytes:
    """Returns the cumulative integers since the epoch, requests sent by `seaway load` apart."""
    total, who = recorder.state.total(), recorder.identity
    said = {
        "version": who.version,
        "replica": who.replica,
        "epoch": recorder.state.epoch,
        "at": time.time_ns() // 1000,
        **_counts(total, load=False),
        "load": _counts(total, load=True),
        "dropped": total.dropped,
    }
    return json.dumps(said, separators=(",", ":"), sort_keys=True).encode()


def _counts(total: Shard, *, load: bool) -> dict[str, object]:
    series = [(key, one) for key, one in total.requests.items() if key[3] is load]
    requests = sum(sum(one[:-1]) for _, one in series)
    bad = sum(sum(one[:-1]) for key, one in series if key[2] >= 500)
    outcomes = {name: {STRATUM: pair} for (name, loaded), pair in total.outcomes.items() if loaded is load}
    return {
        "counts": {names.ERRORS: {STRATUM: [requests, bad]}, **outcomes},
        "cells": {names.LATENCY: {STRATUM: histogram.native(histogram.added(one[:-1] for _, one in series))}},
    }


def text(recorder: Recorder) -> bytes:
    """Returns Prometheus' text format 0.0.4."""
    total = recorder.state.total()
    lines = [
        *_durations(total, names.DURATION, load=False),
        *_durations(total, names.LOAD_DURATION, load=True),
        *_gauge(names.ACTIVE, recorder.state.active),
        *_outcomes(total),
        *_dropped(total),
        *_build(recorder.identity),
        *_process(),
    ]
    return ("\n".join(lines) + "\n").encode()


def _durations(total: Shard, name: str, *, load: bool) -> Iterator[str]:
    yield f"# TYPE {name} histogram"
    for (method, route, status, loaded), series in sorted(total.requests.items()):
        if loaded is not load:
            continue
        labels = {"http_request_method": method, "http_route": route, "http_response_status_code": str(status)}
        count = sum(series[:-1])
        for edge, below in histogram.cumulative(series[:-1]):
            yield _line(f"{name}_bucket", {**labels, "le": edge}, below)
        yield _line(f"{name}_bucket", {**labels, "le": "+Inf"}, count)
        yield _line(f"{name}_sum", labels, series[-1] / 1e9)
        yield _line(f"{name}_count", labels, count)


def _outcomes(total: Shard) -> Iterator[str]:
    yield f"# TYPE {names.EVALUATION} counter"
    for (name, load), (n, bad) in sorted(total.outcomes.items()):
        for result, count in (("passed", n - bad), ("failed", bad)):
            yield _line(names.EVALUATION, {"name": name, "result": result, "load": str(load).lower()}, count)


def _dropped(total: Shard) -> Iterator[str]:
    yield f"# TYPE {names.DROPPED} counter"
    for reason, count in sorted(total.dropped.items()):
        yield _line(names.DROPPED, {"reason": reason}, count)


def _build(who: Identity) -> Iterator[str]:
    held = {kind: who.holds(kind) for kind in ("model", "data", "prompt")}
    yield f"# TYPE {names.BUILD_INFO} gauge"
    yield _line(
        names.BUILD_INFO,
        {
            "service_version": who.version,
            "image": who.image,
            "model": held["model"],
            "data": held["data"],
            "prompts": held["prompt"],
        },
        1,
    )


def _process() -> Iterator[str]:
    yield f"# TYPE {names.PROCESS_CPU} counter"
    yield _line(names.PROCESS_CPU, {}, time.process_time())
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return
    yield from _gauge(names.PROCESS_MEMORY, pages * resource.getpagesize())


def _gauge(name: str, value: float) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    yield _line(name, {}, value)


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    written = ",".join(f'{label}="{_escaped(said)}"' for label, said in labels.items())
    return f"{name}{{{written}}} {value!r}" if written else f"{name} {value!r}"


def _escaped(said: str) -> str:
    return said.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
