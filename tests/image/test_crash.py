"""Nothing lost: a real process is killed at every call that changes the store, and what was not synced is dropped.

The points come from intercepting system calls, so a write that this file does not know fails the test. Two lanes:
SIGKILL before each such call, after which the store is whole and the next process goes on; and a replay of the
recorded calls on a model of a disk that keeps only what was synced, where every removed sync is noticed.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.image.layout import Layout

pytestmark = [
    pytest.mark.rootless,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

_STORE = "st"
_KNOWN = ("mkdir", "openat", "write", "fsync", "rename", "unlink")
_OTHERS = "?creat,truncate,ftruncate,pwrite64,writev,pwritev,link,linkat,symlink,symlinkat,renameat,renameat2,rmdir"
_TRACED = f"{','.join(_KNOWN)},{_OTHERS},unlinkat,mkdirat,sendfile,copy_file_range,fallocate,fdatasync,sync_file_range"
_SCRIPT = """
import ctypes, io, os, signal, sys
sys.path[:0] = PATH
from pathlib import Path
from seaway.digest import Digest
from seaway.errors import StoreError
from seaway.image.layout import Layout
def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER: any
os.kill(os.getpid(), signal.SIGSTOP)
try:
    store = Layout(Path(sys.argv[1]))
    store.prepare()
    say("layout", "ready")
    say("blob", store.put(b"one" * 1000).hex)
    say("blob", store.put_stream(io.BytesIO(b"two" * 7_000))[0].hex)
    store.index_layer(Digest.of(b"key"), b'{"record":1}')
    say("record", Digest.of(b"key").hex)
    say("manifest", store.add_manifest(b'{"schemaVersion":2}', {"org.opencontainers.image.ref.name": "x"}).hex)
    say("manifest", store.add_manifest(b'{"layers":[],"schemaVersion":2}').hex)
    say("blob", store.put(b"one" * 1000).hex)
except StoreError as error:
    say("refused", error.exit_code)
"""


@dataclass(frozen=True)
class Call:
    """One call of the process that changes something: its name, path, and what it carries."""

    name: str
    path: str = ""
    data: bytes = b""
    target: str = ""


@dataclass
class File:
    """A file's bytes, as the process sees them and as the disk has them."""

    live: bytes = b""
    durable: bytes = b""


@dataclass
class Disk:
    """A disk that keeps after a crash only what was synced: bytes by the file, names by their directory."""

    live: dict[str, File | None] = field(default_factory=dict)
    durable: dict[str, File | None] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def apply(self, call: Call) -> None:
        """Does what a call does; None stands for a directory."""
        if call.name == "mkdir":
            self.live[call.path] = None
        elif call.name == "openat":
            self.live.setdefault(call.path, File())
        elif call.name == "write":
            file = self.live[call.path]
            assert file is not None
            file.live += call.data
        elif call.name == "rename":
            self.live[call.target] = self.live.pop(call.path)
        elif call.name == "unlink":
            self.live.pop(call.path, None)
        elif call.name == "fsync":
            self._sync(call.path)
        elif call.name == "say":
            self.said += call.data.decode().splitlines()

    def _sync(self, path: str) -> None:
        file = self.live.get(path)
        if file is not None:
            file.durable = file.live
            return
        for names in (self.durable, self.live):
            for name in [name for name in names if name.rpartition("/")[0] == path]:
                if names is self.durable and name not in self.live:
                    del self.durable[name]
                elif names is self.live:
                    self.durable[name] = self.live[name]

    def after_crash(self, root: Path) -> Path:
        """Writes what is left into a directory and returns where the store is."""
        for name in sorted(self.durable):
            place, file = root / name, self.durable[name]
            if not place.parent.is_dir():
                continue  # its directory's own name was never synced
            if file is None:
                place.mkdir()
            else:
                place.write_bytes(file.durable)
        return root / _STORE


