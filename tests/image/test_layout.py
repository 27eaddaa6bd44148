"""The OCI layout: what is stored is verified, what is broken is said, what nobody names is pruned."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, StoreError
from seaway.image.layout import Layout
from seaway.image.model import CONFIG, LAYER_GZIP, MANIFEST, Descriptor, Platform

pytestmark = pytest.mark.rootless

_NAME = "org.opencontainers.image.ref.name"


def _image(store: Layout, *, diff_ids: int = 1) -> bytes:
    """Puts an image of one layer into a store and returns its manifest."""
    layer = store.put(b"layer")
    ids = [str(Digest.of(b"tar"))] * diff_ids
    config = canonical({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}})
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": Descriptor(CONFIG, store.put(config), len(config)).json(),
            "layers": [Descriptor(LAYER_GZIP, layer, 5).json()],
        }
    )


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """A layout that nobody wrote to is not there."""
    store = Layout(tmp_path / "a" / "oci")
    assert (store.has(Digest.of(b"")), store.manifests(), store.check(), store.prune()) == (False, (), (), 0)
    assert not (tmp_path / "a").exists()


def test_it_is_a_standard_layout(store: Layout) -> None:
    """The version file, the index and the blobs are where the specification has them."""
    digest = store.put(b"x")
    assert json.loads((store.directory / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((store.directory / "index.json").read_bytes())["schemaVersion"] == 2
    assert (store.directory / "blobs" / "sha256" / digest.hex).read_bytes() == b"x"


def test_a_stream_with_another_digest_leaves_nothing(store: Layout) -> None:
    """What was expected and not got is thrown away."""
    with pytest.raises(DigestMismatch):
        store.put_stream(io.BytesIO(b"x"), Digest.of(b"y"))
    assert list((store.directory / "partial").iterdir()) == []
    assert not store.has(Digest.of(b"x"))


def test_a_writer_without_commit_leaves_nothing(store: Layout) -> None:
    """An exception in the middle of a blob is no blob."""
    with pytest.raises(ValueError, match="stop"), store.writer() as writer:
        writer.write(b"half")
        raise ValueError("stop")
    assert list((store.directory / "partial").iterdir()) == []


def test_a_flipped_byte_is_never_returned(store: Layout) -> None:
    """A damaged blob is StoreError when it is read and a sentence when all is checked."""
    digest = store.put(b"precious")
    store.path(digest).write_bytes(b"precioux")
    with pytest.raises(StoreError, match="damaged"):
        store.get(digest)
    assert store.check() == (f"blobs/sha256/{digest.hex}: its bytes have another digest",)


@pytest.mark.parametrize("read", ["get", "open", "size", "manifest", "image"])
def test_an_absent_blob_is_a_store_error(store: Layout, read: str) -> None:
    """Each way to read says that it is not there."""
    with pytest.raises(StoreError, match="not in the store"):
        getattr(store, read)(Digest.of(b"nothing"))


def test_an_image_is_read_back(store: Layout) -> None:
    """Platform, layers and diffIDs come from manifest and config."""
    digest = store.add_manifest(_image(store), {_NAME: "x"}, Platform("linux", "arm64", "v8"))
    image = store.image(digest)
    assert (str(image.platform), image.layers[0].descriptor.digest) == ("linux/amd64", Digest.of(b"layer"))
    entry = json.loads((store.directory / "index.json").read_bytes())["manifests"][0]
    assert entry["platform"] == {"os": "linux", "architecture": "arm64", "variant": "v8"}


@pytest.mark.parametrize("diff_ids", [0, 2])
def test_manifest_and_config_must_fit(store: Layout, diff_ids: int) -> None:
    """As many diffIDs as layers, or it is no image."""
    with pytest.raises(StoreError, match="not an image manifest"):
        store.image(store.add_manifest(_image(store, diff_ids=diff_ids)))


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"schemaVersion":2}'])
def test_what_is_no_manifest_is_no_image(store: Layout, data: bytes) -> None:
    """Other JSON and no JSON are refused."""
    with pytest.raises(StoreError):
        store.image(store.put(data))


def test_a_name_moves_and_a_digest_comes_once(store: Layout) -> None:
    """The index has one entry for a name and one for a digest."""
    first, second = _image(store), canonical({**json.loads(_image(store)), "annotations": {"a": "b"}})
    store.add_manifest(first, {_NAME: "api"})
    store.add_manifest(second, {_NAME: "api"})
    assert [found.digest for found in store.manifests()] == [Digest.of(second)]
    store.add_manifest(second)
    assert len(store.manifests()) == 1


def test_a_damaged_index_is_said(store: Layout) -> None:
    """An index that cannot be read is an error, not an empty store."""
    store.put(b"x")
    (store.directory / "index.json").write_bytes(b"{")
    with pytest.raises(StoreError, match="index is not readable"):
        store.manifests()
    assert store.check()[0].startswith("index.json: the index is not readable")


def test_check_names_what_an_image_lacks(store: Layout) -> None:
    """A layer that an image names and the store lacks is said."""
    store.add_manifest(_image(store))
    store.path(Digest.of(b"layer")).unlink()
    assert store.check() == (f"index.json: {Digest.of(b'layer')} is named and absent",)


def test_prune_keeps_what_is_reached(store: Layout) -> None:
    """Blobs of images and those named stay; orphans and partial files of the dead go."""
    store.add_manifest(_image(store))
    kept, orphan = store.put(b"kept"), store.put(b"orphan")
    (store.directory / "partial" / "dead").write_bytes(b"half")
    (store.directory / ".index.json.1234.partial").write_bytes(b"half")
    assert store.prune([kept]) == len(b"orphan") + 4 + 4
    assert (store.has(kept), store.has(orphan), store.check()) == (True, False, ())
    assert len(store.manifests()) == 1


def test_prune_leaves_a_blob_that_is_being_written(store: Layout) -> None:
    """A partial file whose writer lives is not removed."""
    with store.writer() as writer:
        writer.write(b"alive")
        Layout(store.directory).prune()
        assert writer.commit() == Digest.of(b"alive")


def test_an_index_of_images_is_reached_through(store: Layout) -> None:
    """Pruning follows an index to its manifests and their layers."""
    manifest = _image(store)
    digest = store.put(manifest)
    store.add_manifest(
        canonical({"schemaVersion": 2, "manifests": [Descriptor(MANIFEST, digest, len(manifest)).json()]})
    )
    assert store.prune() == 0
    assert store.has(Digest.of(b"layer"))


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file where the store should be is StoreError with a hint."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        Layout(tmp_path / "file" / "oci").put(b"x")
    assert caught.value.hint
