"""Tar bytes of profile 1: what other tar readers see, and what is refused."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import FindingsError, WheelError
from seaway.image.layer import MTIME, WrittenLayer, header, write_layer
from seaway.image.model import Content, Entry, Kind
from seaway.image.splice import can_splice, inflate

pytestmark = pytest.mark.rootless

_SEGMENT = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda text: text not in (".", "..") and not text.startswith(".wh.")
)
_PATH = st.lists(_SEGMENT, min_size=1, max_size=4).map("/".join)


def _content(data: bytes) -> Content:
    return Content(len(data), lambda: io.BytesIO(data))


def _deflated(data: bytes, *, level: int = 6, extra: bytes = b"") -> Content:
    engine = zlib.compressobj(level, zlib.DEFLATED, -15)
    raw = engine.compress(data) + engine.flush() + extra
    return Content(len(data), lambda: io.BytesIO(data), lambda: io.BytesIO(raw), len(raw), zlib.crc32(data))


def _write(*entries: Entry, compression: str = "members") -> tuple[WrittenLayer, bytes]:
    sink = io.BytesIO()
    return write_layer(entries, sink, gzip=compression), sink.getvalue()


def _read(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        return archive.getmembers()


def _names(data: bytes) -> list[str]:
    return [member.name for member in _read(data)]


def _tree(files: dict[str, bytes]) -> dict[str, bytes]:
    """Leaves out files whose path is a directory of another."""
    return {path: data for path, data in files.items() if not any(other.startswith(f"{path}/") for other in files)}


@given(st.dictionaries(_PATH, st.binary(max_size=2000), max_size=8).map(_tree))
@settings(max_examples=60, deadline=None)
def test_every_tree_comes_back_as_it_was(files: dict[str, bytes]) -> None:
    """Python's tarfile reads each path and each byte back, whatever the names are."""
    _, data = _write(*(Entry(path, content=_content(body)) for path, body in files.items()))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        found = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        assert {name: stream.read() for name, stream in found.items() if stream} == files


@given(st.lists(st.integers(0, 200_000), max_size=5), st.booleans())
@settings(max_examples=25, deadline=None)
def test_spliced_or_not_the_tar_is_the_same(sizes: list[int], is_deflated: bool) -> None:
    """How a file is stored in a wheel changes the gzip bytes alone, never the diffID."""
    bodies = [bytes([index]) * size for index, size in enumerate(sizes)]
    plain, _ = _write(*(Entry(f"d/{i}", content=_content(body)) for i, body in enumerate(bodies)))
    made, data = _write(*(Entry(f"d/{i}", content=_deflated(body)) for i, body in enumerate(bodies)))
    assert made.diff_id == plain.diff_id
    assert len(gzip.decompress(data)) == made.tar_size


@given(_PATH, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=150))
@settings(max_examples=60, deadline=None)
def test_links_of_any_length_come_back(path: str, target: str) -> None:
    """A long or foreign link target is carried in a pax record and read back exactly."""
    _, data = _write(Entry(path, Kind.SYMLINK, 0o777, link=target))
    assert _read(data)[-1].linkname == target


def test_parents_are_equal_in_all_layers() -> None:
    """Parents come once, outermost first, as root's 0755, before the first entry below them."""
    _, data = _write(Entry("a/b/c", content=_content(b"")), Entry("a/b/d", content=_content(b"")))
    found = _read(data)
    assert [(member.name, member.mode) for member in found] == [
        ("a", 0o755),
        ("a/b", 0o755),
        ("a/b/c", 0o644),
        ("a/b/d", 0o644),
    ]


def test_a_directory_of_a_base_keeps_its_mode() -> None:
    """A world-writable directory of a base comes before what lies in it and keeps its sticky bit."""
    _, data = _write(Entry("tmp", Kind.DIRECTORY, 0o1777), Entry("tmp/x", content=_content(b"")))
    assert (_names(data), _read(data)[0].mode) == (["tmp", "tmp/x"], 0o1777)


def test_owner_time_and_names_are_constants() -> None:
    """Every entry belongs to root, has the one time, and no user name."""
    _, data = _write(Entry("a/b", mode=0o755, content=_content(b"x")))
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in _read(data)} == {(0, 0, "", "", MTIME)}


