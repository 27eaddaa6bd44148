"""Joins a running cell and executes one program in it: `seaway exec`, and health checks that are commands.

PID is the cell's first process as the host sees it. The program gets the cell's own environment, its unprivileged
id and no new privileges, and dies with this process. Standard input, output and error are the caller's.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .kernel import check, libc
from .stage import drop, execute

SPACES = (("user", 0x10000000), ("ipc", 0x08000000), ("uts", 0x04000000), ("pid", 0x20000000), ("mnt", 0x00020000))


def join(pid: int, user: bool) -> None:
    """Moves this process into the cell's spaces; the process space holds for children only."""
    chosen = [item for item in SPACES if user or item[0] != "user"]
    opened = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), kind, name) for name, kind in chosen]
    for number, kind, name in opened:
        check(libc.setns(number, kind), f"setns {name}")
        os.close(number)


def enter(spec_path: str, pid: int, argv: list[str]) -> int:
    """Runs argv in the cell; returns its exit code, 128 + signal, 127 or 126 if it cannot start."""
    with open(spec_path, encoding="utf-8") as text:
        spec: dict[str, Any] = json.load(text)
    join(pid, spec["mode"] == "user")
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code if code >= 0 else 128 - code
    try:
        drop(spec["uid"], spec["gid"], switch=spec["mode"] == "namespaces")
        execute(argv, spec["environment"], spec["workdir"])
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)
    os._exit(126)


def borrow(spec_path: str, argv: list[str]) -> int:
    """Becomes argv, a host command such as proot, with the environment of the cell and nothing of the caller's."""
    with open(spec_path, encoding="utf-8") as text:
        spec: dict[str, Any] = json.load(text)
    return os.execve(argv[0], argv, spec["environment"])
