"""Image roots: unpacked once, linked many times, whole or not there."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
import tarfile
import time
from pathlib import Path

import pytest
from tests.image_inputs.builders import link, member, put_image, put_layer, put_raw_layer, tar, text

from seaway.digest import Digest
from seaway.errors import DigestMismatch, StoreError
from seaway.image.archive import ArchiveRefused, Limits
from seaway.image.layout import Layout
from seaway.image.model import Entry, Image, Kind
from seaway.image.roots import ImageRoots

pytestmark = pytest.mark.rootless


def image_of(store: Layout) -> Image:
    """Puts an image of two layers into a store."""
    base = put_layer(
        store,
        Entry("tmp", Kind.DIRECTORY, 0o1777),
        text("usr/bin/run", "#!", 0o755),
        text("etc/hosts"),
        link("bin", "usr/bin"),
    )
    app = put_layer(store, text("opt/app/main.py", "print()"), gzip="none")
    return put_image(store, base, app)


def listing(root: Path) -> dict[str, str]:
    """Returns path → mode or target of all below a root."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found[name] = f"-> {path.readlink()}" if path.is_symlink() else oct(stat.S_IMODE(path.lstat().st_mode))
    return found


def left_over(directory: Path) -> list[str]:
    """Returns what lies in the directories of layers and roots."""
    return sorted(path.name for part in ("layers", "roots") for path in (directory / part).glob("*"))


def test_a_root_holds_the_image(store: Layout, tmp_path: Path) -> None:
    """Files, directories and links are those of all layers, with modes that nobody can write by."""
    root = ImageRoots(tmp_path / "r").root(store, image_of(store).digest)
    assert listing(root) == {
        "bin": "-> usr/bin",
        "etc": "0o755",
        "etc/hosts": "0o444",
        "opt": "0o755",
        "opt/app": "0o755",
        "opt/app/main.py": "0o444",
        "tmp": "0o1777",
        "usr": "0o755",
        "usr/bin": "0o755",
        "usr/bin/run": "0o555",
    }
    assert (root / "opt/app/main.py").read_text() == "print()"


def test_modes_do_not_depend_on_the_umask(store: Layout, tmp_path: Path) -> None:
    """A program that runs as 65532 can read whatever root's umask is."""
    image = image_of(store)
    before = os.umask(0o077)
    try:
        strict = ImageRoots(tmp_path / "a").root(store, image.digest)
    finally:
        os.umask(before)
    assert stat.S_IMODE(strict.stat().st_mode) == 0o755
    assert listing(strict) == listing(ImageRoots(tmp_path / "b").root(store, image.digest))


def test_a_second_call_makes_nothing(store: Layout, tmp_path: Path) -> None:
    """A root that is there is returned without a look at the store."""
    image = image_of(store)
    first = ImageRoots(tmp_path / "r").root(store, image.digest)
    assert ImageRoots(tmp_path / "r").root(Layout(tmp_path / "empty"), image.digest) == first


def test_layers_are_shared(store: Layout, tmp_path: Path) -> None:
    """Two images with one base share its files, and only the new layer is unpacked."""
    base = put_layer(store, text("a", "base"))
    one = put_image(store, base, put_layer(store, text("b", "1")), tag="one")
    two = put_image(store, base, put_layer(store, text("b", "2")), tag="two")
    made = ImageRoots(tmp_path / "r")
    first, second = made.root(store, one.digest), made.root(store, two.digest)
    assert (first / "a").samefile(second / "a")
    assert [(root / "b").read_text() for root in (first, second)] == ["1", "2"]
    assert len(list((tmp_path / "r" / "layers").iterdir())) == 3


def test_store_is_never_writable_through_the_farm(store: Layout, tmp_path: Path) -> None:
    """No file of a root has a write bit, so a program in it cannot change another image."""
    root = ImageRoots(tmp_path / "r").root(store, image_of(store).digest)
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    assert not [path for path in files if path.stat().st_mode & 0o7222]


