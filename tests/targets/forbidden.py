"""What is left where namespaces are forbidden; run inside a user namespace that allows no further one.

python -m tests.targets.forbidden FOLDER ROOT
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from seaway.targets.process.cells import Cell
from seaway.targets.process.life import Life, start_of
from seaway.targets.process.target import ProcessTarget
from tests.targets.conftest import end_all
from tests.targets.load import Load
from tests.targets.world import drive, go_live, place, version_of, web

LOOK = "import os, json; print(json.dumps([sorted(os.listdir('/app')), open('/etc/hosts').read(), os.environ['WORD']]))"


def running(target: ProcessTarget) -> Cell:
    """Returns the one running cell."""
    return next(cell for cell in target.supervisor.cells.seen() if cell.life)


def program_of(cell: Cell) -> Life:
    """Returns the program that proot runs."""
    child = int(Path(f"/proc/{cell.program}/task/{cell.program}/children").read_text().split()[0])
    return Life(child, start_of(child) or 0)


def walk(folder: Path, root: Path) -> dict[str, object]:
    """Serves, is killed, is replaced, is joined, ends well; returns what was seen."""
    target = ProcessTarget(place(folder))
    try:
        go_live(target, version_of(web()), root, web=1)
        address = target.supervisor.look.fronts[0].address
        with Load(address, 8000, rate=20) as load:
            time.sleep(0.5)
        cell = running(target)
        program = program_of(cell)
        assert cell.life and cell.life.send(signal.SIGKILL)
        time.sleep(0.5)
        outlived = program.alive
        drive(target, lambda seen: any(pod.ready and pod.restarts for pod in seen.pods))
        joined = subprocess.run(
            target.exec_command(cell.id, ("python3", "-c", LOOK)), capture_output=True, text=True, check=False
        )
        target.supervisor.cells.stop(running(target))
        end = target.paths.cells / cell.id / "end.json"
        drive(target, lambda _seen: end.exists() and json.loads(end.read_text())["run"] == 2)
        return {
            "says": target.supervisor.launcher.says,
            "failed": len(load.failed()),
            "answered": len(load.log),
            "outlived": outlived,
            "joined": json.loads(joined.stdout),
            "end": json.loads(end.read_text()),
        }
    finally:
        end_all(target.paths)


if __name__ == "__main__":
    print(json.dumps(walk(Path(sys.argv[1]), Path(sys.argv[2]))))
