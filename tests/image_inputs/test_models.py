"""Models and data: their names, and the layers they become."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.web import Reply, serve

from seaway.digest import Digest
from seaway.errors import DigestMismatch, LockError, NotYet, RegistryError, SourceMissing
from seaway.image.layout import Layout
from seaway.image.material import Material, MaterialFile, oms_root, read_material
from seaway.image.model import LAYER_GZIP, LAYER_TAR, Content
from seaway.image.models import SMALL, data_layers, model_layers, split

pytestmark = pytest.mark.rootless


def file(path: str, size: int) -> MaterialFile:
    """Returns a file of a size whose bytes nobody reads."""
    return MaterialFile(path, Content(size, io.BytesIO))


def material(tmp_path: Path, **files: str) -> Material:
    """Writes files and reads them as material."""
    for name, text in files.items():
        path = tmp_path / "m" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_material("m", project=tmp_path, cache=tmp_path / "cache")


def test_a_directory_is_named_by_its_root(tmp_path: Path) -> None:
    """SHA-256 over the raw digests in the order of the names (OMS v1.0)."""
    found = material(tmp_path, b="2", a="1", sub__c="3")
    raw = b"".join(hashlib.sha256(text).digest() for text in (b"1", b"2", b"3"))
    assert found.root == found.digest == Digest(hashlib.sha256(raw).hexdigest())
    assert ([one.path for one in found.files], found.size) == (["a", "b", "sub/c"], 3)


@given(st.dictionaries(st.text("ab-/.", min_size=1, max_size=4), st.binary(max_size=3), max_size=5), st.randoms())
def test_a_root_depends_on_names_and_bytes_alone(files: dict[str, bytes], random: object) -> None:
    """In whatever order files come, the root is one."""
    pairs = [(name, Digest.of(data)) for name, data in files.items()]
    expected = oms_root(pairs)
    random.shuffle(pairs)  # type: ignore[attr-defined]
    assert oms_root(pairs) == expected
    assert expected == Digest.of(b"".join(Digest.of(files[name]).raw for name in sorted(files)))


def test_version_control_data_is_no_model(tmp_path: Path) -> None:
    """OMS ignores git's own files at the root, and no others."""
    found = material(tmp_path, a="1", **{".git__config": "x", ".gitignore": "x", "sub__.gitignore": "y"})
    assert [one.path for one in found.files] == ["a", "sub/.gitignore"]


def test_symlinks_among_model_files_are_refused(tmp_path: Path) -> None:
    """A link's target is not in the model."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "link").symlink_to("/etc/passwd")
    with pytest.raises(LockError, match="symlink"):
        material(tmp_path, a="1")


def test_a_file_is_named_by_its_own_digest(tmp_path: Path) -> None:
    """One file: its SHA-256, and a root over one."""
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    found = read_material("model.onnx", project=tmp_path, cache=tmp_path)
    assert found.digest == Digest.of(b"onnx")
    assert found.root == oms_root([("model.onnx", found.digest)])


@pytest.mark.parametrize("uri", ["none", "empty"])
def test_nothing_is_no_model(tmp_path: Path, uri: str) -> None:
    """A path that is not there, or holds nothing, is an error."""
    (tmp_path / "empty").mkdir()
    with pytest.raises((SourceMissing, LockError)):
        read_material(uri, project=tmp_path, cache=tmp_path)


def test_other_bytes_than_pinned_are_refused(tmp_path: Path) -> None:
    """A model that changed on disk is not the one that was locked."""
    first = material(tmp_path, a="1")
    assert (
        read_material("m", project=tmp_path, cache=tmp_path, pinned=first.digest)
        == first.__class__(
            first.uri, first.digest, first.root, read_material("m", project=tmp_path, cache=tmp_path).files
        )
        or first.root == read_material("m", project=tmp_path, cache=tmp_path, pinned=first.digest).root
    )
    (tmp_path / "m" / "a").write_text("2")
    with pytest.raises(DigestMismatch, match=f"expected {first.digest}"):
        read_material("m", project=tmp_path, cache=tmp_path, pinned=first.digest)


def test_a_file_of_the_web_is_fetched_by_digest(tmp_path: Path) -> None:
    """With a digest the cache answers; other bytes are refused and not kept."""
    with serve(lambda request: Reply(200, b"weights")) as web:
        uri = f"{web.url}/dir/model%20a.bin?x=1"
        found = read_material(uri, project=tmp_path, cache=tmp_path)
        assert ([one.path for one in found.files], found.digest) == (["model a.bin"], Digest.of(b"weights"))
        read_material(uri, project=tmp_path, cache=tmp_path, pinned=found.digest)
        before = len(web.seen)
        read_material(uri, project=tmp_path, cache=tmp_path, pinned=found.digest)
        assert len(web.seen) == before
        next((tmp_path / "materials" / found.digest.hex).iterdir()).write_bytes(b"rot")
        assert read_material(uri, project=tmp_path, cache=tmp_path, pinned=found.digest).digest == found.digest
        with pytest.raises(DigestMismatch):
            read_material(uri, project=tmp_path, cache=tmp_path, pinned=Digest.of(b"x"))
    with pytest.raises(LockError, match="https only"):
        read_material("http://models.example/x", project=tmp_path, cache=tmp_path)


def test_a_missing_file_of_the_web_is_an_error(tmp_path: Path) -> None:
    """404 is the registry's answer."""
    with serve(lambda request: Reply(404)) as web, pytest.raises(RegistryError, match="404"):
        read_material(f"{web.url}/x", project=tmp_path, cache=tmp_path)