def test_whiteouts_are_honoured(store: Layout, tmp_path: Path) -> None:
    """What an upper layer deletes is not in the root."""
    base = put_layer(store, text("a"), text("d/x"), text("d/y"), text("e/z"))
    top = put_raw_layer(store, tar(member(".wh.a"), member("d/.wh..wh..opq"), member("d/new", b"1")))
    root = ImageRoots(tmp_path / "r").root(store, put_image(store, base, top).digest)
    assert {name for name, mode in listing(root).items() if mode == "0o444"} == {"d/new", "e/z"}


def test_setuid_is_dropped_and_hard_links_stay(store: Layout, tmp_path: Path) -> None:
    """A setuid program is an ordinary one; two names of a file are one file."""
    made = [member("su", b"x", mode=0o4755), member("also", kind=tarfile.LNKTYPE, linkname="su")]
    root = ImageRoots(tmp_path / "r").root(store, put_image(store, put_raw_layer(store, tar(*made))).digest)
    assert stat.S_IMODE((root / "su").stat().st_mode) == 0o555
    assert (root / "su").samefile(root / "also")


@pytest.mark.parametrize(
    "hostile",
    [
        member("../../escape", b"x"),
        member("/escape", b"x"),
        member("dev/null", kind=tarfile.CHRTYPE),
        member("f", kind=tarfile.LNKTYPE, linkname="../../../secret"),
    ],
)
def test_a_hostile_layer_leaves_nothing(store: Layout, tmp_path: Path, hostile: tuple[tarfile.TarInfo, bytes]) -> None:
    """A refused layer leaves no directory, and no file outside."""
    good = put_layer(store, text("a", "1"))
    image = put_image(store, good, put_raw_layer(store, tar(member("ok", b"1"), hostile)))
    with pytest.raises(ArchiveRefused):
        ImageRoots(tmp_path / "r").root(store, image.digest)
    assert left_over(tmp_path / "r") == []
    assert not list(tmp_path.rglob("escape"))


def test_a_symlink_of_one_layer_leads_no_other_out(store: Layout, tmp_path: Path) -> None:
    """The classic attack: a link in one layer, a file below it in the next."""
    outside = tmp_path / "outside"
    outside.mkdir()
    first = put_raw_layer(store, tar(member("door", kind=tarfile.SYMTYPE, linkname=str(outside))))
    second = put_raw_layer(store, tar(member("door/planted", b"x")))
    root = ImageRoots(tmp_path / "r").root(store, put_image(store, first, second).digest)
    assert list(outside.iterdir()) == []
    assert (root / str(outside)[1:] / "planted").read_text() == "x"


def test_a_bomb_leaves_nothing(store: Layout, tmp_path: Path) -> None:
    """A layer beyond the limits is refused in the middle."""
    image = put_image(store, put_layer(store, text("zeros", bytes(1 << 20))))
    with pytest.raises(ArchiveRefused, match="more than 1000 bytes"):
        ImageRoots(tmp_path / "r", limits=Limits(size=1000)).root(store, image.digest)
    assert left_over(tmp_path / "r") == []


