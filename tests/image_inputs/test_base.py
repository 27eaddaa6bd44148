"""Bases of any kind to one pinned value, and the walk that learns what is in them."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

import pytest
from tests.fakes.registry import fake_registry
from tests.image_inputs.builders import link, make_deb, member, put_image, put_layer, put_raw_layer, tar, text

from seaway.app.service_keys import BaseKeys
from seaway.digest import Digest
from seaway.errors import BaseError, DigestMismatch, FindingsError, NotYet
from seaway.image import apt, rootfs
from seaway.image.apt import AptLock, AptPackage
from seaway.image.aptget import Mirror
from seaway.image.archive import ArchiveRefused
from seaway.image.base import Bases
from seaway.image.base_facts import BaseFacts
from seaway.image.elf import read_elf
from seaway.image.layout import Layout
from seaway.image.model import LAYER_GZIP, Entry, Kind, Platform
from seaway.image.pinned import PinnedBase

pytestmark = pytest.mark.rootless

LIBC = b"\x7fELF GNU C Library (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36.\nCopyright"
PYTHON = b"\x7fELF 3.1\x00 3.11\x003.11.2\x00 %d.%d"
STATUS = """Package: libc6
Status: install ok installed
Version: 1:2.36-9+b1
Architecture: amd64

Package: gone
Status: deinstall ok config-files
Version: 1
"""
ROOT = {
    "usr/bin/python3.11": PYTHON,
    "usr/lib/x86_64-linux-gnu/libc.so.6": LIBC,
    "usr/lib/x86_64-linux-gnu/libz.so.1.2.13": b"",
    "etc/passwd": b"root:x:0:0::/:\nme:x:65532:65532::/tmp:\n",
    "usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": STATUS.encode(),
}


def root_entries(**replaced: bytes) -> list[Entry]:
    """Returns the entries of a small base that has all that a base must have."""
    return [text(path, data, 0o755 if "/bin/" in path else 0o644) for path, data in {**ROOT, **replaced}.items()]


def walked(*entries: Entry) -> BaseFacts:
    """Returns the facts of entries."""
    facts = BaseFacts()
    for entry in entries:
        content = entry.content
        facts.see(entry, lambda content=content: content.open().read() if content else b"")  # type: ignore[misc]
    return facts


def bases(tmp_path: Path, store: Layout) -> Bases:
    """Returns what pins for a project in a directory."""
    return Bases(tmp_path, store, tmp_path / "cache")


def test_facts_are_read_from_the_bytes() -> None:
    """Interpreter, versions, libraries, packages, user and distribution."""
    facts = walked(*root_entries())
    assert (facts.interpreter, facts.python, facts.libc) == ("usr/bin/python3.11", "3.11.2", "glibc 2.36")
    assert facts.sonames == ("libc.so.6", "libz.so.1.2.13")
    assert (facts.has_user, facts.distribution) == (True, "debian 12")
    assert [(one.name, one.version, one.purl) for one in facts.packages] == [
        ("libc6", "1:2.36-9+b1", "pkg:deb/debian/libc6@1%3A2.36-9%2Bb1?arch=amd64&distro=debian-12")
    ]


def test_a_python_of_its_own_comes_first() -> None:
    """An image that brings its own Python beside the distribution's means its own; the newest of several counts."""
    names = ("usr/bin/python3.13", "usr/local/bin/python3.9", "usr/local/bin/python3.12", "usr/local/bin/python3")
    facts = walked(*(text(name, b"3.12.7\x00", 0o755) for name in names))
    assert (facts.interpreter, facts.python) == ("usr/local/bin/python3.12", "3.12.7")


def test_a_version_may_stand_in_the_library() -> None:
    """A small interpreter with a shared library tells its version there."""
    facts = walked(
        text("usr/local/bin/python3.12", b"small"), text("usr/local/lib/libpython3.12.so.1.0", b"\x003.12.7\x00")
    )
    assert facts.python == "3.12.7"


def test_musl_is_known_by_its_package() -> None:
    """Alpine's own list says which musl it is."""
    facts = walked(text("lib/apk/db/installed", "P:musl\nV:1.2.5-r9\nA:x86_64\n\nP:zlib\nV:1.3-r2\nA:x86_64\n"))
    assert facts.libc == "musl 1.2.5"
    assert facts.packages[1].purl == "pkg:apk/alpine/zlib@1.3-r2?arch=x86_64"


