"""Wheels to entries: what pip would install, in the fixed form of profile 1, and what is refused."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from installer.utils import parse_wheel_filename as oracle_name

from seaway.errors import WheelError
from seaway.image.model import Entry
from seaway.image.wheel import Installed, install, read_wheel

pytestmark = pytest.mark.rootless

WheelFactory = Callable[..., Path]
_SITE = "opt/venv/lib/python3.12/site-packages"


def _install(path: Path, drop: frozenset[str] = frozenset()) -> Installed:
    return install(read_wheel(path), "3.12", drop)


def _bytes(entry: Entry) -> bytes:
    assert entry.content
    with entry.content.open() as stream:
        return stream.read()


def _tree(installed: Installed) -> dict[str, bytes]:
    return {entry.path: _bytes(entry) for entry in installed.entries}


def test_files_go_where_pip_puts_them(wheel: WheelFactory) -> None:
    """Each scheme key of `.data` has its place."""
    files = {
        "demo/__init__.py": b"",
        "demo-1.0.data/purelib/pure.py": b"",
        "demo-1.0.data/platlib/plat.py": b"",
        "demo-1.0.data/scripts/run": b"#!/bin/sh\n",
        "demo-1.0.data/headers/demo.h": b"",
        "demo-1.0.data/data/share/demo.txt": b"",
    }
    found = [path for path in _tree(_install(wheel(files=files))) if ".dist-info/" not in path]
    assert found == [
        "opt/venv/bin/run",
        "opt/venv/include/site/python3.12/demo/demo.h",
        f"{_SITE}/demo/__init__.py",
        f"{_SITE}/plat.py",
        f"{_SITE}/pure.py",
        "opt/venv/share/demo.txt",
    ]


def test_entries_are_sorted_by_bytes_and_record_is_last(wheel: WheelFactory) -> None:
    """The order of the zip does not matter."""
    files = {"b.py": b"", "é.py": b"", "a-b.py": b"", "a/b.py": b"", "a.py": b""}
    paths = [entry.path for entry in _install(wheel(files=files)).entries]
    assert paths[:-1] == sorted(paths[:-1], key=str.encode)
    assert paths[-1] == f"{_SITE}/demo-1.0.dist-info/RECORD"


def test_modes_are_two(wheel: WheelFactory) -> None:
    """Any execute bit gives 0755, else 0644; scripts always run."""
    files = {"a.py": b"", "b.so": b"", "c.sh": b"", "demo-1.0.data/scripts/run": b"x"}
    modes = {"a.py": 0o600, "b.so": 0o775, "c.sh": 0o641}
    found = {entry.path.rpartition("/")[2]: entry.mode for entry in _install(wheel(files=files, modes=modes)).entries}
    assert [found[name] for name in ("a.py", "b.so", "c.sh", "run")] == [0o644, 0o755, 0o755, 0o755]


@pytest.mark.parametrize(
    ("first", "after"),
    [
        (b"#!python\nx", b"#!/opt/venv/bin/python\nx"),
        (b"#!pythonw -E\nx", b"#!/opt/venv/bin/python\nx"),
        (b"#!/usr/bin/python\nx", b"#!/usr/bin/python\nx"),
        (b"#!python", b"#!/opt/venv/bin/python\n"),
    ],
)
def test_scripts_get_the_image_s_interpreter(wheel: WheelFactory, first: bytes, after: bytes) -> None:
    """Only a first line that starts with `#!python` is replaced."""
    tree = _tree(_install(wheel(files={"demo-1.0.data/scripts/run": first})))
    assert tree["opt/venv/bin/run"] == after


def test_entry_points_become_scripts(wheel: WheelFactory) -> None:
    """Console and GUI scripts are written in one form; extras and other groups are not."""
    points = b"[console_scripts]\nrun = demo.main:app.start [extra]\n[gui_scripts]\nshow=demo:show\n[other]\nx = y:z\n"
    tree = _tree(_install(wheel(files={"demo-1.0.dist-info/entry_points.txt": points})))
    assert tree["opt/venv/bin/run"] == (
        b"#!/opt/venv/bin/python\nimport sys\nfrom demo.main import app\n"
        b'if __name__ == "__main__":\n    sys.exit(app.start())\n'
    )
    assert {path for path in tree if path.startswith("opt/venv/bin/")} == {"opt/venv/bin/run", "opt/venv/bin/show"}


def test_script_shadowed_by_entry_point(wheel: WheelFactory) -> None:
    """A script file that has an entry point's name is left out."""
    files = {
        "demo-1.0.data/scripts/run": b"old",
        "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\nrun = demo:main\n",
    }
    assert b"from demo import main" in _tree(_install(wheel(files=files)))["opt/venv/bin/run"]