def test_installed_files_can_be_zipped() -> None:
    """The time is after 1980-01-01 in every time zone, else zipfile refuses the files."""
    zip_epoch = 315_532_800
    assert MTIME - zip_epoch >= 14 * 3600


def test_a_name_of_100_bytes_needs_no_pax_record() -> None:
    """The ustar field holds exactly 100 bytes; with 101 a pax record comes first."""
    fits, longer = Entry("x" * 100, content=_content(b"")), Entry("x" * 101, content=_content(b""))
    assert (len(header(fits, fits.path, 0)), len(header(longer, longer.path, 0))) == (512, 1536)


def test_bytes_above_ascii_are_underscores_in_the_short_field() -> None:
    """The ustar name of a path that is not ASCII has `_` for each foreign byte; pax has the path."""
    blocks = header(Entry("é"), "é", 0)
    assert blocks[512:1024].startswith(b"11 path=\xc3\xa9\n")
    assert blocks[1024:1027] == b"__\0"


def test_pax_records_come_in_their_order() -> None:
    """Link target, path, then size; the size field of a huge file is zero."""
    blocks = header(Entry("p" * 101, Kind.SYMLINK, link="l" * 101), "p" * 101, 9 << 30)
    records = blocks[512:1024].rstrip(b"\0").split(b"\n")[:-1]
    assert [record.split(b" ")[1].split(b"=")[0] for record in records] == [b"linkpath", b"path", b"size"]
    assert blocks[-512:][124:136] == b"00000000000\0"


@given(st.integers(1, 1200))
@settings(max_examples=50, deadline=None)
def test_a_pax_record_counts_its_own_digits(length: int) -> None:
    """The length at the start of each record is that of the record."""
    path = "x" * (100 + length)
    record = header(Entry(path), path, 0)[512:].split(b"\n")[0] + b"\n"
    assert int(record.split(b" ")[0]) == len(record)


def test_same_path_twice_is_refused_before_push() -> None:
    """Docker and podman refuse such a layer; tarfile and gzip do not notice."""
    with pytest.raises(FindingsError, match="SW-1006"):
        _write(Entry("a", content=_content(b"")), Entry("a", content=_content(b"")))


def test_a_directory_after_its_files_is_refused() -> None:
    """A later directory entry would replace the attributes of its parent."""
    with pytest.raises(FindingsError):
        _write(Entry("a/b", content=_content(b"")), Entry("a", Kind.DIRECTORY, 0o1777))


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "./a", "a/../b", "..", "a\0b", "a/.wh.b", ".wh..wh..opq", ".wh.a/b"]
)
def test_whiteout_name_is_refused(path: str) -> None:
    """A path that leaves the root, is no path, or would delete files below is refused."""
    with pytest.raises(WheelError):
        _write(Entry(path, content=_content(b"")))


def test_a_path_that_is_not_utf8_is_refused() -> None:
    """A lone surrogate has no UTF-8 bytes."""
    with pytest.raises(WheelError, match="not UTF-8"):
        _write(Entry("\udc80", content=_content(b"")))


def test_an_entry_below_a_file_is_refused() -> None:
    """A file is nobody's parent."""
    with pytest.raises(WheelError, match="not a directory"):
        _write(Entry("a", content=_content(b"")), Entry("a/b", content=_content(b"")))


@pytest.mark.parametrize("claimed", [0, 4, 6, 1 << 20])
def test_a_file_of_another_size_is_refused(claimed: int) -> None:
    """A file that is shorter or longer than it was said to be never gets into a layer."""
    with pytest.raises(WheelError, match="bytes it was said"):
        _write(Entry("a", content=Content(claimed, lambda: io.BytesIO(b"12345"))))


def test_a_file_with_another_hash_is_refused() -> None:
    """Content that names its SHA-256 must have it."""
    with pytest.raises(WheelError, match="as recorded"):
        _write(Entry("a", content=Content(1, lambda: io.BytesIO(b"x"), sha256="0" * 64)))


