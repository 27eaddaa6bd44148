"""How a cell is started: the argument vectors by which the host's Python runs this package alone."""

from __future__ import annotations

import sys
from pathlib import Path

_HOME = str(Path(__file__).resolve().parent.parent)
_LOAD = "import sys; sys.path.insert(0, sys.argv[1]); "
_RUN = _LOAD + "from cell.run import run; sys.exit(run(sys.argv[2]))"
_ENTER = _LOAD + "from cell.enter import enter; sys.exit(enter(sys.argv[2], int(sys.argv[3]), sys.argv[4:]))"
_BORROW = _LOAD + "from cell.enter import borrow; sys.exit(borrow(sys.argv[2], sys.argv[3:]))"
_KEEP = _LOAD + "from cell.keep import keep; sys.exit(keep(sys.argv[2], sys.argv[3:]))"


def cell_command(spec: Path) -> list[str]:
    """Returns the command that runs the cell of a spec file."""
    return [sys.executable, "-I", "-S", "-c", _RUN, _HOME, str(spec)]


def enter_command(spec: Path, program: int, argv: tuple[str, ...]) -> list[str]:
    """Returns the command that executes argv in the running cell whose first process is `program`."""
    return [sys.executable, "-I", "-S", "-c", _ENTER, _HOME, str(spec), str(program), *argv]


def borrow_command(spec: Path, argv: list[str]) -> list[str]:
    """Returns the command that executes argv on the host with the environment of a spec."""
    return [sys.executable, "-I", "-S", "-c", _BORROW, _HOME, str(spec), *argv]


def keep_command(directory: Path, argv: tuple[str, ...]) -> list[str]:
    """Returns the command that becomes argv once it holds the lock of `directory` and has written `run.json` there."""
    return [sys.executable, "-I", "-S", "-c", _KEEP, _HOME, str(directory), *argv]
