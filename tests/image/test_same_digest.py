"""The same request gives the same digest: another folder, an empty store, other umask, zone, hash seed, workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seaway.image.layout import Layout

pytestmark = pytest.mark.rootless

WheelFactory = Callable[..., Path]
_SCRIPT = """
import io, json, os, sys
from pathlib import Path
from seaway.digest import Digest
from seaway.image.build import BuildRequest, build
from seaway.image.config import Run
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.model import Base, Content, Entry, Kind, LockedWheel, Platform
from seaway.image.wheelhouse import Places
wheels, workers = Path(sys.argv[1]), int(sys.argv[2])
os.umask(int(sys.argv[3], 8))
def content(data):
    return Content(len(data), lambda: io.BytesIO(data))
store = Layout(Path("oci"))
with store.writer() as writer:
    written = write_layer([Entry("usr/bin/python3.11", mode=0o755, content=content(b"x"))], writer)
    writer.commit(written.digest)
layers = (written.layer("base"),)
python = ("usr/bin/python3.11", "3.11.2", "glibc 2.36")
base = Base("apt:debian/bookworm", Platform(), written.digest, layers, {}, *python)
locked = []
for path in sorted(wheels.glob("*.whl"), reverse=workers > 1):
    name, version = path.name.split("-")[:2]
    data = path.read_bytes()
    locked.append(LockedWheel(name, version, path.name, Digest.of(data), len(data), "./" + path.name))
app = (Entry("opt/app/main.py", content=content(b"1")),)
request = BuildRequest("api", base, tuple(locked), app, Run(cmd=("python",), env={"B": "1", "A": "2"}))
built = build(request, store, places=Places(wheels, Path("cache")), workers=workers)
heavy = sorted({"installer", "packaging", "httpx"} & set(sys.modules))
print(json.dumps([str(built.image.digest), str(built.sbom), str(built.facts), heavy]))
"""


def _run(where: Path, wheels: Path, *arguments: str, **environment: str) -> list[object]:
    where.mkdir(exist_ok=True)
    command = [sys.executable, "-c", _SCRIPT, str(wheels), *arguments]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environment}
    done = subprocess.run(command, cwd=where, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.fixture
def wheels(wheel: WheelFactory) -> Path:
    """Returns a folder with a few wheels, one with a file that is spliced."""
    wheel("alpha", files={"alpha.py": b"a", "alpha.txt": b"0123456789abcdef" * 9000})
    wheel("beta", files={"beta.py": b"b"})
    return wheel("gamma", files={"gamma.py": b"c"}).parent


def test_an_empty_store_elsewhere_gives_the_same_digest(wheels: Path, tmp_path: Path) -> None:
    """Folder, store, umask, time zone, language, hash seed, order of the request and number of workers do not count."""
    first = _run(tmp_path / "one", wheels, "1", "022", PYTHONHASHSEED="1", TZ="UTC", LANG="C")
    second = _run(tmp_path / "two", wheels, "2", "077", PYTHONHASHSEED="77", TZ="Asia/Tokyo", LANG="de_DE.UTF-8")
    assert first == second


def test_an_edit_build_imports_no_wheel_library(wheels: Path, tmp_path: Path) -> None:
    """Neither building nor building again loads what only wheels, locks and networks need."""
    first = _run(tmp_path / "one", wheels, "1", "022")
    assert first[3] == []
    assert _run(tmp_path / "one", wheels, "1", "022") == first


def test_a_flipped_bit_gives_another_digest(wheels: Path, wheel: WheelFactory, tmp_path: Path) -> None:
    """The comparison can fail: one other byte in one wheel is another image."""
    first = _run(tmp_path / "one", wheels, "1", "022")
    wheel("beta", files={"beta.py": b"c"})
    assert _run(tmp_path / "two", wheels, "1", "022")[0] != first[0]


def test_a_killed_build_loses_nothing(wheels: Path, tmp_path: Path) -> None:
    """A build and its workers killed at any moment leave a whole store, and the next build has the same digest."""
    expected = _run(tmp_path / "whole", wheels, "2", "022")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    where = tmp_path / "killed"
    where.mkdir()
    for after in (0.2, 0.4, 0.6, 0.9, 1.3):
        command = [sys.executable, "-c", _SCRIPT, str(wheels), "2", "022"]
        with subprocess.Popen(command, cwd=where, env=environ, stdout=subprocess.PIPE, start_new_session=True) as run:
            try:
                run.wait(after)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
        assert Layout(where / "oci").check() == ()
    assert _run(where, wheels, "2", "022") == expected


def test_two_builds_at_once_are_one(wheels: Path, tmp_path: Path) -> None:
    """Builds that run side by side into one store give the same digest and a whole store."""
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: _run(tmp_path / "both", wheels, "1", "022"), range(2))
    assert one == two
    assert Layout(tmp_path / "both" / "oci").check() == ()
