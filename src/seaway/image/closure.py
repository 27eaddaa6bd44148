"""Whether what an image needs is in it: native libraries and CUDA, before anything leaves the host.

Rules: every library that an ELF file names must be in the image, by soname or file name, or be one that the driver
brings; CUDA comes once. Not here: reading ELF files (`elf.py`), wheel tags (`tags.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from seaway.findings import Finding, Level
from seaway.image.elf import Elf
from seaway.image.model import Base, Layer, LockedWheel

REGISTRY_CAP = 8_000_000_000
_DRIVER = re.compile(r"libcuda\.so\.1|libcudadebugger\.so\.1|libnv(idia-[a-z-]+|cuvid|optix)\.so\.[0-9.]+")
_LOADER = re.compile(r"ld-linux.*\.so\.\d+|ld64\.so\.\d+|linux-vdso\.so\.1|ld-musl-.*")
_RUNTIME = re.compile(r"libcudart(?:-[0-9a-f]+)?\.so\.(\d+)")
_CUDA_WHEEL = re.compile(r"nvidia-.*-cu(\d+)")
_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "libuuid.so.1": "libuuid1",
    "libpq.so.5": "libpq5",
    "libsndfile.so.1": "libsndfile1",
}


def check_libraries(base: Base, elves: Sequence[Elf]) -> tuple[Finding, ...]:
    """Returns SW-1002 for each library that an ELF above the base needs and that is nowhere in the image."""
    native = [elf for elf in elves if elf.machine == base.platform.architecture]
    provided = {elf.soname for elf in native} | {PurePosixPath(elf.path).name for elf in native} | set(base.sonames)
    missing: dict[str, list[str]] = {}
    for elf in native:
        for needed in elf.needed:
            name = PurePosixPath(needed).name
            if name not in provided and not _DRIVER.fullmatch(name) and not _LOADER.fullmatch(name):
                missing.setdefault(name, []).append(elf.path)
    return tuple(_missing(name, users, base) for name, users in sorted(missing.items()))


def _missing(name: str, users: list[str], base: Base) -> Finding:
    package = debian_package(name)
    if base.reference.startswith("apt:"):
        hint = f"add it to the base: x-seaway.image.packages: [{package}]"
    else:
        hint = f"take a base that has it (Debian package {package}), or an apt: base with packages: [{package}]"
    others = f" and {len(users) - 1} more" if len(users) > 1 else ""
    return Finding("SW-1002", Level.ERROR, f"{users[0]}{others} needs {name}, which is not in the image", name, hint)


def debian_package(soname: str) -> str:
    """Guesses the Debian package of a soname, by the policy's rule (8.1) and a few that break it."""
    if soname in _PACKAGES:
        return _PACKAGES[soname]
    name, _, version = soname.partition(".so.")
    dash = "-" if name[-1:].isdigit() and version[:1].isdigit() else ""
    return f"{name}{dash}{version}".lower().replace("_", "-")


def check_cuda(
    base: Base, elves: Iterable[Elf], wheels: Iterable[LockedWheel], *, has_gpu: bool | None
) -> tuple[Finding, ...]:
    """Returns SW-1004 where CUDA comes twice and SW-1005 where it comes for no GPU; `has_gpu` None: unknown."""
    cuda = sorted((wheel.name, match[1]) for wheel in wheels if (match := _CUDA_WHEEL.fullmatch(wheel.name)))
    majors = {major for _, major in cuda}
    runtimes = {name for elf in elves for name in (elf.soname,) if _RUNTIME.fullmatch(name)}
    majors |= {match[1] for name in runtimes if (match := _RUNTIME.fullmatch(name))}
    in_base = {name for name in base.sonames if _RUNTIME.fullmatch(name)}
    found = []
    if len(majors) > 1:
        says = f"CUDA {' and '.join(sorted(majors))} both come with the wheels"
        found.append(Finding("SW-1004", Level.ERROR, says, "x-seaway.image.lock", "lock packages for one CUDA major"))
    if in_base and (runtimes or cuda):
        says = f"CUDA comes with the wheels and with the base ({', '.join(sorted(in_base))})"
        hint = "take a base without CUDA, such as python:3.12-slim"
        found.append(Finding("SW-1004", Level.ERROR, says, "x-seaway.image.base", hint))
    if cuda and has_gpu is False:
        says = f"{len(cuda)} CUDA wheels are locked ({cuda[0][0]}, …), but the service reserves no GPU"
        hint = "lock the CPU build, or reserve a GPU under deploy.resources"
        found.append(Finding("SW-1005", Level.NOTE, says, "x-seaway.image.lock", hint))
    return tuple(found)


def check_sizes(layers: Iterable[Layer]) -> tuple[Finding, ...]:
    """Returns SW-1008 for each layer that some registries refuse for its size."""
    return tuple(
        Finding(
            "SW-1008",
            Level.NOTE,
            f"layer {layer.created_by!r} has {layer.descriptor.size:,} bytes; some registries cap layers at 8 GB",
            str(layer.descriptor.digest),
            "serve large models as `claim` or `volume`",
        )
        for layer in layers
        if layer.descriptor.size > REGISTRY_CAP
    )