def test_names_that_the_file_system_cannot_tell_apart_are_refused(
    store: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that ignores case, one member may not overwrite another."""
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: real(str(path).replace("README", "readme"), *rest))
    image = put_image(store, put_layer(store, text("README"), text("readme")))
    with pytest.raises(ArchiveRefused, match="cannot tell") as refused:
        ImageRoots(tmp_path / "r").root(store, image.digest)
    assert str(refused.value.where).endswith(", readme")


def test_wrong_bytes_are_refused(store: Layout, tmp_path: Path) -> None:
    """A layer whose tar has another diffID than the config says is refused."""
    image = put_image(store, put_raw_layer(store, tar(member("a", b"x")), diff_id=str(Digest.of(b"other"))))
    with pytest.raises(DigestMismatch, match="expected sha256:"):
        ImageRoots(tmp_path / "r").root(store, image.digest)
    assert left_over(tmp_path / "r") == []


def test_a_damaged_blob_is_refused(store: Layout, tmp_path: Path) -> None:
    """Bytes that rotted in the store are found, also where the tar in them still reads."""
    image = put_image(store, put_layer(store, text("a", "1")))
    path = store.path(image.layers[0].descriptor.digest)
    data = bytearray(path.read_bytes())
    data[9] ^= 1  # the gzip header's operating system, which no reader looks at
    path.write_bytes(bytes(data))
    with pytest.raises(DigestMismatch):
        ImageRoots(tmp_path / "r").root(store, image.digest)


def test_what_is_no_image_is_refused(store: Layout, tmp_path: Path) -> None:
    """A blob that is not a manifest has no root."""
    with pytest.raises(StoreError, match="not an image manifest"):
        ImageRoots(tmp_path / "r").root(store, store.put(b"{}"))


def test_a_full_disk_leaves_nothing(store: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without space the call fails with a hint, and the next one works."""
    image = image_of(store)
    made = ImageRoots(tmp_path / "r")

    def full(source: str, place: str, **_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place)

    with monkeypatch.context() as broken:
        broken.setattr(os, "link", full)
        with pytest.raises(StoreError, match="No space left"):
            made.root(store, image.digest)
    assert not list((tmp_path / "r" / "roots").iterdir())
    assert (made.root(store, image.digest) / "etc/hosts").is_file()


def test_a_file_with_too_many_links_is_copied(store: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system's limit of links is no limit of images."""
    image = image_of(store)

    def too_many(source: str, place: str, **_: object) -> None:
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), place)

    monkeypatch.setattr(os, "link", too_many)
    root = ImageRoots(tmp_path / "r").root(store, image.digest)
    assert stat.S_IMODE((root / "usr/bin/run").stat().st_mode) == 0o555


@pytest.mark.parametrize("after", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04])
def test_a_killed_call_is_repaired_by_the_next(store: Layout, tmp_path: Path, after: float) -> None:
    """SIGKILL at any moment: what is there is whole, and the next call makes the rest."""
    layers = [put_layer(store, *(text(f"d{n}/f{i}", f"{n} {i}") for i in range(150))) for n in range(3)]
    image = put_image(store, *layers)
    expected = listing(ImageRoots(tmp_path / "good").root(store, image.digest))
    child = os.fork()
    if child == 0:
        ImageRoots(tmp_path / "r").root(store, image.digest)
        os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    place = tmp_path / "r" / "roots" / image.digest.hex
    if place.exists():
        assert listing(place) == expected
    assert listing(ImageRoots(tmp_path / "r").root(store, image.digest)) == expected
    assert not [path for part in ("layers", "roots") for path in (tmp_path / "r" / part).glob(".*")]


def test_two_calls_at_once_make_one_root(store: Layout, tmp_path: Path) -> None:
    """The second waits for the first and finds its work done."""
    image = put_image(store, put_layer(store, *(text(f"f{i}") for i in range(300))))
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            try:
                ImageRoots(tmp_path / "r").root(store, image.digest)
            except BaseException as error:  # noqa: BLE001 - a forked child must never return into pytest
                sys.stderr.write(repr(error))
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert len(left_over(tmp_path / "r")) == 2


def test_prune_keeps_what_is_used(store: Layout, tmp_path: Path) -> None:
    """Roots and layers that no kept image needs are removed, the others stay whole."""
    base = put_layer(store, text("a", "base"))
    old = put_image(store, base, put_layer(store, text("b", "1")), tag="old")
    new = put_image(store, base, put_layer(store, text("b", "2")), tag="new")
    made = ImageRoots(tmp_path / "r")
    made.root(store, old.digest)
    kept = made.root(store, new.digest)
    assert made.prune([new.digest]) == 2
    assert len(left_over(tmp_path / "r")) == 3
    assert (kept / "a").read_text() == "base"
    assert (made.root(store, old.digest) / "b").read_text() == "1"
