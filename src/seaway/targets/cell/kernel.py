"""The kernel calls of a cell that Python 3.11 lacks, by ctypes, and two small readings of `/proc`."""

from __future__ import annotations

import ctypes
import json
import os

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID = 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = 0x400, 0x1000, 0x4000, 0x40000, 0x200000
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """Turns a failed C call into an OSError that says what was tried."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mounts; `kind` is empty for binds and remounts."""
    arguments = [text.encode() if text else None for text in (source, target, kind)]
    check(libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None), f"mount {kind or 'bind'} {target}")


def write_json(path: str, value: object) -> None:
    """Replaces a file whole: written beside it, synced, renamed, the folder synced."""
    beside = f"{path}.{os.getpid()}.new"
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(value, out)
        out.flush()
        os.fsync(out.fileno())
    os.rename(beside, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def start_of(pid: int) -> int:
    """Returns when a process started, in clock ticks since boot (proc(5), stat field 22)."""
    with open(f"/proc/{pid}/stat", "rb") as stat:
        return int(stat.read().rpartition(b")")[2].split()[19])


def control(option: int, value: int) -> None:
    """Calls prctl(2)."""
    check(libc.prctl(option, value, 0, 0, 0), f"prctl {option}")


def pivot(new_root: str) -> None:
    """Makes a mounted folder the root and detaches the old one (pivot_root(2), the `.`, `.` form)."""
    os.chdir(new_root)
    number = PIVOT_ROOT[os.uname().machine]
    check(libc.syscall(ctypes.c_long(number), b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount the old root")
    os.chdir("/")
