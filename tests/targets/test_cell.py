"""Cells by themselves: what a program sees, how it ends, what is recorded. Real processes in real namespaces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.targets.cell.launch import cell_command, enter_command
from seaway.targets.process.ladder import NAMESPACES, PROOT, Way, base_spec
from seaway.targets.process.life import Life, start_of
from seaway.targets.process.record import read_json

pytestmark = pytest.mark.rootless

LOOK = """
import json, os
def tried(path):
    try:
        open(path, "w").close()
        return True
    except OSError:
        return False
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "pid": os.getpid(),
    "pids": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
    "capabilities": status["CapEff"].strip(), "no_new_privs": status["NoNewPrivs"].strip(),
    "root": tried("/x"), "tmp": tried("/tmp/x"), "shm": tried("/dev/shm/x"), "null": tried("/dev/null"),
    "volume": tried("/data/x"), "read_only": tried("/fixed/x"),
    "environment": sorted(os.environ), "hostname": os.uname().nodename, "folder": os.getcwd(),
    "names": sorted(os.listdir("/")),
}))
"""


class Running:
    """One cell under way and its folder."""

    def __init__(self, folder: Path, spec: dict[str, Any]) -> None:
        self.folder = folder
        (folder / "spec.json").write_text(json.dumps(spec))
        self.process = subprocess.Popen(cell_command(folder / "spec.json"), stderr=subprocess.PIPE)

    def program(self) -> int:
        """Waits for the program and returns its pid."""
        return int(self._wait("run.json")["program"])

    def end(self) -> dict[str, Any]:
        """Waits for the end and returns its record."""
        return self._wait("end.json")

    def lines(self) -> list[dict[str, Any]]:
        """Returns the log."""
        path = self.folder / "log.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def said(self, text: str) -> None:
        """Waits until the program has written something."""
        until = time.monotonic() + 10
        while not any(text in line["log"] for line in self.lines()):
            assert time.monotonic() < until, f"it never said {text}"
            time.sleep(0.02)

    def _wait(self, name: str) -> dict[str, Any]:
        until = time.monotonic() + 15
        while (record := read_json(self.folder / name)) is None:
            assert time.monotonic() < until, f"no {name}: {self.process.poll()}"
            time.sleep(0.02)
        return record


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path, root: Path, way: Way) -> Iterator[Start]:
    """Returns a way to start Python code in a cell."""
    if way.mode == PROOT:
        pytest.skip("namespaces are forbidden here; test_proot covers what is left")
    cells: list[Running] = []

    def begin(code: str, **fields: Any) -> Running:
        folder = tmp_path / f"cell{len(cells)}"
        (folder / "stage").mkdir(parents=True)
        spec = base_spec(way.mode, root, folder) | {
            "run": 1,
            "directory": str(folder),
            "argv": ["/usr/local/bin/python3", "-u", "-c", code],
            "environment": {"PATH": "/usr/local/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            "grace": 1.0,
        }
        cells.append(Running(folder, spec | fields))
        return cells[-1]

    yield begin
    for cell in cells:
        cell.process.kill()
        cell.process.wait()


def test_a_program_sees_only_its_own_cell(start: Start, tmp_path: Path, way: Way) -> None:
    """Inside: the unprivileged id, no capability, its own processes, a read-only root, what is bound in."""
    for name in ("data", "fixed"):
        (tmp_path / name).mkdir()
        if way.mode == NAMESPACES:
            os.chown(tmp_path / name, 65532, 65532)
    binds = [
        {"source": str(tmp_path / "data"), "path": "/data", "read_only": False},
        {"source": str(tmp_path / "fixed"), "path": "/fixed", "read_only": True},
    ]
    cell = start(LOOK, binds=binds, hostname="api-1", workdir="/app")
    assert cell.end()["code"] == 0, cell.lines()
    seen = json.loads(cell.lines()[0]["log"])
    assert (seen["uid"], seen["gid"]) == (65532, 65532)
    assert seen["pids"] == [1] and seen["pid"] == 1
    assert int(seen["capabilities"], 16) == 0 and seen["no_new_privs"] == "1"
    assert [seen[name] for name in ("root", "tmp", "shm", "null")] == [False, True, True, True]
    assert (seen["volume"], seen["read_only"]) == (True, False)
    assert seen["environment"] == ["PATH", "PYTHONDONTWRITEBYTECODE"]
    assert (seen["hostname"], seen["folder"]) == ("api-1", "/app")
    assert (tmp_path / "data" / "x").stat().st_uid == (65532 if way.mode == NAMESPACES else os.getuid())
    if way.mode == NAMESPACES:
        assert seen["groups"] == []


@pytest.mark.parametrize("init", [False, True])
def test_killing_the_cell_kills_the_program(start: Start, init: bool) -> None:
    """The death signal is armed after the id changed, which would clear it; `init` adds one more process."""
    cell = start("import time; print('up'); time.sleep(60)", init=init)
    cell.said("up")
    program = cell.program()
    life = Life(program, start_of(program) or 0)
    assert life.alive
    cell.process.kill()
    cell.process.wait()
    until = time.monotonic() + 3
    while life.alive:
        assert time.monotonic() < until, "the program outlived its cell"
        time.sleep(0.02)


def test_a_program_without_a_handler_is_killed_after_its_grace(start: Start) -> None:
    """The first process ignores SIGTERM unless it handles it, as in Docker; then comes SIGKILL."""
    cell = start("import time; print('up'); time.sleep(60)", grace=0.5)
    cell.said("up")
    asked = time.monotonic()
    cell.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    cell.process.send_signal(signal.SIGTERM)  # asking again does not begin the grace anew
    end = cell.end()
    assert (end["code"], end["signal"], end["asked"]) == (137, "SIGKILL", True)
    assert 0.4 < time.monotonic() - asked < 2.0


def test_the_images_own_stop_signal_is_sent(start: Start) -> None:
    """A program that handles its signal ends by itself, well within the grace."""
    code = "import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7)); print('up'); signal.pause()"
    cell = start(code, stop_signal="SIGUSR1", grace=10.0)
    cell.said("up")
    cell.process.send_signal(signal.SIGTERM)
    end = cell.end()
    assert (end["code"], end["asked"]) == (7, True)


def test_init_forwards_signals_and_the_code(start: Start) -> None:
    """With `init` a program without a handler dies by the signal's default, as under a real init."""
    cell = start("import time; print('up'); time.sleep(60)", init=True, grace=10.0)
    cell.said("up")
    cell.process.send_signal(signal.SIGTERM)
    assert cell.end()["code"] == 128 + signal.SIGTERM