def _trace(where: Path, *, inject: str = "") -> tuple[int, list[Call], list[str]]:
    """Runs the script on a store under strace; returns exit status, calls that change the store, and what it said.

    The process stops itself when all is imported, and only then strace takes hold: hundreds of runs stay affordable.
    """
    log = where / "trace"
    script = _SCRIPT.replace("PATH", repr([path for path in sys.path if path]))
    command = [sys.executable, "-I", "-S", "-B", "-c", script, str(where / _STORE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        os.waitpid(process.pid, os.WUNTRACED)
        options = ["-y", "-s", "2000000", "-e", f"trace={_TRACED}", "-o", str(log), "-p", str(process.pid)]
        options += ["-e", f"inject={inject}"] if inject else []
        with subprocess.Popen(["strace", *options], stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr
            said = tracer.stderr.readline()
            process.send_signal(signal.SIGCONT)
            assert "attached" in said, said
            output = process.communicate(timeout=60)[0]
    return process.returncode, list(_calls(log, where)), output.splitlines()


def _calls(log: Path, where: Path) -> Iterator[Call]:
    root = f"{where}/"
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", line)
        if not match or match[3].startswith("-"):
            continue
        name, arguments = match[1], match[2]
        if name == "write" and arguments.startswith("1<pipe"):
            yield Call("say", data=_strings(arguments)[0])
        elif f"{root}{_STORE}" in arguments or name == "fsync":
            yield from _store_call(name, arguments, root)


def _store_call(name: str, arguments: str, root: str) -> Iterator[Call]:
    at = re.match(r"\d+<(.*?)>", arguments)
    path = at[1].removeprefix(root) if at else ""
    path = "" if path == root.rstrip("/") else path
    if name in ("write", "fsync"):
        yield Call(name, path, _strings(arguments)[0] if name == "write" else b"")
        return
    names = [text.decode().removeprefix(root) for text in _strings(arguments)]
    if name == "openat" and "O_CREAT" not in arguments:
        return
    assert name in _KNOWN, f"a change of the store that no test knows: {name}({arguments[:200]})"
    yield Call(name, names[0], target=names[-1])


def _strings(arguments: str) -> list[bytes]:
    return [ast.literal_eval(f'b"{text}"') for text in re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)]


def _points(calls: Sequence[Call]) -> list[tuple[str, str]]:
    return [(call.name, call.path) for call in calls if call.name != "say"]


def _assert_whole(store: Path, said: Sequence[str]) -> None:
    """The store is whole, and all that a process was told to be stored is there."""
    layout = Layout(store)
    assert layout.check() == ()
    named = {str(found.digest) for found in layout.manifests()}
    for line in said:
        kind, value = line.split()
        if kind == "record":
            assert layout.recorded(Digest(value)) == b'{"record":1}'
        elif kind == "layout":
            assert (store / "index.json").exists()
        elif kind in ("blob", "manifest"):
            assert layout.has(Digest(value)), f"{line} was promised and is gone"
            assert kind == "blob" or f"sha256:{value}" in named


def _injections(where: Path) -> list[tuple[str, int]]:
    """Returns each call that changes the store as (name, its number among calls of that name in the process)."""
    where.mkdir()
    _trace(where)
    counts: dict[str, int] = {}
    found = []
    for line in (where / "trace").read_text(errors="replace").splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\((.*)", line)
        if not match:
            continue
        counts[match[1]] = counts.get(match[1], 0) + 1
        is_change = match[1] != "openat" or "O_CREAT" in match[2]
        if match[1] in _KNOWN and is_change and (f"{where}/{_STORE}" in match[2] or match[1] == "fsync"):
            found.append((match[1], counts[match[1]]))
    return found


def test_kill_or_full_disk_at_every_write_leaves_the_store_valid(tmp_path: Path) -> None:
    """Killed before any call that changes it, the store is whole; the next process goes on, and loses nothing."""
    points = _injections(tmp_path / "count")
    assert len(points) > 40
    for number, (name, when) in enumerate(points):
        where = tmp_path / str(number)
        where.mkdir()
        status, before, said = _trace(where, inject=f"{name}:signal=KILL:when={when}")
        assert status == -9, f"point {number} ({name} {when}) was not reached"
        _assert_whole(where / _STORE, said)
        status, after, said_after = _trace(where)
        assert (status, len(said_after)) == (0, 7)
        _assert_whole(where / _STORE, [*said, *said_after])
        disk = Disk()
        for call in [*before, *after]:
            disk.apply(call)
        (where / "power").mkdir()
        _assert_whole(disk.after_crash(where / "power"), disk.said)
        shutil.rmtree(where)


def test_a_full_disk_is_said_and_changes_nothing(tmp_path: Path) -> None:
    """Where a call finds no space, the error is StoreError (25), no partial file stays, and the store is whole."""
    for name, when in _injections(tmp_path / "count"):
        if name == "unlink":
            continue
        where = tmp_path / f"{name}-{when}"
        where.mkdir()
        status, _, said = _trace(where, inject=f"{name}:error=ENOSPC:when={when}")
        assert (status, said[-1]) == (0, "refused 25"), f"{name} {when}"
        _assert_whole(where / _STORE, said[:-1])
        partial = where / _STORE / "partial"
        assert not partial.exists() or list(partial.iterdir()) == []
        shutil.rmtree(where)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Returns the calls of one whole run."""
    return _trace(tmp_path_factory.mktemp("run"))[1]


def _survives(calls: Sequence[Call], where: Path) -> bool:
    """Crashes after every sync and promise; tells whether the store was whole with all that was promised."""
    disk = Disk()
    for number, call in enumerate(calls):
        disk.apply(call)
        if call.name in ("say", "fsync"):
            root = where / str(number)
            root.mkdir(parents=True)
            try:
                _assert_whole(disk.after_crash(root), disk.said)
            except AssertionError:
                return False
            finally:
                shutil.rmtree(root)
    return True


def test_what_was_promised_survives_a_loss_of_power(recorded: list[Call], tmp_path: Path) -> None:
    """With everything dropped that was not synced, each promise holds at the moment it is made."""
    assert _survives(recorded, tmp_path)


def test_every_sync_that_has_something_to_sync_is_needed(recorded: list[Call], tmp_path: Path) -> None:
    """Removing any one sync breaks the store or a promise, but for one that finds nothing new to sync."""
    needless = []
    for number, call in enumerate(recorded):
        if call.name == "fsync":
            rest = [*recorded[:number], *recorded[number + 1 :]]
            if _has_effect(recorded, number) and _survives(rest, tmp_path / str(number)):
                needless.append((number, call.path))
    assert needless == []


def _has_effect(calls: Sequence[Call], number: int) -> bool:
    """Tells whether a sync makes something durable that no later one does before the next promise."""
    promise = next((at for at in range(number, len(calls)) if calls[at].name == "say"), len(calls))
    with_it, without = Disk(), Disk()
    for at, call in enumerate(calls[:promise]):
        with_it.apply(call)
        if at != number:
            without.apply(call)
    return with_it.durable != without.durable
