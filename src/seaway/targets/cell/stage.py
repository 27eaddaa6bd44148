"""The inside of a cell, step by step: spaces, the image's root read-only, what is bound in, the unprivileged id.

Everything here runs in the forked child, before the program. Mount points the image lacks are made in its own root
folder, which belongs to this image alone; links of the image never lead out of it.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
from typing import Any

from . import kernel
from .kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, check, libc, mount

Spec = dict[str, Any]

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


def isolate(spec: Spec) -> None:
    """Leaves the host's process, IPC and host name spaces; as a user, becomes the one mapped id first."""
    uid, gid = os.geteuid(), os.getegid()
    user = kernel.NEWUSER if spec["mode"] == "user" else 0
    check(libc.unshare(kernel.NEWPID | kernel.NEWIPC | kernel.NEWUTS | user), "unshare")
    if user:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{spec['uid']} {uid} 1"),
            ("gid_map", f"{spec['gid']} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as out:
                out.write(text)
    name = spec["hostname"].encode()
    check(libc.sethostname(name, len(name)), "sethostname")


def within(root: str, path: str) -> str:
    """Returns the host path of `path` inside `root`; links of the image never lead out of it."""
    parts, at, hops = [part for part in path.split("/") if part], "", 0
    while parts:
        part = parts.pop(0)
        if part in (".", ".."):
            at = os.path.dirname(at) if part == ".." else at
            continue
        here = f"{at}/{part}"
        if os.path.islink(root + here) and hops < 40:
            link, hops = os.readlink(root + here), hops + 1
            parts[:0] = [step for step in link.split("/") if step]
            at = "" if link.startswith("/") else at
        else:
            at = here
    return root + at


def place(root: str, path: str, source: str) -> str:
    """Returns the mount point for `path`, made if the image lacks it: a folder, or an empty file for a file."""
    point = within(root, path)
    if os.path.lexists(point):
        return point
    if os.path.isdir(source):
        os.makedirs(point, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(point), exist_ok=True)
        os.close(os.open(point, os.O_CREAT | os.O_WRONLY, 0o644))
    return point


def kept(path: str) -> int:
    """Returns the flags a remount must repeat: a user may not take away what the host set."""
    flags = os.statvfs(path).f_flag
    pairs = ((2, MS_NOSUID), (4, MS_NODEV), (8, MS_NOEXEC), (1024, kernel.MS_NOATIME), (4096, kernel.MS_RELATIME))
    return sum(flag for bit, flag in pairs if flags & bit)


def bind(source: str, target: str, read_only: bool, recursive: int = 0) -> None:
    """Bind-mounts without setuid and devices, read-only where asked."""
    mount(source, target, "", MS_BIND | recursive)
    flags = MS_NOSUID | MS_NODEV | (MS_RDONLY if read_only else 0)
    mount("", target, "", MS_BIND | MS_REMOUNT | flags | kept(target))


def make_devices(root: str) -> None:
    """Fills `/dev` with the six harmless devices, the usual links and a shared memory folder."""
    devices = place(root, "/dev", root)
    mount("tmpfs", devices, "tmpfs", MS_NOSUID, "mode=755,size=64k")
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            os.close(os.open(f"{devices}/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
            mount(f"/dev/{name}", f"{devices}/{name}", "", MS_BIND)
    for name, link in LINKS.items():
        os.symlink(link, f"{devices}/{name}")
    os.mkdir(f"{devices}/shm")


def show_processors(root: str) -> None:
    """Shows `/sys/devices/system/cpu`, by which numeric libraries choose their kernels; nothing else of `/sys`."""
    source = "/sys/devices/system/cpu"
    if not os.path.isdir(source):
        return
    system = place(root, "/sys", root)
    mount("tmpfs", system, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k")
    os.makedirs(f"{system}/devices/system/cpu")
    bind(source, f"{system}/devices/system/cpu", read_only=True, recursive=MS_REC)
    mount("", system, "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | kept(system))


def build_root(spec: Spec) -> None:
    """Steps 1-5: a private view of the host with the image's root, read-only, on the stage and what is bound in."""
    check(libc.unshare(kernel.NEWNS), "unshare mounts")
    mount("", "/", "", MS_REC | kernel.MS_PRIVATE)
    stage = spec["stage"]
    mount(spec["root"], stage, "", MS_BIND)
    make_devices(stage)
    show_processors(stage)
    for item in spec["tmpfs"]:
        flags = MS_NOSUID | MS_NODEV
        mount("tmpfs", place(stage, item["path"], stage), "tmpfs", flags, f"mode={item['mode']},size={item['size']}")
    for item in sorted(spec["binds"], key=lambda item: str(item["path"])):
        bind(item["source"], place(stage, item["path"], item["source"]), item["read_only"], MS_REC)
    place(stage, "/proc", stage)
    mount("", stage, "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | kept(stage))


def enter_root(stage: str) -> None:
    """Step 6a: `/proc` of this process space (or the host's where that is refused), then the stage becomes `/`."""
    target = within(stage, "/proc")
    try:
        mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        mount("/proc", target, "", MS_BIND | MS_REC)
    kernel.pivot(stage)


def drop(uid: int, gid: int, *, switch: bool) -> None:
    """Takes the unprivileged id, gives up the way back, and dies with the parent: in this order, setuid clears that."""
    if switch:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    kernel.control(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.control(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def become(spec: Spec) -> None:
    """Step 6b: limits, then the unprivileged id."""
    for name, limits in spec["rlimits"].items():
        hard = resource.getrlimit(getattr(resource, name))[1]
        top = limits[1] if hard == resource.RLIM_INFINITY else min(limits[1], hard)
        resource.setrlimit(getattr(resource, name), (min(limits[0], top), top))
    drop(spec["uid"], spec["gid"], switch=spec["mode"] == "namespaces")


def execute(argv: list[str], environment: dict[str, str], folder: str) -> None:
    """Executes with exactly this environment; a bare name is looked up in its own PATH, as an engine does."""
    os.chdir(folder)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    if "/" in argv[0]:
        os.execve(argv[0], argv, environment)
    for folder_ in environment.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":"):
        try:
            os.execve(f"{folder_}/{argv[0]}", argv, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise FileNotFoundError(errno.ENOENT, "not found in the image's PATH", argv[0])


def reap(child: int) -> None:
    """Is the init of `init: true`: passes signals on, collects orphans, ends as the program ends."""
    os.closerange(3, 256)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda got, _frame: os.kill(child, got))
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def run_inside(spec: Spec, alive: int) -> None:
    """Is the first process of the cell, from the mounts to the program."""
    kernel.control(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if spec["mode"] != "proot":
        build_root(spec)
        enter_root(spec["stage"])
    become(spec)
    if os.read(alive, 1) != b"y":  # the parent died before the death signal was armed
        os._exit(137)
    if not spec["argv"]:
        os._exit(0)
    if spec["init"] and spec["mode"] != "proot" and (child := os.fork()):
        reap(child)
    execute(spec["argv"], spec["environment"], spec["workdir"] if spec["mode"] != "proot" else "/")
