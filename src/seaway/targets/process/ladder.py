"""Which way a cell is made here: namespaces as root, a user namespace as a user, proot where neither is allowed.

Each rung is tried by the whole sequence of mounts, since on some systems `unshare` works and the first mount is
refused. Never a silent run on the host's own files: that would not be the image.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.errors import TargetUnsupported
from seaway.targets.cell.launch import cell_command
from seaway.targets.process.proot import ProotMissing, find_proot

NAMESPACES, USER, PROOT = "namespaces", "user", "proot"
_POINTS = ("dev", "proc", "sys", "tmp", "run", "etc")
_MACHINES = ("x86_64", "aarch64")
LOST = "proot: programs have your own user id, see all processes and may write to their copy of the image"
LIMITS = (
    "no security boundary between services, or between them and this machine",
    "the host's network: local users reach the services, services reach the host",
    "no seccomp filter",
    "all services share one host user",
)


@dataclass(frozen=True, slots=True)
class Way:
    """How cells are made; `says` is one line for people, `proot` the command that stands before a program's."""

    mode: str
    says: str
    proot: tuple[str, ...] = ()


def choose_way(scratch: Path, tools: Path) -> Way:
    """Returns the first rung that holds; raises TargetUnsupported, with what each rung said, if none does."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        raise TargetUnsupported(
            f"the target process needs Linux on x86-64 or arm64, not {sys.platform} on {platform.machine()}",
            hint="set target: docker",
        )
    faults = []
    rungs = [(NAMESPACES, "namespaces")] if os.geteuid() == 0 else []
    for mode, says in (*rungs, (USER, "user namespaces")):
        fault = try_mode(mode, scratch)
        if not fault:
            return Way(mode, says)
        faults.append(f"{says}: {fault}")
    try:
        return Way(PROOT, LOST, find_proot(tools, scratch))
    except ProotMissing as missing:
        faults.append(f"proot: {missing}")
    raise TargetUnsupported(
        f"this machine allows no way to run an image ({'; '.join(faults)})",
        hint="apt install proot, or set target: docker",
    )


def try_mode(mode: str, scratch: Path) -> str:
    """Walks a cell's whole sequence with an empty root and no program; returns what failed, or nothing."""
    with tempfile.TemporaryDirectory(prefix=".probe-", dir=scratch, ignore_cleanup_errors=True) as temporary:
        folder, root = Path(temporary), Path(temporary) / "root"
        for point in ("", *_POINTS):
            (root / point).mkdir()
        (folder / "stage").mkdir()
        (folder / "spec.json").write_text(json.dumps(probe_spec(mode, folder, root)))
        command = cell_command(folder / "spec.json")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        if done.returncode:
            return (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        end = json.loads((folder / "end.json").read_text())
    return "" if end["code"] == 0 else str(end["reason"] or f"ended with {end['code']}")


def probe_spec(mode: str, folder: Path, root: Path) -> dict[str, Any]:
    """Returns the spec of a cell that executes nothing."""
    return {
        **base_spec(mode, root, folder),
        "run": 1,
        "directory": str(folder),
        "argv": [],
        "binds": [{"source": "/etc/hosts", "path": "/etc/hosts", "read_only": True}],
    }


def base_spec(mode: str, root: Path, folder: Path) -> dict[str, Any]:
    """Returns the fields of a spec that a plain program needs; callers override."""
    return {
        "mode": mode,
        "root": str(root),
        "stage": str(folder / "stage"),
        "uid": 65532,
        "gid": 65532,
        "hostname": "cell",
        "environment": {},
        "workdir": "/",
        "binds": [],
        "tmpfs": [
            {"path": "/dev/shm", "mode": "1777", "size": "64m"},
            {"path": "/tmp", "mode": "1777", "size": "1g"},
            {"path": "/run", "mode": "755", "size": "64m"},
        ],
        "rlimits": {"RLIMIT_CORE": [0, 0], "RLIMIT_NOFILE": [65536, 65536]},
        "init": False,
        "stop_signal": "SIGTERM",
        "grace": 10.0,
        "memory_limit": 0,
        "log": {"path": str(folder / "log.jsonl"), "size": 10_000_000, "files": 3},
    }
