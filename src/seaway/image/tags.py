"""Which wheels a target takes: its markers and tags, computed from what the base is and never from the host.

Source: PEP 425, 508, 600, 656; packaging.tags. Pure. Not here: choosing among wheels (`lock.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from seaway.errors import LockError
from seaway.findings import Finding, Level
from seaway.image.model import LockedWheel, Platform

_MACHINES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "386": "i686",
    "arm": "armv7l",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}  # manylinux1; every other machine starts with manylinux2014
_NAMED_GLIBC = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True, slots=True)
class TargetPython:
    """The interpreter an image will have: `python` is x.y.z, `libc` like `glibc 2.36`."""

    python: str
    libc: str
    platform: Platform

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor = self.python.split(".")[:2]
        return int(major), int(minor)

    @property
    def machine(self) -> str:
        """The machine as the kernel calls it; raises LockError for one that Python has no tags for."""
        try:
            return _MACHINES[self.platform.architecture]
        except KeyError as error:
            raise LockError(f"there are no wheels for {self.platform}") from error

    def environment(self) -> Environment:
        """Returns the values of all markers."""
        return Environment(
            implementation_name="cpython",
            implementation_version=self.python,
            os_name="posix",
            platform_machine=self.machine,
            platform_python_implementation="CPython",
            platform_release="",
            platform_system="Linux",
            platform_version="",
            python_full_version=self.python,
            python_version="{}.{}".format(*self.version),
            sys_platform="linux",
        )

    def tags(self) -> tuple[Tag, ...]:
        """Returns the tags of wheels that run there, the best first."""
        platforms = [*_platforms(self.libc, self.machine), f"linux_{self.machine}"]
        interpreter = "cp{}{}".format(*self.version)
        of_cpython = cpython_tags(self.version, abis=[interpreter], platforms=platforms)
        return (*of_cpython, *compatible_tags(self.version, interpreter=interpreter, platforms=platforms))


def _platforms(libc: str, machine: str) -> Iterator[str]:
    kind, _, version = libc.partition(" ")
    try:
        newest = int(version.split(".")[1])
    except (IndexError, ValueError) as error:
        raise LockError(f"the base's libc {libc!r} is not known") from error
    if kind == "musl":
        yield from (f"musllinux_1_{minor}_{machine}" for minor in range(newest, -1, -1))
    elif kind == "glibc":
        for minor in range(newest, _OLDEST_GLIBC.get(machine, 17) - 1, -1):
            yield f"manylinux_2_{minor}_{machine}"
            if minor in _NAMED_GLIBC:
                yield f"{_NAMED_GLIBC[minor]}_{machine}"
    else:
        raise LockError(f"the base's libc {libc!r} is not known")


def check_tags(wheels: Iterable[LockedWheel], target: TargetPython) -> tuple[Finding, ...]:
    """Returns SW-1003 for each wheel that the target's Python, ABI, libc or architecture does not take."""
    allowed = set(target.tags())
    return tuple(
        Finding(
            "SW-1003",
            Level.ERROR,
            f"{wheel.filename} does not run on Python {target.python}, {target.libc}, {target.platform}",
            wheel.name,
            "run `seaway lock`, which chooses wheels for the base",
        )
        for wheel in wheels
        if not allowed & parse_wheel_filename(wheel.filename)[3]
    )