def test_the_end_says_how_and_how_much(start: Start) -> None:
    """The record holds code, signal and peak memory."""
    cell = start("data = bytearray(50 << 20); import os; os.kill(os.getpid(), 9) if os.getpid() > 1 else exit(3)")
    end = cell.end()
    assert (end["run"], end["code"], end["signal"], end["reason"]) == (1, 3, "", "")
    assert 50 << 20 < end["peak_memory"] < 200 << 20


def test_memory_over_the_limit_ends_the_program(start: Start) -> None:
    """The limit is sampled each second, children included, and the end says so."""
    code = "import os, time; os.fork(); data = bytearray(40 << 20); time.sleep(30)"
    end = start(code, memory_limit=60 << 20).end()
    assert (end["code"], end["reason"]) == (137, "over limit (sampled)")


def test_logs_are_json_lines_of_both_streams(start: Start) -> None:
    """Bytes that are no UTF-8 are escaped, very long lines come in parts, the last line needs no end."""
    code = (
        "import os; os.write(1, b'out \\xff\\n' + b'x' * 40000 + b'\\n'); os.write(2, b'err\\n'); os.write(1, b'rest')"
    )
    cell = start(code)
    cell.end()
    out = [line["log"] for line in cell.lines() if line["stream"] == "stdout"]
    assert out[0] == "out \\xff"
    assert "".join(out[1:-1]) == "x" * 40000
    assert out[-1] == "rest"
    assert [line["log"] for line in cell.lines() if line["stream"] == "stderr"] == ["err"]


def test_logs_are_rotated(start: Start, tmp_path: Path) -> None:
    """Three files of at most the given size hold the newest lines."""
    log = {"path": str(tmp_path / "cell0" / "log.jsonl"), "size": 4000, "files": 3}
    cell = start("for number in range(1000): print('line', number)", log=log)
    cell.end()
    files = sorted(cell.folder.glob("log.jsonl*"))
    assert [path.name for path in files] == ["log.jsonl", "log.jsonl.1", "log.jsonl.2"]
    assert all(path.stat().st_size <= 4000 for path in files)
    assert cell.lines()[-1]["log"] == "line 999"


def test_a_full_disk_stops_no_program(start: Start, tmp_path: Path) -> None:
    """What cannot be logged is dropped; the program ends as it would have."""
    cell = start("print('lost' * 1000); exit(4)", log={"path": "/dev/full", "size": 4000, "files": 3})
    assert cell.end()["code"] == 4


def test_one_folder_holds_one_cell(start: Start, root: Path) -> None:
    """A second start of the same run, by another supervisor, ends at once and changes nothing."""
    cell = start("import time; print('up'); time.sleep(60)")
    cell.said("up")
    record = (cell.folder / "run.json").read_text()
    second = subprocess.run(cell_command(cell.folder / "spec.json"), check=False, timeout=10)
    assert second.returncode == 3
    assert (cell.folder / "run.json").read_text() == record
    assert not (cell.folder / "end.json").exists()


def test_a_missing_program_is_said(start: Start) -> None:
    """The end names what could not be executed."""
    end = start("", argv=["nothing-here"]).end()
    assert end["code"] == 125
    assert "nothing-here" in end["reason"]


def test_the_first_argument_is_passed_as_written(start: Start) -> None:
    """A virtual environment is found through the path that was called, not the file behind it."""
    cell = start("", argv=["/usr/local/bin/../bin/python3", "-c", "import sys; print(sys.orig_argv[0])"])
    cell.end()
    assert cell.lines()[0]["log"] == "/usr/local/bin/../bin/python3"


def test_links_of_an_image_do_not_lead_out(start: Start, root: Path, tmp_path: Path) -> None:
    """A mount point behind an absolute link lands inside the image's root, never on the host."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "trap").unlink(missing_ok=True)
    (root / "trap").symlink_to(outside)
    source = tmp_path / "source"
    source.mkdir()
    binds = [{"source": str(source), "path": "/trap/inner", "read_only": True}]
    assert start("print('up')", binds=binds).end()["code"] == 0
    assert list(outside.iterdir()) == []
    (root / "trap").unlink()


def test_a_command_can_join_a_running_cell(start: Start) -> None:
    """It sees the cell's processes and environment, has the cell's id, and its code comes back."""
    cell = start("import time; print('up'); time.sleep(60)")
    cell.said("up")
    code = "import os; print(os.getuid(), os.environ['PATH'], '1' in os.listdir('/proc')); exit(5)"
    command = enter_command(cell.folder / "spec.json", cell.program(), ("python3", "-c", code))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    assert (done.returncode, done.stdout.strip()) == (5, "65532 /usr/local/bin True"), done.stderr