def test_a_link_needs_a_target_and_a_file_has_none() -> None:
    """What is neither fish nor fowl is refused."""
    for entry in (Entry("a", Kind.SYMLINK), Entry("a", content=_content(b""), link="b")):
        with pytest.raises(WheelError):
            _write(entry)


def _large() -> bytes:
    return b"0123456789abcdef" * 5000


def test_a_large_deflated_file_is_copied_verbatim() -> None:
    """The DEFLATE bytes of a wheel are in the layer as they are, whatever made them."""
    content = _deflated(_large(), level=1)
    assert content.deflated
    _, data = _write(Entry("a", content=content))
    assert content.deflated().read() in data


def test_system_zlib_is_never_hashed() -> None:
    """Below 64 KiB the wheel's DEFLATE bytes are not used: the pinned encoder's are."""
    small = b"0123456789abcdef" * 4095
    content = _deflated(small, level=1)
    assert content.deflated
    made, data = _write(Entry("a", content=content))
    plain, _ = _write(Entry("a", content=_content(small)))
    assert content.deflated().read() not in data
    assert made.digest == plain.digest


def test_trailing_bytes_after_final_block() -> None:
    """A byte after the last DEFLATE block would end the gzip member too early for its reader."""
    with pytest.raises(WheelError, match="do not match"):
        _write(Entry("a", content=_deflated(_large(), extra=b"x")))


@pytest.mark.parametrize("field", ["size", "crc32", "deflated_size"])
def test_a_lying_directory_is_refused(field: str) -> None:
    """A spliced file whose size, checksum or length is one off is refused."""
    content = _deflated(_large())
    for change in (-1, 1):
        with pytest.raises(WheelError):
            _write(Entry("a", content=replace(content, **{field: getattr(content, field) + change})))


def test_bytes_that_are_not_deflate_are_refused() -> None:
    """Garbage in a wheel is an error with the path, not a broken layer."""
    content = Content(70_000, lambda: io.BytesIO(b""), lambda: io.BytesIO(b"\xff" * 100), 100, 0)
    with pytest.raises(WheelError, match="not DEFLATE"):
        _write(Entry("a", content=content))


def test_splice_stops_below_4_gib() -> None:
    """A gzip member cannot say a size of 4 GiB or more, so such a file is encoded in segments."""
    content = Content(1 << 32, lambda: io.BytesIO(b""), lambda: io.BytesIO(b""))
    assert not can_splice(content)
    assert can_splice(Content((1 << 32) - 1, content.open, content.deflated))
    assert can_splice(Content(65_536, content.open, content.deflated))
    assert not can_splice(Content(65_535, content.open, content.deflated))


def test_a_plain_layer_is_its_own_tar() -> None:
    """Layers of models are not compressed: digest and diffID are one."""
    made, data = _write(Entry("a", content=_deflated(_large())), compression="none")
    assert made.digest == made.diff_id
    assert made.layer("model").descriptor.media_type.endswith(".tar")
    assert len(data) == made.size == made.tar_size


def test_facts_say_what_was_written() -> None:
    """The facts of the walk name every path with mode, size and hash."""
    made, _ = _write(Entry("a/b", mode=0o755, content=_content(b"hi")), Entry("a/l", Kind.SYMLINK, 0o777, link="b"))
    assert [(fact.path, str(fact.kind), fact.size, fact.sha256[:8], fact.link) for fact in made.facts] == [
        ("a", "directory", 0, "", ""),
        ("a/b", "file", 2, "8f434346", ""),
        ("a/l", "symlink", 0, "", "b"),
    ]


def test_a_file_that_inflates_a_thousandfold_is_copied_whole() -> None:
    """Output that the engine still holds when its input is used up is not lost."""
    made, data = _write(Entry("a", content=_deflated(bytes(3 << 20))))
    assert len(gzip.decompress(data)) == made.tar_size


def test_a_bomb_stops_at_its_size() -> None:
    """A member that inflates to more than its directory says is refused before it fills memory."""
    bomb = replace(_deflated(bytes(64 << 20)), size=1 << 16)
    seen = 0
    with pytest.raises(WheelError, match="longer than"):
        for _, plain in inflate(bomb, "a"):
            seen += len(plain)
    assert seen <= 1 << 20
