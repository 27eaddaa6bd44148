"""proot, for machines that allow no namespaces: found on PATH, or Debian's package unpacked without root.

It is GPL-2 and run as a program, never linked. A program under it may write to its root, so it gets a copy of the
image's root, never the farm of links into the store.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

PACKAGES = ("proot", "libtalloc2")
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")


class ProotMissing(Exception):
    """There is no proot here and none could be had, or it does not work here either."""


def find_proot(tools: Path, scratch: Path) -> tuple[str, ...]:
    """Returns the command that stands for proot, tried once; raises ProotMissing."""
    command = _present(tools / "proot") or _unpack(tools / "proot")
    done = subprocess.run(
        [*command, "-r", "/", "-w", "/", "/bin/true"], capture_output=True, text=True, check=False, cwd=scratch
    )
    if done.returncode:
        raise ProotMissing((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
    return command


def _present(folder: Path) -> tuple[str, ...]:
    if found := shutil.which("proot"):
        return (found,)
    binary = folder / "usr" / "bin" / "proot"
    loader = next((each for each in _LOADERS if Path(each).exists()), "")
    libraries = next(folder.glob("usr/lib/*/libtalloc.so.2"), None)
    if not (binary.exists() and loader and libraries):
        return ()
    return (loader, "--library-path", str(libraries.parent), str(binary))


def _unpack(folder: Path) -> tuple[str, ...]:
    """Fetches and unpacks the packages; the folder appears by rename, whole."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise ProotMissing("not on PATH, and there is no apt-get to fetch it with")
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        fetched = subprocess.run(
            ["apt-get", "-o", "APT::Sandbox::User=", "download", *PACKAGES],
            capture_output=True,
            text=True,
            check=False,
            cwd=temporary,
        )
        packages = list(Path(temporary).glob("*.deb"))
        if len(packages) != len(PACKAGES):
            says = (fetched.stderr.strip().splitlines() or ["no package"])[-1]
            raise ProotMissing(f"not on PATH, and apt-get download failed: {says}")
        for package in packages:
            subprocess.run(["dpkg-deb", "-x", package, f"{temporary}/root"], check=True, capture_output=True)
        if not folder.exists():
            Path(temporary, "root").rename(folder)
    if command := _present(folder):
        return command
    raise ProotMissing("the unpacked package lacks its program")


def copy_root(root: Path, copy: Path) -> Path:
    """Copies an image's root for programs that may write to it; the copy appears by rename, whole."""
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(root, beside / "root", symlinks=True)
        (beside / "root").rename(copy)
        beside.rmdir()
    return copy


def under_proot(spec: dict[str, Any], command: tuple[str, ...]) -> list[str]:
    """Returns the argument vector of a spec's program under proot, with the same binds."""
    folder = Path(spec["directory"])
    argv = [*command, "-r", spec["root"], "-b", "/dev", "-b", "/proc", "-b", "/sys"]
    for item in spec["tmpfs"]:
        if not item["path"].startswith("/dev"):
            own = folder / "tmp" / item["path"].strip("/").replace("/", "_")
            own.mkdir(parents=True, exist_ok=True, mode=0o700)
            argv += ["-b", f"{own}:{item['path']}"]
    for item in sorted(spec["binds"], key=lambda item: str(item["path"])):
        argv += ["-b", f"{item['source']}:{item['path']}"]
    return [*argv, "-w", spec["workdir"], *spec["argv"]]
