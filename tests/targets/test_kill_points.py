"""SIGKILL, a real one, at every write of the supervisor: the next one finishes the same work, and nothing runs twice.

The points are not listed by hand: `strace` shows which system calls the walk makes. A call that changes files or
processes and is not among those killed at fails the test, as does a file created in place under its final name.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from seaway.errors import SeawayError
from seaway.targets.process.cells import Cells
from seaway.targets.process.paths import EnvironmentPaths
from tests.targets.conftest import end_all
from tests.targets.load import Load
from tests.targets.sweep import ROOT, Killed, Point, Sweep, digest_of, evenly
from tests.targets.walk import walk
from tests.targets.world import place

pytestmark = pytest.mark.rootless

KILLED_AT = ("rename", "link", "fsync", "mkdir", "unlink", "vfork", "pidfd_send_signal", "chown", "rmdir", "unlinkat")
CHANGES = (
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,truncate,ftruncate,"
    "chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,fsync,fdatasync,mknod,mknodat,fallocate,copy_file_range,"
    "fork,vfork,clone,clone3,kill,tgkill,pidfd_send_signal,openat"
)
IN_PLACE = re.compile(r"/(\.[^/]+\.new|\.probe-[^/]+/spec\.json|cell\.err|envoy\.log|__pycache__/.+)$")
CODE = [ROOT / "src/seaway/targets" / name for name in ("process", "cell", "envoy.py", "document.py")]
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


def traced(folder: Path, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the walk under strace; only the supervisor's own thread is traced, never a cell."""
    command = ["strace", "-qq", *options, sys.executable, "-B", "-m", "tests.targets.walk", str(folder), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def points(folder: Path, root: Path) -> list[Point]:
    """Returns the calls of one whole walk that change something, in order; fails for one nobody thought of."""
    log = folder / "trace"
    done = traced(folder, root, "-o", str(log), "-e", f"trace={CHANGES}", "-e", "signal=none")
    assert done.returncode == 0, done.stderr
    counts: Counter[str] = Counter()
    found = []
    for line in log.read_text().splitlines():
        name, _, rest = line.partition("(")
        if name == "openat":
            path = rest.split('"')[1]
            if ("O_CREAT" in rest or "O_TRUNC" in rest) and path.startswith(str(folder)):
                assert IN_PLACE.search(path), f"{path} is written in place"
            continue
        if name in ("clone", "clone3") and "CLONE_THREAD" in rest:
            continue
        counts[name] += 1
        found.append(Point(name, counts[name]))
    assert set(counts) <= set(KILLED_AT), f"calls nobody kills at: {set(counts) - set(KILLED_AT)}"
    return found


def points_of_one_walk(folder: Path, root: Path) -> list[Point]:
    """Finds them and leaves nothing running."""
    try:
        return points(folder, root)
    finally:
        end_all(place(folder))


def check(paths: EnvironmentPaths) -> None:
    """One cell of the old version runs, once, and answers; nothing else is left running."""
    until = time.monotonic() + 20
    while (running := Counter(spec for spec in _cell_specs() if str(paths.folder) in spec)).total() != 1:
        assert time.monotonic() < until, running  # a cell ends a moment after its record
        time.sleep(0.05)
    (alive,) = (cell for cell in Cells(paths.cells).seen() if cell.life)
    front = alive.replica.address.rpartition(".")[0] + ".1"
    with Load(front, 8000, rate=50, clients=2) as load:
        while len(load.log) < 5:
            time.sleep(0.01)
    assert load.failed() == []


def _cell_specs() -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            found += [
                word.decode() for word in words if word.endswith(b"/spec.json") and b"cell.run" in b"".join(words)
            ]
    return found


def kill_at(folder: Path, root: Path, point: Point) -> bool:
    """Kills the walk at one point and lets the next supervisor finish it; tells whether the kill was met."""
    paths = place(folder)
    folder.mkdir()
    inject = f"inject={point.call}:signal=SIGKILL:when={point.number}"
    try:
        done = traced(folder, root, "-o", os.devnull, "-e", f"trace={point.call}", "-e", inject)
        assert done.returncode in (-9, 137, 0), done.stderr
        walk(folder, root)
        check(paths)
        return done.returncode != 0
    finally:
        end_all(paths)


def swept(folder: Path, root: Path, point: Point) -> Killed:
    """Kills at one point; what goes wrong is a result, so that a sweep reaches its end."""
    began, met, wrong = time.monotonic(), False, ""
    try:
        met = kill_at(folder, root, point)
    except subprocess.TimeoutExpired as error:
        wrong = f"TimeoutExpired: the walk did not end in {error.timeout:g} s"
    except (AssertionError, OSError, SeawayError) as error:
        wrong = f"{type(error).__name__}: {error}"[:2000]
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return Killed(point.call, point.number, met, round(time.monotonic() - began, 1), wrong)


@needs_strace
def test_killed_at_some_write_it_goes_on(tmp_path: Path, root: Path) -> None:
    """A few points evenly along the walk, chosen anew each time; the seed is printed."""
    found = points_of_one_walk(tmp_path, root)
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}, {len(found)} points")
    for point in evenly(found, 2, seed):
        kill_at(tmp_path / f"{point.call}-{point.number}", root, point)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
@needs_strace
def test_killed_at_every_write_it_goes_on(tmp_path: Path, root: Path) -> None:
    """Every point of the walk, in an order of its own; ended and started again, it goes on where it was."""
    found = points_of_one_walk(tmp_path, root)
    seed = int(os.environ.get("SEAWAY_SEED") or random.SystemRandom().randrange(1 << 32))
    sweep = Sweep("supervisor", digest_of(CODE), seed, found)
    for point in sweep.left():
        sweep.note(swept(tmp_path / f"{point.call}-{point.number}", root, point))
    assert not sweep.wrong(), "\n".join(sweep.wrong())
    assert sum(one.met for one in sweep.done.values()) >= 0.95 * len(found)


def test_a_sweep_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the same code what is done stays done, what went wrong is tried again; other code begins anew."""
    monkeypatch.setattr("tests.targets.sweep.RESULTS", tmp_path)
    every = [Point("rename", number) for number in range(1, 7)]
    sweep = Sweep("x", "code", 7, every)
    first, second, *_ = order = list(sweep.left())
    sweep.note(Killed(first.call, first.number, True, 1.0))
    sweep.note(Killed(second.call, second.number, True, 1.0, "torn"))
    again = Sweep("x", "code", 8, every)
    assert (list(again.left()), again.seed, len(again.wrong())) == (order[1:], 7, 1)
    assert len(list(Sweep("x", "other", 8, every).left())) == len(every)


def test_a_sample_lies_evenly_along_the_walk() -> None:
    """One point in each part of equal length, whatever the seed."""
    every = [Point("rename", number) for number in range(1, 41)]
    for seed in range(20):
        assert [(point.number - 1) // 10 for point in evenly(every, 4, seed)] == [0, 1, 2, 3]