@pytest.mark.parametrize("fact", ["interpreter", "libc"])
def test_a_base_without_what_is_needed_is_refused(fact: str) -> None:
    """No Python, no C library: no base."""
    with pytest.raises(BaseError):
        getattr(walked(text("etc/passwd")), fact)


def test_upper_layers_replace_and_hide() -> None:
    """A whiteout takes a file's facts with it, a new file brings its own."""
    facts = walked(*root_entries())
    facts.hide("usr/lib/x86_64-linux-gnu/libz.so.1.2.13", opaque=False)
    facts.hide("var/lib/dpkg", opaque=True)
    facts.see(text("usr/bin/python3.11"), lambda: b"3.11.9\x00")
    assert (facts.sonames, facts.packages, facts.python) == (("libc.so.6",), (), "3.11.9")


@pytest.mark.parametrize(
    "entry",
    [
        text("opt/venv/bin/python"),
        text("opt/app/x"),
        Entry("opt", Kind.DIRECTORY, 0o775),
        Entry("opt", Kind.DIRECTORY, 0o755, uid=1),
        link("opt", "usr/opt"),
    ],
)
def test_a_base_that_is_in_the_way_is_refused(entry: Entry) -> None:
    """What the builder writes must be its own."""
    with pytest.raises(BaseError, match=r"opt|builder"):
        walked(entry)


def layout_at(path: Path) -> tuple[Layout, Digest]:
    """Writes a layout with one image under the tag `one`."""
    layout = Layout(path)
    base = put_layer(layout, *root_entries(), text("drop/me"))
    image = put_image(layout, base, put_raw_layer(layout, tar(member(".wh.drop"))), tag="one")
    return layout, image.digest


def test_a_layout_is_a_base(tmp_path: Path, store: Layout) -> None:
    """Its layers are copied, verified, into the store; its digest is the manifest's."""
    _, digest = layout_at(tmp_path / "there")
    base = bases(tmp_path, store).pin(BaseKeys(oci="there:one"), Platform()).base
    assert (base.digest, base.reference, base.python) == (digest, "oci:there:one", "3.11.2")
    assert base.interpreter == "/usr/bin/python3.11"
    assert store.image(digest).layers == base.layers


def test_an_unknown_tag_of_a_layout_is_refused(tmp_path: Path, store: Layout) -> None:
    """The tag stands in the error."""
    layout_at(tmp_path / "there")
    with pytest.raises(BaseError, match="no image two"):
        bases(tmp_path, store).pin(BaseKeys(oci="there:two"), Platform())


def test_a_layer_that_is_not_its_diff_id_is_refused(tmp_path: Path, store: Layout) -> None:
    """A config that lies about a layer makes no base."""
    layout = Layout(tmp_path / "there")
    put_image(layout, put_raw_layer(layout, tar(member("a", b"1")), diff_id=str(Digest.of(b"x"))), tag="one")
    with pytest.raises(DigestMismatch, match="diffID"):
        bases(tmp_path, store).pin(BaseKeys(oci="there:one"), Platform())


def test_a_registry_is_a_base(tmp_path: Path, store: Layout) -> None:
    """By reference once, then by digest: a tag that moves later changes nothing."""
    layout, digest = layout_at(tmp_path / "there")
    with fake_registry() as registry:
        registry.take(layout, layout.image(digest), "one")
        pinned = bases(tmp_path, store).pin(BaseKeys(image=f"{registry.name}:one"), Platform())
        registry.tags["one"] = "moved"
        other = Layout(tmp_path / "other")
        assert bases(tmp_path, other).obtain(pinned).digest == digest
    assert other.image(digest).digest == digest