@pytest.mark.parametrize(
    "point", ["../x = demo:main", "a/b = demo:main", "x = demo:main()", "x = demo;evil:main", "x = demo"]
)
def test_a_hostile_entry_point_is_refused(wheel: WheelFactory, point: str) -> None:
    """A name with a slash, or a reference that is code, is refused."""
    files = {"demo-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{point}\n".encode()}
    with pytest.raises(WheelError):
        _install(wheel(files=files))


def test_record_is_written_anew_and_true(wheel: WheelFactory) -> None:
    """Every row's hash and size is that of the entry; paths outside site-packages are relative; own row is empty."""
    files = {"demo/a,b.py": b"1", "demo-1.0.data/scripts/run": b"#!python\n2"}
    tree = _tree(_install(wheel(files=files)))
    rows = tree[f"{_SITE}/demo-1.0.dist-info/RECORD"].decode().splitlines()
    assert rows[0].startswith("../../../bin/run,sha256=")
    assert rows[-1].startswith('"demo/a,b.py",sha256=a4ayc_80_OGda4BO_1o_V0etpOqiLx1JwB5S3beHW0s,1')
    assert "demo-1.0.dist-info/RECORD,," in rows
    assert len(rows) == len(tree)


def test_no_uv_cache_json_no_record_times(wheel: WheelFactory) -> None:
    """What tells about the installation is dropped, INSTALLER is ours."""
    info = "demo-1.0.dist-info"
    noise = {
        f"{info}/{name}": b"{}" for name in ("uv_cache.json", "direct_url.json", "REQUESTED", "RECORD.jws", "INSTALLER")
    }
    tree = _tree(_install(wheel(files=noise)))
    assert {path.rpartition("/")[2] for path in tree} == {"INSTALLER", "METADATA", "WHEEL", "RECORD"}
    assert tree[f"{_SITE}/{info}/INSTALLER"] == b"seaway\n"


def test_vendored_dist_info_is_payload(wheel: WheelFactory) -> None:
    """Other packages' dist-info inside a wheel is copied like any file, wherever it lies."""
    files = {"demo/_vendor/x-2.0.dist-info/RECORD": b"r", "other-3.dist-info/INSTALLER": b"i"}
    tree = _tree(_install(wheel(files=files)))
    assert tree[f"{_SITE}/demo/_vendor/x-2.0.dist-info/RECORD"] == b"r"
    assert tree[f"{_SITE}/other-3.dist-info/INSTALLER"] == b"i"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace(b",6\n", b",7\n"), "RECORD says 7 bytes"),
        (lambda text: text.replace(b"sha256=", b"sha256=!!"), "base64"),
        (lambda text: text + b"one,two\n", "cannot be read"),
        (lambda text: b"\xff" + text, "not UTF-8"),
    ],
)
def test_a_wrong_record_is_refused(wheel: WheelFactory, change: Callable[[bytes], bytes], says: str) -> None:
    """A RECORD that lies or cannot be read is an error."""
    with pytest.raises(WheelError, match=says):
        _install(wheel(with_record=change))


def test_a_wrong_hash_is_found_while_the_bytes_pass(wheel: WheelFactory) -> None:
    """RECORD's hash becomes the content's, which the layer writer checks."""
    other = hashlib.sha256(b"other").digest()
    value = base64.urlsafe_b64encode(other).rstrip(b"=")
    path = wheel(with_record=lambda text: b"demo/__init__.py,sha256=" + value + b",6\n" + text.split(b"\n", 1)[1])
    found = {entry.path: entry for entry in _install(path).entries}
    content = found[f"{_SITE}/demo/__init__.py"].content
    assert content and content.sha256 == other.hex()


