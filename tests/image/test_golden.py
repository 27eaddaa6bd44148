"""The golden vectors of profile 1: if one of these changes, every image digest in the world changes."""

from __future__ import annotations

import hashlib
import io
import zlib

import pytest

from seaway.errors import ToolMissing
from seaway.image import splice
from seaway.image.layer import WrittenLayer, header, write_layer
from seaway.image.model import Content, Entry, Kind

pytestmark = pytest.mark.rootless

_EXPECTED_LAYER_ONE = "09efac95cc52309741aa0e0b41eac4268ccbf97b16edcf4ea488489e237693fd"
_ZEROS = bytes(5_242_880)


def _written(path: str, data: bytes, gzip: str = "members") -> tuple[WrittenLayer, bytes]:
    sink = io.BytesIO()
    content = Content(len(data), lambda: io.BytesIO(data))
    return write_layer([Entry(path, content=content)], sink, gzip=gzip), sink.getvalue()


def test_directory_header_of_opt() -> None:
    """The header of `opt/` has the published sha256."""
    found = hashlib.sha256(header(Entry("opt", Kind.DIRECTORY, 0o755), "opt/", 0)).hexdigest()
    assert found == "234c75a43c68832e3f38fb9646fa721a64b5e7a6f0c1a9ff9f6d27a7cf21f2bb"


def test_layer_of_one_small_file() -> None:
    """The layer with `opt/app/hello.txt` alone has the published sizes, digest and diffID."""
    written, data = _written("opt/app/hello.txt", b"hello\n")
    assert (written.tar_size, written.size, len(data)) == (3072, 145, 145)
    assert written.digest.hex == hashlib.sha256(data).hexdigest() == _EXPECTED_LAYER_ONE
    assert written.diff_id.hex == "e5425044950f4ed04bf8b9772a511cf0e8bd0c6f162554e5dce9ddb5a227cede"


def test_a_segment_closes_at_exactly_four_mebibytes() -> None:
    """Five mebibytes of zeros give two members of the published size and digest."""
    written, data = _written("opt/app/zeros", _ZEROS)
    assert (written.size, len(data)) == (5470, 5470)
    assert written.digest.hex == "cdb3ca4703edf59852caed2b5f34522d13d56a1dc991aa60d2b5942237da9830"


def test_single_is_one_member_with_the_same_diff_id() -> None:
    """`single` gives one member of the published size and digest over the same tar."""
    members, _ = _written("opt/app/zeros", _ZEROS)
    single, data = _written("opt/app/zeros", _ZEROS, "single")
    assert (single.size, len(data)) == (5435, 5435)
    assert single.digest.hex == "90275d4fbfd7a8e1090bdbfcfea6e723d49915dafe9c3348f67f37c77af22260"
    assert single.diff_id == members.diff_id


def test_single_equals_members_where_there_is_one_segment() -> None:
    """A layer of one segment has the same bytes either way."""
    assert _written("opt/app/hello.txt", b"hello\n", "single")[0].digest.hex == _EXPECTED_LAYER_ONE


def test_the_encoder_gives_its_known_answer() -> None:
    """The pinned encoder turns the probe into 534,129 bytes of the published sha256."""
    probe = b"".join(hashlib.sha256(i.to_bytes(8, "little")).hexdigest().encode() for i in range(16384))
    found = splice.encode(probe)
    assert len(found) == 534_129
    assert hashlib.sha256(found).hexdigest() == "5d83f3753a40c225040f9e3284f88379bcd37aa3e3e148cbcf5beed6a75aa22a"


def test_another_encoder_refuses_to_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder with other bytes stops before the first member, without a fallback."""
    monkeypatch.setattr(splice, "encode", lambda data: zlib.compress(data, 6)[2:-4])
    splice.check_encoder.cache_clear()
    with pytest.raises(ToolMissing, match="other bytes"):
        _written("opt/app/hello.txt", b"hello\n")
    monkeypatch.undo()
    splice.check_encoder.cache_clear()