def test_a_model_of_a_registry_is_to_come(tmp_path: Path) -> None:
    """What is not done yet is said."""
    with pytest.raises(NotYet):
        read_material("oci://registry.example/m@sha256:00", project=tmp_path, cache=tmp_path)


def test_small_files_share_a_layer_and_large_ones_have_their_own() -> None:
    """By path, the small ones first."""
    files = [file("z.json", 10), file("b.bin", SMALL), file("a.bin", SMALL + 1), file("c.json", SMALL - 1)]
    assert [[one.path for one in group] for group in split(files)] == [["z.json", "c.json"], ["a.bin"], ["b.bin"]]


@given(st.integers(min_value=0, max_value=100))
def test_a_model_of_many_parts_has_at_most_seventeen_layers(count: int) -> None:
    """More than sixteen large files come ceil(n/16) to a layer, in order."""
    groups = split([file("s", 1), *(file(f"{n:03}", SMALL) for n in range(count))])
    assert [one.path for group in groups[1:] for one in group] == [f"{n:03}" for n in range(count)]
    assert len(groups) <= 17
    assert all(len(group) == -(-count // 16) for group in groups[1:-1])


def test_a_model_is_a_plain_tar_and_data_is_compressed(tmp_path: Path, store: Layout) -> None:
    """Weights do not compress; both lie below opt."""
    found = material(tmp_path, weights="w" * 1000, sub__x="1")
    (model,) = model_layers("encoder", found, store)
    (data,) = data_layers("prompts", found, store)
    assert (model.descriptor.media_type, data.descriptor.media_type) == (LAYER_TAR, LAYER_GZIP)
    assert model.descriptor.digest == model.diff_id
    assert model.created_by == "seaway: model encoder"
    assert b"opt/models/encoder/sub/x" in store.get(model.descriptor.digest)


def test_edit_never_touches_models(tmp_path: Path, store: Layout) -> None:
    """The same files give the same layer from the record, without being read."""
    found = material(tmp_path, weights="w")
    first = model_layers("m", found, store)
    (tmp_path / "m" / "weights").unlink()
    assert model_layers("m", found, store) == first
    assert model_layers("m", found, Layout(tmp_path / "oci")) == first


def test_a_layer_that_was_pruned_is_made_again(tmp_path: Path, store: Layout) -> None:
    """A record without its bytes is no layer."""
    found = material(tmp_path, weights="w")
    (layer,) = model_layers("m", found, store)
    store.path(layer.descriptor.digest).unlink()
    assert model_layers("m", found, store) == (layer,)
    assert store.has(layer.descriptor.digest)


def test_a_model_that_changes_while_it_is_written_is_refused(tmp_path: Path, store: Layout) -> None:
    """What was hashed is what is written."""
    found = material(tmp_path, weights="w")
    (tmp_path / "m" / "weights").write_text("x")
    with pytest.raises(Exception, match="sha256"):
        model_layers("m", found, store)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_a_name_is_one_directory(tmp_path: Path, store: Layout, name: str) -> None:
    """A model's name cannot leave opt/models."""
    with pytest.raises(LockError, match="cannot name"):
        model_layers(name, material(tmp_path, a="1"), store)
