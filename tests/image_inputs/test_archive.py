"""Hostile tars: each is refused with the member named."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.image_inputs.builders import Info, member, tar

from seaway.errors import NotYet
from seaway.image.archive import ArchiveRefused, Hashed, Limits, entries, inflated, members
from seaway.image.model import Kind

pytestmark = pytest.mark.rootless

HOSTILE = {
    "traversal": ([member("a/../../etc/passwd", b"x")], "a/../../etc/passwd", "leaves the archive"),
    "parent": ([member("..")], "..", "leaves the archive"),
    "absolute": ([member("/etc/passwd", b"x")], "/etc/passwd", "absolute"),
    "below a symlink": (
        [member("a", kind=tarfile.SYMTYPE, linkname="/etc"), member("a/passwd", b"x")],
        "a/passwd",
        "which is a symlink",
    ),
    "below a file": ([member("a", b"x"), member("a/b", b"x")], "a/b", "which is a file"),
    "hard link outside": ([member("a", kind=tarfile.LNKTYPE, linkname="../etc/shadow")], "a", "leaves the archive"),
    "hard link absolute": ([member("a", kind=tarfile.LNKTYPE, linkname="/etc/shadow")], "a", "absolute"),
    "hard link to nothing": ([member("a", kind=tarfile.LNKTYPE, linkname="b")], "a", "came before"),
    "hard link to a symlink": (
        [member("s", kind=tarfile.SYMTYPE, linkname="/etc"), member("a", kind=tarfile.LNKTYPE, linkname="s")],
        "a",
        "came before",
    ),
    "character device": ([member("dev/sda", kind=tarfile.CHRTYPE)], "dev/sda", "device"),
    "block device": ([member("dev/sda", kind=tarfile.BLKTYPE)], "dev/sda", "device"),
    "pipe": ([member("p", kind=tarfile.FIFOTYPE)], "p", "device, pipe"),
    "twice": ([member("a", b"1"), member("./a", b"2")], "a", "twice"),
    "file then directory": ([member("a", b"1"), member("a", kind=tarfile.DIRTYPE)], "a", "twice"),
    "symlink over a directory": (
        [member("a/b", b"1"), member("a", kind=tarfile.SYMTYPE, linkname="/etc")],
        "a",
        "twice",
    ),
    "symlink to nothing": ([member("a", kind=tarfile.SYMTYPE)], "a", "without a target"),
    "whiteout of nothing": ([member("a/.wh.")], "a/.wh.", "names nothing"),
    "whiteout of the parent": ([member("a/.wh...")], "a/.wh...", "names nothing"),
    "whiteout of a whiteout": ([member("a/.wh..wh.x")], "a/.wh..wh.x", "names nothing"),
    "not UTF-8": ([member("a\udcff")], "'a\\udcff'", "not UTF-8"),
    "attribute": (
        [member("a", pax_headers={"SCHILY.xattr.user.x": "1"})],
        "a",
        "user.x",
    ),
}


def read(data: bytes, limits: Limits | None = None) -> list[str]:
    """Returns the paths of a tar."""
    found = members(io.BytesIO(data), limits=limits or Limits())
    return [one.entry.path for one in found]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_member_is_refused_by_name(name: str) -> None:
    """Each rule names the member and itself."""
    made, where, says = HOSTILE[name]
    with pytest.raises(ArchiveRefused, match=says) as refused:
        read(tar(*made))
    assert refused.value.where == where


def test_bombs_are_cut_off() -> None:
    """More bytes or members than allowed are refused at the member that is too much."""
    many = tar(*(member(f"f{n}", b"12345") for n in range(5)))
    assert len(read(many, Limits(size=25, members=5))) == 5
    with pytest.raises(ArchiveRefused, match="more than 4 members") as count:
        read(many, Limits(members=4))
    with pytest.raises(ArchiveRefused, match="more than 24 bytes") as size:
        read(many, Limits(size=24))
    assert (count.value.where, size.value.where) == ("f4", "f4")


def test_a_lying_size_is_refused_before_it_is_read() -> None:
    """A header that promises a terabyte costs nothing."""
    info = Info("bomb")
    info.size = 1 << 40
    with pytest.raises(ArchiveRefused, match="bytes unpacked"):
        read(info.tobuf() + b"\0" * 1024)


def test_devices_are_skipped_where_that_is_asked() -> None:
    """A root file system may have devices; they are left out."""
    data = tar(member("dev/null", kind=tarfile.CHRTYPE), member("p", kind=tarfile.FIFOTYPE), member("a", b"x"))
    assert read(data, Limits(devices=True)) == ["a"]


def test_names_are_cleaned() -> None:
    """Leading dots and double slashes are no part of a path, and the root itself is no entry."""
    made = [member("./", kind=tarfile.DIRTYPE), member("./a//b/./c", b"x")]
    assert read(tar(*made)) == ["a/b/c"]


def test_whiteouts_are_read_as_deletions() -> None:
    """`.wh.x` hides x, the opaque mark hides all below its directory."""
    found = list(members(io.BytesIO(tar(member("a/.wh.b"), member("c/.wh..wh..opq"), member(".wh.d")))))
    assert [(one.entry.path, one.whiteout, one.opaque) for one in found] == [
        ("a/b", True, False),
        ("c", True, True),
        ("d", True, False),
    ]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bytes])
def test_compression_is_told_by_the_bytes(pack: object) -> None:
    """gzip, also of several members, xz and plain are read alike."""
    data = tar(member("a", b"x"))
    packed = pack(data)  # type: ignore[operator]
    if pack is gzip.compress:
        packed = gzip.compress(data[:700]) + gzip.compress(data[700:])
    assert inflated(io.BytesIO(packed)).read() == data


def test_zstd_says_what_to_do() -> None:
    """What cannot be read yet is said."""
    with pytest.raises(NotYet, match="zstd"):
        inflated(io.BytesIO(b"\x28\xb5\x2f\xfdxxxx"))


def test_a_tar_that_ends_inside_a_file_is_refused() -> None:
    """A cut tar is an error, never a shorter archive."""
    with pytest.raises(ArchiveRefused, match="cannot be read"):
        for one in members(io.BytesIO(tar(member("a", b"x" * 600), member("b", b"y" * 600))[:1800])):
            assert one.data is None or one.data.read()


@pytest.mark.parametrize("cut", [4, 20, 60])
def test_damaged_compression_is_refused(cut: int) -> None:
    """A gzip stream without its end is refused, also where the tar in it ended before."""
    packed = gzip.compress(tar(member("a", b"x" * 600)))[:-cut]
    with pytest.raises(ArchiveRefused, match="cannot be read"):
        Hashed(inflated(io.BytesIO(packed))).digest()


def test_contents_are_slices_of_the_file(tmp_path: Path) -> None:
    """Entries of a file on disk read their own bytes, any number of times."""
    path = tmp_path / "t.tar"
    path.write_bytes(
        tar(member("a", b"first"), member("b", b"second"), member("c", kind=tarfile.LNKTYPE, linkname="b"))
    )
    first, second, third = entries(path)
    assert first.content is not None
    assert second.content is not None
    assert [second.content.open().read(), first.content.open().read(), second.content.open().read()] == [
        b"second",
        b"first",
        b"second",
    ]
    assert (third.kind, third.link) == (Kind.HARDLINK, "b")


def test_a_file_capability_is_kept_byte_for_byte() -> None:
    """The one extended attribute that a base may have is binary."""
    value = b"\x01\x00\x00\x02\xff\x00\x80"
    info = Info("ping")
    record = b"SCHILY.xattr.security.capability=" + value + b"\n"
    body = str(len(record) + 3).encode() + b" " + record
    pax = Info("././@PaxHeader")
    pax.type, pax.size = tarfile.XHDTYPE, len(body)
    data = pax.tobuf(tarfile.USTAR_FORMAT) + body.ljust(512, b"\0") + info.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)
    assert [one.entry.capability for one in members(io.BytesIO(data))] == [value]


SEGMENT = st.sampled_from(["a", "b", ".", "..", "", ".wh.a", ".wh..wh..opq", "A"])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.lists(SEGMENT, min_size=1, max_size=4), st.sampled_from(["f", "d", "s", "h"])), max_size=6)
)
def test_no_path_ever_leaves(made: list[tuple[list[str], str]]) -> None:
    """Whatever a tar says, a path that is given out is relative, clean and below no symlink."""
    kinds = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "s": tarfile.SYMTYPE, "h": tarfile.LNKTYPE}
    data = tar(*(member("/".join(path) or "x", kind=kinds[kind], linkname="../a") for path, kind in made))
    symlinks: set[str] = set()
    try:
        for one in members(io.BytesIO(data)):
            path = one.entry.path
            assert not path.startswith("/")
            assert ".." not in path.split("/")
            assert not any(path.startswith(f"{link}/") for link in symlinks)
            if one.entry.kind is Kind.SYMLINK:
                symlinks.add(path)
    except ArchiveRefused as refused:
        assert refused.where is not None