def rootfs_tar(path: Path, *more: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Writes a root file system as a tar."""
    made = [
        member(f"./{entry.path}", entry.content.open().read(), mode=entry.mode)
        for entry in root_entries()
        if entry.content
    ]
    path.write_bytes(tar(*made, *more))
    return path


def test_a_root_file_system_is_a_base(tmp_path: Path, store: Layout) -> None:
    """It becomes one layer of ours, the same whatever the order and the times of its members."""
    rootfs_tar(tmp_path / "a.tar", member("b", b"1", mtime=5), member("a", b"2"))
    rootfs_tar(tmp_path / "b.tar", member("a", b"2", mtime=9), member("b", b"1"))
    made = [bases(tmp_path, store).pin(BaseKeys(rootfs=name), Platform()).base for name in ("a.tar", "b.tar")]
    assert made[0].digest == made[1].digest
    assert made[0].layers[0].descriptor.media_type == LAYER_GZIP
    assert made[0].config["config"] == {}


def test_a_root_file_system_is_cleaned(tmp_path: Path) -> None:
    """Devices, lists, logs and byte code go; what names a machine is emptied; owners and modes stay."""
    more = [
        member("dev/null", kind=tarfile.CHRTYPE),
        member("var/lib/apt/lists/x", b"1"),
        member("var/log/dpkg.log", b"1"),
        member("usr/x.pyc", b"1"),
        member("etc/machine-id", b"abc"),
        member("usr/bin/su", b"1", mode=0o4755, uid=0, gid=7),
    ]
    with rootfs.rewritten(rootfs_tar(tmp_path / "r.tar", *more)) as entries:
        found = {entry.path: entry for entry in entries}
    assert not {"dev/null", "var/lib/apt/lists/x", "var/log/dpkg.log", "usr/x.pyc"} & found.keys()
    assert found["etc/machine-id"].content is not None
    assert found["etc/machine-id"].content.size == 0
    assert (found["usr/bin/su"].mode, found["usr/bin/su"].gid) == (0o4755, 7)
    assert found["tmp"].mode == 0o1777


def test_hard_links_come_after_their_target(tmp_path: Path) -> None:
    """The first name by path holds the bytes, whichever the tar had first; a dropped name is no name."""
    more = [
        member("usr/z", b"bytes", mode=0o755),
        member("usr/a", kind=tarfile.LNKTYPE, linkname="usr/z"),
        member("usr/m", kind=tarfile.LNKTYPE, linkname="usr/a"),
        member("var/log/x", b"2"),
        member("usr/x", kind=tarfile.LNKTYPE, linkname="var/log/x"),
    ]
    with rootfs.rewritten(rootfs_tar(tmp_path / "r.tar", *more)) as entries:
        found = {entry.path: entry for entry in entries}
        first, dropped = found["usr/a"].content, found["usr/x"].content
        assert first is not None
        assert dropped is not None
        assert (first.open().read(), dropped.open().read()) == (b"bytes", b"2")
    assert [(found[path].kind, found[path].link) for path in ("usr/a", "usr/m", "usr/z")] == [
        (Kind.FILE, ""),
        (Kind.HARDLINK, "usr/a"),
        (Kind.HARDLINK, "usr/a"),
    ]


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b\x08\x00cut"])
def test_an_unreadable_root_file_system_is_refused(tmp_path: Path, store: Layout, damage: bytes) -> None:
    """A file that is no tar, or none that has a Python, is no base."""
    (tmp_path / "r.tar").write_bytes(damage)
    with pytest.raises(BaseError):
        bases(tmp_path, store).pin(BaseKeys(rootfs="r.tar"), Platform())


def test_a_hostile_root_file_system_is_refused(tmp_path: Path, store: Layout) -> None:
    """The member is named and nothing enters the store."""
    rootfs_tar(tmp_path / "r.tar", member("../x", b"1"))
    with pytest.raises(ArchiveRefused, match="leaves"):
        bases(tmp_path, store).pin(BaseKeys(rootfs="r.tar"), Platform())
    assert not list(store.directory.glob("blobs/sha256/*"))


def make_closure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> AptLock:
    """Puts one package onto a mirror on disk and makes it what every resolution gives."""
    payload = tar(*(member(f"./{path}", data, mode=0o755) for path, data in files.items() if path.startswith("usr/")))
    pool = tmp_path / "mirror" / "pool"
    pool.mkdir(parents=True)
    path = make_deb(pool / "all.deb", "all", payload)
    package = AptPackage("all", "1.0-1", "pool/all.deb", path.stat().st_size, Digest.of(path.read_bytes()))
    lock = AptLock("bookworm", "amd64", (package,))
    monkeypatch.setattr(apt, "mirrors", lambda: (Mirror(f"file:{tmp_path}/mirror/", ""),))
    monkeypatch.setattr(apt, "resolve", lambda suite, architecture, packages, cache: lock)
    return lock


@pytest.fixture
def closure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AptLock:
    """Returns a closure of one package that a mirror on disk has."""
    return make_closure(tmp_path, monkeypatch, ROOT)


def test_base_has_no_env_and_no_shell(tmp_path: Path, store: Layout, closure: AptLock) -> None:
    """A base of packages is one layer with the least config; what runs in it is the app's alone."""
    pinned = bases(tmp_path, store).pin(BaseKeys(apt="debian/bookworm"), Platform())
    assert pinned.base.config["config"] == {}
    assert (pinned.base.python, pinned.base.has_user, pinned.closure) == ("3.11.2", True, closure)
    assert store.has(pinned.base.digest)


def test_deb_closure_is_elf_closed(tmp_path: Path, store: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that some file needs and no package brings is found when the base is pinned, not when it runs."""
    needy = Path(sys.executable).resolve().read_bytes()
    here = read_elf("x", lambda at, size: needy[at : at + size])
    assert here is not None
    make_closure(tmp_path, monkeypatch, {**ROOT, "usr/bin/needy": needy})
    with pytest.raises(FindingsError) as refused:
        bases(tmp_path, store).pin(BaseKeys(apt="debian/bookworm"), Platform("linux", here.machine))
    assert {finding.code for finding in refused.value.findings} == {"SW-1002"}
    assert {finding.where for finding in refused.value.findings} <= set(here.needed)


def test_a_pinned_base_survives_its_lock(tmp_path: Path, store: Layout, closure: AptLock) -> None:
    """What is written as JSON is what is read."""
    pinned = bases(tmp_path, store).pin(BaseKeys(apt="debian/bookworm"), Platform())
    assert PinnedBase.parse(json.loads(json.dumps(pinned.json()))) == pinned


def test_a_damaged_lock_of_a_base_is_refused() -> None:
    """The hint is the command that renews it."""
    with pytest.raises(BaseError, match="not a pinned base") as refused:
        PinnedBase.parse({"reference": "x"})
    assert refused.value.hint == "run `seaway lock --upgrade-base`"


def test_a_base_is_made_again_from_its_lock(tmp_path: Path, store: Layout, closure: AptLock) -> None:
    """An empty store gets the same bytes; where they are, nothing is fetched."""
    pinned = bases(tmp_path, store).pin(BaseKeys(apt="debian/bookworm"), Platform())
    fresh = Layout(tmp_path / "fresh")
    assert bases(tmp_path, fresh).obtain(pinned).layers == pinned.base.layers
    assert fresh.has(pinned.base.digest)


def test_a_base_that_comes_out_otherwise_is_refused(tmp_path: Path, store: Layout, closure: AptLock) -> None:
    """A recorded digest is never replaced in silence."""
    pinned = bases(tmp_path, store).pin(BaseKeys(apt="debian/bookworm"), Platform())
    body = json.loads(json.dumps(pinned.json()))
    body["layers"][0]["digest"] = body["digest"] = str(Digest.of(b"poisoned"))
    with pytest.raises(DigestMismatch, match="made again"):
        bases(tmp_path, Layout(tmp_path / "fresh")).obtain(PinnedBase.parse(body))


@pytest.mark.parametrize(
    ("keys", "packages", "error"),
    [
        (BaseKeys(build="Dockerfile.base"), (), NotYet),
        (BaseKeys(apt="ubuntu/noble"), (), NotYet),
        (BaseKeys(apt="debian/potato"), (), BaseError),
        (BaseKeys(rootfs="none.tar"), (), BaseError),
        (BaseKeys(rootfs="none.tar"), ("libgl1",), BaseError),
        (BaseKeys(), (), BaseError),
    ],
)
def test_what_is_no_base_is_refused(
    tmp_path: Path, store: Layout, keys: BaseKeys, packages: tuple[str, ...], error: type[Exception]
) -> None:
    """Each with its own sentence."""
    with pytest.raises(error):
        bases(tmp_path, store).pin(keys, Platform(), packages=packages)
