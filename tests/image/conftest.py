"""Factories shared by the tests of the image room: real wheels, a small real base, a store."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.model import Base, Content, Entry, Kind, LockedWheel, Platform

WheelFactory = Callable[..., Path]


def content(data: bytes) -> Content:
    """Returns bytes as content."""
    return Content(len(data), lambda: io.BytesIO(data))


def record(files: Mapping[str, bytes], own: str) -> bytes:
    """Returns a RECORD for files."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, data in files.items():
        sha = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.writerow((path, f"sha256={sha}", len(data)))
    rows.writerow((own, "", ""))
    return text.getvalue().encode()


@pytest.fixture
def wheel(tmp_path: Path) -> WheelFactory:
    """Returns a function that writes a wheel file from a name, a version and its files."""

    def make(
        name: str = "demo",
        version: str = "1.0",
        files: Mapping[str, bytes] | None = None,
        *,
        tag: str = "py3-none-any",
        modes: Mapping[str, int] | None = None,
        with_record: Callable[[bytes], bytes] = lambda text: text,
        directory: str = "wheels",
    ) -> Path:
        info = f"{name}-{version}.dist-info"
        body = dict(files if files is not None else {f"{name}/__init__.py": b"x = 1\n"})
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n"
        body.setdefault(f"{info}/METADATA", metadata.encode())
        body.setdefault(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode())
        body[f"{info}/RECORD"] = with_record(record(body, f"{info}/RECORD"))
        path = tmp_path / directory / f"{name}-{version}-{tag}.whl"
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in body.items():
                item = zipfile.ZipInfo(member)
                item.external_attr = (0o100000 | (modes or {}).get(member, 0o644)) << 16
                item.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(item, data)
        return path

    return make


def locked(path: Path, *, built: bool = False) -> LockedWheel:
    """Returns a wheel file as a lock would name it."""
    name, version = path.name.split("-")[:2]
    return LockedWheel(
        name, version, path.name, Digest.of(path.read_bytes()), path.stat().st_size, f"./{path.name}", built
    )


@pytest.fixture
def lock_wheel() -> Callable[..., LockedWheel]:
    """Returns a function that names a wheel file as a lock does."""
    return locked


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    """Returns an empty store."""
    return Layout(tmp_path / "oci")


@pytest.fixture
def base_in() -> Callable[[Layout], Base]:
    """Returns a function that puts a small base into a store."""
    return make_base


def make_base(store: Layout) -> Base:
    """Puts a base of one layer into a store: an interpreter that is a file and a world-writable tmp."""
    entries = [
        Entry("tmp", Kind.DIRECTORY, 0o1777),
        Entry("usr/bin/python3.11", mode=0o755, content=content(b"not a real interpreter\n")),
    ]
    with store.writer() as writer:
        written = write_layer(entries, writer)
        writer.commit(written.digest)
    config: dict[str, object] = {"config": {"Env": ["LANG=C.UTF-8"], "Cmd": ["python3"]}}
    layers = (written.layer("base"),)
    return Base(
        "apt:debian/bookworm", Platform(), written.digest, layers, config, "/usr/bin/python3.11", "3.11.2", "glibc 2.36"
    )
