"""What the ledger costs: an append beside a bare sync, a batch, a verification, and the import of its door.

    python bench/ledger.py [ROUNDS]

Appends and bare syncs of as many bytes are interleaved on the same disk, so that both meet the same neighbours; shown
are medians, the 99th percentile, and the processor time, which a busy machine does not change. Goals (`GOALS`) are
those of an idle machine: an append is one sync and 5 ms, a verification thousands of entries a second.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from seaway.digest import Digest
from seaway.evidence.inspection import verify_ledger
from seaway.evidence.keys import PrivateKey
from seaway.evidence.newcomer import SMALL_TEAM, Newcomer
from seaway.evidence.notary import Notary
from seaway.evidence.place import Place
from seaway.evidence.statement import PredicateType, Statement

GOALS = {"append beyond a sync, ms": 5.0, "verify, entries/s": 2000.0, "import, ms": 60.0}
BATCH = 500
RECORD = 2000  # bytes of a journal record of one small statement
_TIMED = "import time; began = time.process_time(); import {}; print((time.process_time() - began) * 1000)"
_LIBRARIES = "cryptography.hazmat.primitives.serialization, cryptography.hazmat.primitives.asymmetric.ec, sqlite3, json"


def statement(number: int) -> Statement:
    """Returns a small statement that is not in the ledger yet."""
    return Statement.about(Digest.of(str(number).encode()), PredicateType.CYCLONEDX, {"bomFormat": "CycloneDX"})


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Returns what an action took, in milliseconds of the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    action()
    return (time.perf_counter() - clock) * 1000, (time.process_time() - processor) * 1000


def pairs(notary: Notary, owner: PrivateKey, folder: Path, rounds: int) -> dict[str, float]:
    """Returns appends beside bare syncs, interleaved."""
    beside = os.open(folder / "beside", os.O_RDWR | os.O_CREAT)
    appends, syncs = [], []

    def sync() -> None:
        os.write(beside, b"x" * RECORD)
        os.fdatasync(beside)

    for number in range(rounds):
        syncs.append(timed(sync)[0])
        appends.append(timed(lambda number=number: notary.append(statement(number), owner)))  # type: ignore[misc]
    os.close(beside)
    clock = sorted(each for each, _ in appends)
    return {
        "sync, ms": statistics.median(syncs),
        "append, ms": statistics.median(clock),
        "append p99, ms": clock[len(clock) * 99 // 100],
        "append beyond a sync, ms": statistics.median(
            all_ - sync for (all_, _), sync in zip(appends, syncs, strict=True)
        ),
        "append, processor ms": statistics.median(each for _, each in appends),
    }


def batches(notary: Notary, owner: PrivateKey, count: int) -> dict[str, float]:
    """Returns how fast statements go in by batches, signing included, and how fast all of it is verified."""
    deeds = [(statement(1_000_000 + number), owner) for number in range(count)]
    began = time.process_time()
    for start in range(0, count, BATCH):
        notary.append_all(deeds[start : start + BATCH])
    rate = count / (time.process_time() - began)
    notary.close()
    reports = []
    for _ in range(3):
        began = time.process_time()
        report = verify_ledger(notary.place.ledger)
        reports.append(report.size / (time.process_time() - began))
        report.or_raise()
    return {"append by batches, entries/s": rate, "verify, entries/s": statistics.median(reports)}


def imports() -> dict[str, float]:
    """Returns what importing the notary takes in a new process, and what its libraries alone take, processor time."""
    found = {}
    for name, modules in (("import, ms", "seaway.evidence.notary"), ("import of the libraries alone, ms", _LIBRARIES)):
        command = [sys.executable, "-c", _TIMED.format(modules)]
        found[name] = statistics.median(float(subprocess.check_output(command)) for _ in range(5))
    return found


def main() -> None:
    """Measures and prints one JSON document."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(dir=os.environ.get("SEAWAY_BENCH_DIR")) as name:
        folder, owner = Path(name), PrivateKey.generate()
        notary = Notary.open(Place(folder / "data", folder / "state", "bench.local"))
        notary.bootstrap(owner, Newcomer(person="bench", roles=SMALL_TEAM))
        found = {**pairs(notary, owner, folder, rounds), **batches(notary, owner, 2 * BATCH), **imports()}
    machine = {"python": platform.python_version(), "cryptography": version("cryptography"), "load": os.getloadavg()[0]}
    shown = {key: round(value, 2) for key, value in found.items()}
    print(json.dumps({"rounds": rounds, **machine, "goals": GOALS, **shown}, indent=2))


if __name__ == "__main__":
    main()
