"""Hostile wheels and hostile folders, as `seaway lock` and `seaway build` meet them: refused by name, nothing made."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.shop import Said, Shop
from tests.image.conftest import record

pytestmark = pytest.mark.rootless
INFO = "demo-1.0.dist-info"
FILES = {
    "demo/__init__.py": b"x = 1\n",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
Twist = Callable[[zipfile.ZipFile], None]


@pytest.fixture
def shop(founded: Shop, tmp_path: Path) -> Shop:
    """Returns a copy to feed."""
    return founded.copy(tmp_path / "shop")


def feed(shop: Shop, more: dict[str, bytes], twist: Twist = lambda _: None, *, builds: bool = True) -> Said:
    """Puts a wheel with these members into the shop's requirements, locks and builds; returns the last answer."""
    files = {**FILES, **more}
    path = shop.app / "wheels" / "demo-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of names that are there twice
        for name, data in (*files.items(), (f"{INFO}/RECORD", record(files, f"{INFO}/RECORD"))):
            member = zipfile.ZipInfo(name)
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(member, data)
        twist(archive)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (shop.app / "requirements.txt").write_text(f"./wheels/{path.name} --hash=sha256:{digest}\n")
    said = shop.run("lock")
    return shop.run("build") if builds and not said.code else said


def link(archive: zipfile.ZipFile) -> None:
    """Adds a symlink out of the image."""
    member = zipfile.ZipInfo("demo/link")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(member, "../../../../etc/shadow")


def twice(archive: zipfile.ZipFile) -> None:
    """Adds another file under a name that is taken."""
    archive.writestr("demo/__init__.py", "x = 2\n")


def huge(archive: zipfile.ZipFile) -> None:
    """Adds members that say they unpack to 24 GiB."""
    for number in range(6):
        archive.writestr(f"demo/{number}", b"0" * 100_000, zipfile.ZIP_DEFLATED)
        archive.infolist()[-1].file_size = 0xFFFFFFF0


def overlap(archive: zipfile.ZipFile) -> None:
    """Has two names share one body, which a quoted bomb does by the thousand."""
    archive.writestr("demo/other", b"x = 1\n")
    archive.infolist()[-1].header_offset = archive.infolist()[0].header_offset


HOSTILE: dict[str, tuple[dict[str, bytes], Twist]] = {
    "traversal": ({"../../evil.py": b""}, lambda _: None),
    "traversal within": ({"demo/../../evil.py": b""}, lambda _: None),
    "absolute": ({"/etc/evil": b""}, lambda _: None),
    "backslash": ({"demo\\..\\evil.py": b""}, lambda _: None),
    "whiteout": ({"demo/.wh.os.py": b""}, lambda _: None),
    "script out of its folder": ({"demo-1.0.data/scripts/../../evil": b"#!python\n"}, lambda _: None),
    "data out of its folder": ({"demo-1.0.data/data/../../etc/evil": b""}, lambda _: None),
    "unknown scheme": ({"demo-1.0.data/evil/x": b""}, lambda _: None),
    "over the interpreter": ({"demo-1.0.data/scripts/python": b"#!/bin/sh\n"}, lambda _: None),
    "over the environment": ({"demo-1.0.data/data/pyvenv.cfg": b"home = /tmp\n"}, lambda _: None),
    "symlink": ({}, link),
    "duplicate": ({}, twice),
    "bomb": ({}, huge),
    "overlap": ({}, overlap),
}


def test_an_honest_wheel_is_taken(shop: Shop) -> None:
    """So that each refusal below is of what is hostile in it."""
    assert feed(shop, {}).code == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_wheel_is_refused_and_nothing_is_made(name: str, shop: Shop) -> None:
    """The error names the wheel; bundle and images are those from before, and nothing lies outside."""
    before, images, evidence = shop.bundle().digest, manifests(shop), shop.files()
    said = feed(shop, *HOSTILE[name])
    assert said.code not in (0, 90), f"{said.code}\n{said.all}"
    assert "demo" in said.all
    assert (shop.bundle().digest, manifests(shop), shop.files()) == (before, images, evidence)
    assert not list(shop.home.rglob("*evil*"))


def test_a_wheel_that_is_not_what_the_lock_names_is_refused(shop: Shop) -> None:
    """One byte more than what was locked."""
    assert feed(shop, {}, builds=False).code == 0
    path = next((shop.app / "wheels").iterdir())
    path.write_bytes(path.read_bytes() + b"\0")
    said = shop.run("build")
    assert said.code not in (0, 90) and path.name in said.all, said.all


def manifests(shop: Shop) -> bytes:
    """Returns what the image store lists."""
    return (shop.images / "index.json").read_bytes()


PRIVATE = {
    "id_ed25519": "anything",
    "server.key": "anything",
    ".env": "TOKEN=abc\n",
    ".netrc": "machine shop.example login a password b\n",
    "notes.txt": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_key_in_the_folder_stops_the_build(name: str, shop: Shop) -> None:
    """By its name or by its text; the answer names the file and not what is in it."""
    (shop.app / name).write_text(PRIVATE[name])
    before, images = shop.bundle().digest, manifests(shop)
    said = shop.run("build")
    assert said.code not in (0, 90) and name in said.all, said.all
    assert PRIVATE[name] not in said.all
    assert (shop.bundle().digest, manifests(shop)) == (before, images)


def test_a_link_out_of_the_folder_stops_the_build(shop: Shop) -> None:
    """It would take a file of the machine along."""
    (shop.app / "link").symlink_to("/etc/passwd")
    said = shop.run("build")
    assert said.code not in (0, 90) and "link" in said.all, said.all


@pytest.mark.timeout(120)
def test_a_pipe_and_a_socket_in_the_folder_are_neither_read_nor_taken(shop: Shop) -> None:
    """Nobody writes into the pipe: a builder that opened it would wait for ever."""
    before = shop.bundle().digest
    os.mkfifo(shop.app / "pipe")
    folder = os.open(shop.app, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{folder}/door")
            said = shop.run("build")
    finally:
        os.close(folder)
    assert said.code == 0 or "pipe" in said.all or "door" in said.all, said.all
    if said.code == 0:
        assert shop.bundle().digest == before
