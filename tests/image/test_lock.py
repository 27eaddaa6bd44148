"""Locks of Python packages: which wheels a target needs, whatever host reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.errors import LockError, NotYet, ToolMissing, WheelError
from seaway.image.index import WheelFile
from seaway.image.lock import Reader
from seaway.image.model import LockedWheel, Platform
from seaway.image.requirements import read_requirements
from seaway.image.tags import TargetPython, check_tags

pytestmark = pytest.mark.rootless

_TARGET = TargetPython("3.11.2", "glibc 2.36", Platform())
_FILES = (
    "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux_2_38_x86_64.whl",
    "demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux_2_17_aarch64.whl",
    "demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
    "demo-1.0-cp311-cp311-macosx_11_0_arm64.whl",
)


def _hash(name: str) -> Digest:
    return Digest.of(name.encode())


def _index(*names: str) -> Callable[[str], list[WheelFile]]:
    return lambda project: [WheelFile(name, f"https://files.example/{name}", _hash(name), 7) for name in names]


def _lines(*names: str, requirement: str = "demo==1.0") -> str:
    return requirement + "".join(f" \\\n    --hash=sha256:{_hash(name).hex}" for name in names) + "\n"


def _read(path: Path, text: str, *names: str, target: TargetPython = _TARGET) -> tuple[LockedWheel, ...]:
    path.write_text(text)
    return Reader(target, _index(*names)).read(path)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (_TARGET, _FILES[1]),
        (TargetPython("3.11.9", "glibc 2.17", Platform()), _FILES[0]),
        (TargetPython("3.11.2", "glibc 2.39", Platform()), _FILES[2]),
        (TargetPython("3.11.2", "musl 1.2", Platform()), _FILES[3]),
        (TargetPython("3.11.2", "glibc 2.36", Platform("linux", "arm64")), _FILES[4]),
        (TargetPython("3.12.1", "glibc 2.36", Platform()), _FILES[5]),
    ],
)
def test_the_target_chooses_and_not_the_host(tmp_path: Path, target: TargetPython, expected: str) -> None:
    """Python, libc and architecture of the base decide which wheel of a release is taken."""
    wheels = _read(tmp_path / "requirements.txt", _lines(*_FILES), *_FILES, target=target)
    assert [(wheel.name, wheel.version, wheel.filename, wheel.size) for wheel in wheels] == [
        ("demo", "1.0", expected, 7)
    ]


def test_no_wheel_names_the_nearest(tmp_path: Path) -> None:
    """A package without a wheel for the target is WheelError with what is offered."""
    offered = (_FILES[4], _FILES[5], _FILES[6])
    with pytest.raises(WheelError, match=r"Python 3.11.2, glibc 2.36, linux/amd64; offered: demo-1.0-cp312") as caught:
        _read(tmp_path / "requirements.txt", _lines(*offered), *offered)
    assert caught.value.hint
    assert str(caught.value).count(".whl") == 3


def test_only_hashed_files_count(tmp_path: Path) -> None:
    """A better wheel whose hash is not in the lock is not taken."""
    wheels = _read(tmp_path / "requirements.txt", _lines(_FILES[0]), *_FILES)
    assert wheels[0].filename == _FILES[0]


def test_markers_are_the_target_s(tmp_path: Path) -> None:
    """A line for another platform or Python is left out."""
    text = "".join(
        _lines(_FILES[0], requirement=f"demo==1.0 ; {marker}")
        for marker in ("sys_platform == 'win32'", "python_full_version >= '3.12'", "platform_machine == 'aarch64'")
    )
    assert _read(tmp_path / "requirements.txt", text, *_FILES) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("demo==1.0\n", "demo==1.0 has no --hash=sha256: (requirements.txt:1)"),
        ("# x\n\ndemo>=1 --hash=sha256:" + "0" * 64, "demo is not pinned with == (requirements.txt:3)"),
        ("demo==1.* --hash=sha256:" + "0" * 64, "demo is not pinned with == (requirements.txt:1)"),
        (
            "demo @ https://x.example/demo.zip --hash=sha256:" + "0" * 64,
            "demo is not pinned with == (requirements.txt:1)",
        ),
        ("demo==1.0 --hash=md5:00", "demo==1.0 has no --hash=sha256: (requirements.txt:1)"),
        ("demo==1.0 --hash=sha256:" + "0" * 65, "has no --hash=sha256:"),
        ("-r other.txt\n", "the option -r is not read here (requirements.txt:1)"),
        ("--index-url https://x.example\n", "the option --index-url is not read here (requirements.txt:1)"),
        ("-e .\n", "the option -e is not read here (requirements.txt:1)"),
        ("=== --hash=sha256:" + "0" * 64, "is not a requirement (requirements.txt:1)"),
    ],
)
def test_requirements_that_are_not_locked_are_refused(text: str, says: str) -> None:
    """Each line needs == and a SHA-256; options that change the source of packages are refused, with the line."""
    with pytest.raises(LockError) as caught:
        read_requirements(text, "requirements.txt")
    assert says in str(caught.value)


def test_comments_continuations_and_harmless_options_are_read() -> None:
    """What uv and pip-compile write is read."""
    text = f"--require-hashes\n# by uv\ndemo==1.0 \\\n    --hash=sha256:{'0' * 64}\n    # via app\n\n"
    text += f"other===2 --hash=sha256:{'1' * 64}"
    found = read_requirements(text, "r.txt")
    assert [(one.line, one.name, one.version, len(one.hashes)) for one in found] == [
        (3, "demo", "1.0", 1),
        (7, "other", "2", 1),
    ]


def test_a_wheel_beside_the_lock_is_taken(tmp_path: Path, wheel: Callable[..., Path]) -> None:
    """A path to a wheel with its hash is locked by name, version and hash of the file."""
    path = wheel()
    sha256 = Digest.of(path.read_bytes())
    wheels = _read(tmp_path / "requirements.txt", f"./wheels/{path.name} --hash=sha256:{sha256.hex}\n")
    assert wheels == (LockedWheel("demo", "1.0", path.name, sha256, path.stat().st_size, f"./wheels/{path.name}"),)
    with pytest.raises(LockError, match="not in its line"):
        _read(tmp_path / "requirements.txt", f"./wheels/{path.name} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(LockError, match="cannot be read"):
        _read(tmp_path / "requirements.txt", f"./wheels/no-1-py3-none-any.whl --hash=sha256:{'0' * 64}\n")


_PYLOCK = """
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "demo"
version = "1.0"
[[packages.wheels]]
name = "{name}"
url = "https://files.example/{name}"
size = 9
hashes = {{sha256 = "{sha256}"}}
"""


def test_a_pylock_is_read(tmp_path: Path) -> None:
    """PEP 751: the wheel for the target, with its size and address."""
    text = _PYLOCK.format(name=_FILES[1], sha256=_hash(_FILES[1]).hex)
    found = _read(tmp_path / "pylock.toml", text)
    assert found == (LockedWheel("demo", "1.0", _FILES[1], _hash(_FILES[1]), 9, f"https://files.example/{_FILES[1]}"),)


def test_a_pylock_without_a_wheel_for_the_target_names_it(tmp_path: Path) -> None:
    """The package and what is offered are named."""
    with pytest.raises(WheelError, match=r"demo has no wheel for Python 3\.11\.2"):
        _read(tmp_path / "pylock.toml", _PYLOCK.format(name=_FILES[4], sha256="0" * 64))


def test_a_source_distribution_is_not_yet_built(tmp_path: Path) -> None:
    """An sdist is said not to be built here, with the way out."""
    text = _PYLOCK.format(name=_FILES[4], sha256="0" * 64)
    text += '[packages.sdist]\nurl = "https://x.example/demo-1.0.tar.gz"\nhashes = {sha256 = "00"}\n'
    with pytest.raises(NotYet, match="building demo from its source"):
        _read(tmp_path / "pylock.toml", text)


@pytest.mark.parametrize("text", ["", "lock-version = 3", "\x00", _PYLOCK.replace("sha256 =", "md5 =")])
def test_a_broken_pylock_is_a_lock_error(tmp_path: Path, text: str) -> None:
    """What is no pylock, or lacks hashes, is refused with the file."""
    with pytest.raises(LockError):
        _read(tmp_path / "pylock.toml", text.format(name=_FILES[1], sha256="0" * 64) if "{name}" in text else text)


def test_a_missing_lock_is_a_lock_error(tmp_path: Path) -> None:
    """A lock that is not there is no empty lock."""
    with pytest.raises(LockError, match="cannot be read"):
        Reader(_TARGET, _index()).read(tmp_path / "requirements.txt")


def test_wheel_tags_are_checked_against_the_base() -> None:
    """SW-1003: a wheel for another Python, libc or machine is an error before anything is built."""
    wheels = [LockedWheel("demo", "1.0", name, _hash(name), 1) for name in _FILES]
    assert [one.says.split()[0] for one in check_tags(wheels, _TARGET)] == list(_FILES[2:])


@pytest.mark.parametrize(("libc", "architecture"), [("glibc 2.36", "sparc"), ("bionic 1", "amd64"), ("glibc", "amd64")])
def test_an_unknown_target_is_a_lock_error(libc: str, architecture: str) -> None:
    """Without knowing the target nothing is chosen."""
    with pytest.raises(LockError):
        TargetPython("3.11.2", libc, Platform("linux", architecture)).tags()


def _program(folder: Path, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "uv").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "uv").chmod(0o755)


def test_a_uv_lock_goes_through_uv_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock's own project is exported as a pylock, frozen, and read for the target."""
    exported = tmp_path / "exported.toml"
    exported.write_text(_PYLOCK.format(name=_FILES[1], sha256=_hash(_FILES[1]).hex))
    _program(tmp_path / "bin", f'echo "$@" > {tmp_path}/asked\ncat {exported}')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert [wheel.filename for wheel in _read(tmp_path / "uv.lock", "version = 1\n")] == [_FILES[1]]
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:3] == ["export", "--format", "pylock.toml"]
    assert {"--frozen", "--no-dev", "--no-emit-project", str(tmp_path)} <= set(asked)


def test_a_uv_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of uv's own message is the error, with the command that helps."""
    _program(tmp_path / "bin", "echo noise >&2; echo 'error: the lockfile needs to be updated' >&2; exit 2")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(LockError, match="the lockfile needs to be updated") as caught:
        _read(tmp_path / "uv.lock", "version = 1\n")
    assert caught.value.hint == "run `uv lock`"


def test_without_uv_a_uv_lock_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint is the command to run where uv is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(ToolMissing, match="uv is needed") as caught:
        _read(tmp_path / "uv.lock", "version = 1\n")
    assert "uv export --format pylock.toml" in str(caught.value.hint)
