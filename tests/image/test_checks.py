"""What is checked before an image has a name: libraries, CUDA, sizes, paths, tags."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.findings import Level
from seaway.image.closure import REGISTRY_CAP, check_cuda, check_libraries, check_sizes, debian_package
from seaway.image.collision import ENVIRONMENT, Claim, Settlement, settle
from seaway.image.elf import Elf, read_elf
from seaway.image.facts import ElfWatch
from seaway.image.model import LAYER_GZIP, Base, Content, Descriptor, Entry, Layer, LockedWheel, Platform

pytestmark = pytest.mark.rootless


def _base(*sonames: str, reference: str = "apt:debian/bookworm") -> Base:
    python = ("/usr/bin/python3.11", "3.11.2", "glibc 2.36")
    return Base(reference, Platform(), Digest.of(b""), (), {}, *python, sonames=sonames)


def _elf(path: str, *needed: str, soname: str = "", machine: str = "amd64") -> Elf:
    return Elf(path, machine, needed, soname)


def _wheel(name: str) -> LockedWheel:
    return LockedWheel(name, "1", f"{name}-1-py3-none-any.whl", Digest.of(name.encode()), 1)


def test_a_missing_library_names_user_and_package() -> None:
    """SW-1002 says who needs it and which Debian package brings it."""
    found = check_libraries(_base("libc.so.6"), [_elf("a.so", "libc.so.6", "libGL.so.1"), _elf("b.so", "libGL.so.1")])
    assert [(one.code, one.level, one.where) for one in found] == [("SW-1002", Level.ERROR, "libGL.so.1")]
    assert found[0].says == "a.so and 1 more needs libGL.so.1, which is not in the image"
    assert found[0].hint == "add it to the base: x-seaway.image.packages: [libgl1]"


def test_another_base_has_another_hint() -> None:
    """Packages cannot be added to a base from a registry."""
    found = check_libraries(_base(reference="python:3.12-slim"), [_elf("a.so", "libx.so.1")])
    assert "take a base that has it" in str(found[0].hint)


@pytest.mark.parametrize(
    "needed",
    [
        "libcuda.so.1",
        "libnvidia-ml.so.1",
        "ld-linux-x86-64.so.2",
        "libbase.so.1",
        "libown.so.2",
        "libname-1a2b.so",
    ],
)
def test_what_is_there_or_comes_with_the_driver_is_not_missing(needed: str) -> None:
    """Base sonames, sonames and file names of the wheels, the loader and driver libraries resolve."""
    there = [_elf("x/libname-1a2b.so"), _elf("x/y", soname="libown.so.2")]
    assert check_libraries(_base("libbase.so.1"), [*there, _elf("a.so", needed)]) == ()


def test_a_foreign_machine_is_payload() -> None:
    """A library for another architecture is data: it neither needs nor provides."""
    assert check_libraries(_base(), [_elf("a", "libz.so.1", machine="arm64")]) == ()
    provided = _elf("libz.so.1", machine="arm64")
    assert len(check_libraries(_base(), [provided, _elf("a", "libz.so.1")])) == 1


@pytest.mark.parametrize(
    ("soname", "package"),
    [
        ("libgomp.so.1", "libgomp1"),
        ("libz.so.1", "zlib1g"),
        ("libfoo-2.so.3", "libfoo-2-3"),
        ("libav_x.so.5", "libav-x5"),
    ],
)
def test_packages_are_guessed_by_policy(soname: str, package: str) -> None:
    """Debian policy 8.1 names a library's package after its soname."""
    assert debian_package(soname) == package


def test_cuda_of_two_majors_is_refused() -> None:
    """Wheels for CUDA 11 and 12 in one image are SW-1004."""
    found = check_cuda(_base(), [], [_wheel("nvidia-cublas-cu11"), _wheel("nvidia-cudnn-cu12")], has_gpu=True)
    assert [(one.code, one.says) for one in found] == [("SW-1004", "CUDA 11 and 12 both come with the wheels")]
    elves = [_elf("a", soname="libcudart.so.11"), _elf("b", soname="libcudart-d0d1.so.12")]
    assert [one.code for one in check_cuda(_base(), elves, [], has_gpu=True)] == ["SW-1004"]


def test_cpu_app_with_cuda_torch_is_a_finding() -> None:
    """CUDA wheels without a reserved GPU are SW-1005, a note; unknown is not said."""
    wheels = [_wheel("nvidia-cublas-cu12"), _wheel("torch")]
    assert [(one.code, one.level) for one in check_cuda(_base(), [], wheels, has_gpu=False)] == [
        ("SW-1005", Level.NOTE)
    ]
    assert check_cuda(_base(), [], wheels, has_gpu=None) == ()


