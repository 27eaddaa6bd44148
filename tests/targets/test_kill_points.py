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

from seaway.targets.process.cells import Cells
from seaway.targets.process.paths import EnvironmentPaths
from tests.targets.conftest import end_all
from tests.targets.load import Load
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
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


def traced(folder: Path, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the walk under strace; only the supervisor's own thread is traced, never a cell."""
    command = ["strace", "-qq", *options, sys.executable, "-B", "-m", "tests.targets.walk", str(folder), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def points(folder: Path, root: Path) -> Counter[str]:
    """Counts the calls of one whole walk that change something; fails for one nobody thought of."""
    log = folder / "trace"
    done = traced(folder, root, "-o", str(log), "-e", f"trace={CHANGES}", "-e", "signal=none")
    assert done.returncode == 0, done.stderr
    found: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        name, _, rest = line.partition("(")
        if name == "openat":
            path = rest.split('"')[1]
            if ("O_CREAT" in rest or "O_TRUNC" in rest) and path.startswith(str(folder)):
                assert IN_PLACE.search(path), f"{path} is written in place"
            continue
        if name in ("clone", "clone3") and "CLONE_THREAD" in rest:
            continue
        found[name] += 1
    assert set(found) <= set(KILLED_AT), f"calls nobody kills at: {set(found) - set(KILLED_AT)}"
    return found


def points_of_one_walk(folder: Path, root: Path) -> Counter[str]:
    """Counts them and leaves nothing running."""
    try:
        return points(folder, root)
    finally:
        end_all(place(folder))


def check(paths: EnvironmentPaths) -> None:
    """One cell of the old version runs, once, and answers; nothing else is left running."""
    until = time.monotonic() + 5
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


def kill_at(folder: Path, root: Path, call: str, number: int) -> None:
    """Kills the walk at one point and lets the next supervisor finish it."""
    paths = place(folder)
    folder.mkdir()
    try:
        done = traced(
            folder, root, "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}"
        )
        assert done.returncode in (-9, 137, 0), done.stderr
        walk(folder, root)
        check(paths)
    finally:
        end_all(paths)


@needs_strace
def test_killed_at_some_write_it_goes_on(tmp_path: Path, root: Path) -> None:
    """A few points of each kind, chosen anew each time; the seed is printed."""
    found = points_of_one_walk(tmp_path, root)
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}, {found.total()} points: {dict(found)}")
    chosen = random.Random(seed)
    for call in ("rename", "vfork"):
        kill_at(tmp_path / call, root, call, chosen.randint(1, found[call]))


@pytest.mark.long
@needs_strace
def test_killed_at_every_write_it_goes_on(tmp_path: Path, root: Path) -> None:
    """Every point of the walk."""
    found = points_of_one_walk(tmp_path, root)
    for call, count in sorted(found.items()):
        for number in range(1, count + 1):
            kill_at(tmp_path / f"{call}-{number}", root, call, number)