@pytest.mark.parametrize(("algorithm", "finds"), [("md5", ["only md5"]), ("", ["no hash"]), ("sha512", [])])
def test_weak_rows_are_recomputed_with_a_finding(wheel: WheelFactory, algorithm: str, finds: list[str]) -> None:
    """A row without a strong hash is computed and said (SW-1010); a stronger one is checked."""
    body = b"x = 1\n"
    value = base64.urlsafe_b64encode(hashlib.new(algorithm, body).digest()).decode().rstrip("=") if algorithm else ""
    row = f"demo/__init__.py,{algorithm}={value},6\n" if algorithm else "demo/__init__.py,,\n"
    installed = _install(wheel(with_record=lambda text: row.encode() + text.split(b"\n", 1)[1]))
    assert [finding.code for finding in installed.findings] == ["SW-1010"] * len(finds)
    assert all(said in finding.says for said, finding in zip(finds, installed.findings, strict=True))
    entry = next(entry for entry in installed.entries if entry.path.endswith("__init__.py"))
    assert entry.content and entry.content.sha256 == hashlib.sha256(body).hexdigest()


def test_a_wrong_sha512_is_refused(wheel: WheelFactory) -> None:
    """A stronger hash is checked too, not merely replaced."""
    row = b"demo/__init__.py,sha512=" + b"A" * 86 + b",6\n"
    with pytest.raises(WheelError, match="recorded hash"):
        _install(wheel(with_record=lambda text: row + text.split(b"\n", 1)[1]))


def test_a_row_without_a_file_is_a_finding(wheel: WheelFactory) -> None:
    """RECORD may name what the wheel lacks; that is said."""
    found = _install(wheel(with_record=lambda text: text + b"ghost.py,,\n")).findings
    assert [finding.says for finding in found] == ["RECORD names a file the wheel lacks"]


def test_a_dropped_path_leaves_the_record_too(wheel: WheelFactory) -> None:
    """What another wheel won is neither an entry nor a row."""
    installed = _install(wheel(files={"a.py": b"", "b.py": b""}), frozenset({f"{_SITE}/a.py"}))
    tree = _tree(installed)
    assert f"{_SITE}/a.py" not in tree
    assert b"a.py" not in tree[f"{_SITE}/demo-1.0.dist-info/RECORD"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"demo-1.0.data/evil/x": b""}, "no place for files"),
        ({"demo-1.0.data/scripts": b""}, "no place for files"),
        ({"a.py": b"", "demo-1.0.data/purelib/a.py": b""}, "two members go to"),
        ({"Demo-1.0.0.dist-info/WHEEL": b""}, "one dist-info directory"),
    ],
)
def test_a_wheel_that_contradicts_itself_is_refused(wheel: WheelFactory, files: dict[str, bytes], says: str) -> None:
    """Unknown places, two files for one path and two own metadata directories are errors."""
    with pytest.raises(WheelError, match=says):
        _install(wheel(files=files))


def test_names_are_compared_normalised(wheel: WheelFactory, tmp_path: Path) -> None:
    """`Foo_Bar-1.0.dist-info` belongs to `foo_bar-1.0-….whl`."""
    path = wheel("Foo.Bar", "1.0", files={"x.py": b""})
    other = path.with_name("foo_bar-1.0-py3-none-any.whl")
    path.rename(other)
    found = read_wheel(other)
    assert (found.name, found.info) == ("foo-bar", "Foo.Bar-1.0.dist-info")
    assert oracle_name(other.name).distribution == "foo_bar"


@pytest.mark.parametrize("name", ["demo.whl", "demo-1.0.zip", "demo-x-py3-none-any.whl"])
def test_a_file_that_is_not_named_like_a_wheel_is_refused(tmp_path: Path, name: str) -> None:
    """The name says what the wheel is; without it nothing is read."""
    with pytest.raises(WheelError, match="not a wheel's name"):
        read_wheel(tmp_path / name)


def test_an_unknown_wheel_format_is_refused(wheel: WheelFactory) -> None:
    """A major version of the format that is not known may mean anything."""
    with pytest.raises(WheelError):
        read_wheel(wheel(files={"demo-1.0.dist-info/WHEEL": b"Wheel-Version: 2.0\n"}))
