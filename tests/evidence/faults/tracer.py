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

CHANGES = re.compile(
    r"p?write(64|v|v2)?|f(data)?sync|sync|syncfs|sync_file_range|rename(at|at2)?|unlink(at)?|rmdir|mkdir(at)?"
    r"|f?truncate|(sym)?link(at)?|fallocate|f?chmod(at)?|f?chown(at)?|utimensat|copy_file_range|sendfile"
)
READS = re.compile(
    r"open(at)?|p?read(64|v|linkat|link)?|close|[fl]?stat|newfstatat|statx|f?statfs|access|faccessat2?|getcwd|getdents64"
    r"|lseek|fadvise64|flock|fcntl|ioctl|dup[23]?|pipe2?|poll|ppoll|select|pselect6|epoll_create1"
    r"|mmap|munmap|mremap|mprotect|madvise|brk|mlock|munlock|membarrier|futex|getrandom|rseq|set_robust_list"
    r"|get[a-z_]+|clock_(gettime|nanosleep)|nanosleep|time|times|sysinfo|uname|umask|prlimit64"
    r"|rt_sig[a-z]+|sigaltstack|sched_[a-z]+|restart_syscall|exit(_group)?"
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
            if CHANGES.fullmatch(name):
                seen[name] += 1
                points.append((name, seen[name]))
        return points

    def unlisted(self) -> set[str]:
        """Returns the kinds of calls that nobody has thought about."""
        return {name for name in self.calls if not CHANGES.fullmatch(name) and not READS.fullmatch(name)}


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
