"""A real process under strace: its writing system calls counted, and one of them met by a signal or an error.

The child is forked from the test, so it costs no start-up; it waits until strace holds it. Every system call it makes
must be listed here, as one that changes the disk or as one that does not: an unlisted kind fails the test.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHANGES = frozenset(
    "write pwrite64 writev pwritev pwritev2 fsync fdatasync rename renameat renameat2 unlink unlinkat rmdir mkdir "
    "mkdirat ftruncate truncate link linkat symlink symlinkat fallocate chmod fchmod fchmodat fchown chown fchownat "
    "utimensat copy_file_range sendfile sync syncfs sync_file_range".split()
)
READS = frozenset(
    "open openat read pread64 readv close fstat stat lstat newfstatat statx lseek mmap munmap mremap mprotect madvise "
    "brk flock fcntl getdents64 getpid gettid geteuid getuid getegid getgid clock_gettime clock_nanosleep nanosleep "
    "gettimeofday time futex getrandom ioctl access faccessat faccessat2 getcwd readlink readlinkat rt_sigaction "
    "rt_sigprocmask rt_sigreturn sigaltstack sched_yield sched_getaffinity exit exit_group select pselect6 poll ppoll "
    "statfs fstatfs sysinfo uname prlimit64 getrusage restart_syscall rseq set_robust_list fadvise64 "
    "times umask dup dup2 dup3 pipe pipe2 epoll_create1 clone3 membarrier mlock munlock".split()
)
_CALL = re.compile(r"^\d+ +([a-z_0-9]+)\(")
_PR_SET_PTRACER = 0x59616D61


@dataclass(frozen=True)
class Outcome:
    """How the child ended and which calls it made, in order."""

    status: int
    calls: list[str]
    log: str

    @property
    def killed(self) -> bool:
        """Whether a SIGKILL ended it."""
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == 9

    def points(self) -> list[tuple[str, int]]:
        """Returns each changing call as (name, how often it was made up to here)."""
        seen: Counter[str] = Counter()
        points = []
        for name in self.calls:
            if name in CHANGES:
                seen[name] += 1
                points.append((name, seen[name]))
        return points

    def unlisted(self) -> set[str]:
        """Returns the kinds of calls that nobody has thought about."""
        return set(self.calls) - CHANGES - READS


def run(action: Callable[[], None], log: Path, *options: str) -> Outcome:
    """Runs `action` in a child under strace with more options; the child writes nothing but what the action does."""
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        _child(action, ready)
    os.close(ready)
    command = ["strace", "-f", "-s", "16", "-o", str(log), *options, "-p", str(child)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        assert "attached" in said, said
        os.close(go)
        _, status = os.waitpid(child, 0)
        tracer.wait(timeout=60)
    text = log.read_text()
    return Outcome(status, [match[1] for line in text.splitlines() if (match := _CALL.match(line))], text)


def _child(action: Callable[[], None], ready: int) -> None:
    code = 70
    try:
        # Where Yama guards ptrace, a child may be traced by whom it names.
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        os.read(ready, 1)
        action()
        code = 0
    except Exception as error:  # noqa: BLE001  # the child reports whatever happened by its exit code
        sys.stderr.write(f"child: {type(error).__name__}: {error}\n")
        code = 71
    finally:
        os._exit(code)