def test_registry_layer_caps_warn() -> None:
    """Above 8 GB a layer is SW-1008, below it is not."""
    layers = [
        Layer(Descriptor(LAYER_GZIP, Digest.of(b""), size), Digest.of(b""), 0, "model x")
        for size in (REGISTRY_CAP, REGISTRY_CAP + 1)
    ]
    assert [one.code for one in check_sizes(layers)] == ["SW-1008"]


def _settle(*claims: Claim, **winner: str) -> Settlement:
    return settle(claims, winner)


def test_equal_files_belong_to_the_first_by_name() -> None:
    """The same bytes and mode in two wheels are one file of the wheel whose name comes first."""
    settled = _settle(Claim("zz", "p", "1", 0o644), Claim("aa", "p", "1", 0o644))
    assert (settled.drops, settled.findings) == ({"zz": frozenset({"p"})}, ())


@pytest.mark.parametrize("other", [Claim("bb", "p", "2", 0o644), Claim("bb", "p", "1", 0o755)])
def test_other_bytes_or_mode_need_a_winner(other: Claim) -> None:
    """Until somebody says whose it is, SW-1006 names both wheels."""
    mine = Claim("aa", "p", "1", 0o644)
    assert [one.code for one in _settle(mine, other).findings] == ["SW-1006"]
    assert _settle(mine, other, p="bb").drops == {"aa": frozenset({"p"})}
    assert _settle(mine, other, p="nobody").findings != ()


def test_a_winner_may_be_named_from_site_packages() -> None:
    """A path from site-packages on is enough."""
    path = "opt/venv/lib/python3.12/site-packages/tests/__init__.py"
    settled = settle([Claim("aa", path, "1", 1), Claim("bb", path, "2", 1)], {"tests/__init__.py": "bb"})
    assert (settled.findings, settled.drops) == ((), {"aa": frozenset({path})})


def test_the_environment_always_wins() -> None:
    """No wheel may replace what the environment is made of, winner or not."""
    settled = _settle(Claim(ENVIRONMENT, "opt/venv/pyvenv.cfg", "", 0), Claim("aa", "opt/venv/pyvenv.cfg", "1", 0o644))
    assert settled.findings[0].hint == "this wheel cannot be used in an image"


def test_a_file_where_another_has_a_directory_is_refused() -> None:
    """One wheel's `x` and another's `x/y` cannot both be there."""
    found = _settle(Claim("aa", "x", "1", 0o644), Claim("bb", "x/y", "1", 0o644)).findings
    assert [(one.code, one.where) for one in found] == [("SW-1006", "x")]


def _real_elf() -> Path:
    return Path(sys.executable).resolve()


def test_a_real_elf_is_read() -> None:
    """The interpreter that runs this test needs the C library."""
    data = _real_elf().read_bytes()
    found = read_elf("python", lambda at, size: data[at : at + size])
    assert found and "libc.so.6" in found.needed


@pytest.mark.parametrize("cut", [0, 10, 51, 60, 63, 64, 100, 4000])
def test_a_cut_elf_is_none_or_harmless(cut: int) -> None:
    """A file that only starts like ELF raises nothing."""
    data = _real_elf().read_bytes()[:cut]
    found = read_elf("python", lambda at, size: data[at : at + size])
    assert found is None or found.needed == ()


def test_hostile_offsets_are_not_followed() -> None:
    """Offsets beyond the file and counts beyond reason end in no ELF."""
    head = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 1 << 62, 0, 0, 64, 56, 65535, 0, 0, 0)
    )
    assert read_elf("x", lambda at, size: head[at : at + size]) is None


@pytest.mark.parametrize("limit", [1 << 30, 1])
def test_watch_finds_elf_files_as_they_pass(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones are held in memory, large ones read again; other files are forgotten."""
    monkeypatch.setattr("seaway.image.facts._IN_MEMORY", limit)
    watch, path = ElfWatch(), _real_elf()
    entry = Entry("bin/python", content=Content(path.stat().st_size, lambda: path.open("rb")))
    take = watch(entry)
    assert take
    with path.open("rb") as stream:
        while block := stream.read(1 << 16):
            take(block)
    other = watch(Entry("text", content=Content(4, lambda: path.open("rb"))))
    assert other
    other(b"text")
    assert [(elf.path, "libc.so.6" in elf.needed) for elf in watch.elves] == [("bin/python", True)]
