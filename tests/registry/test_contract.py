"""What every registry does for us, held against one in memory and two real ones."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, RegistryError, StoreError
from seaway.image.layout import Layout
from seaway.image.model import INDEX, MANIFEST, Descriptor, Image
from seaway.image.referrers import attach, list_referrers, referrer_tag
from seaway.image.registry import read_object
from seaway.image.transfer import pull_all, push
from seaway.image.upload import How, Upload
from tests.image_inputs.builders import put_image, put_layer, text
from tests.registry.conftest import Place, make_image
from tests.registry.wire import wire_to

pytestmark = pytest.mark.rootless


def index_of(store: Layout, *images: Image) -> Digest:
    """Puts an index over images into a store, as a bundle is one."""
    entries = [Descriptor(MANIFEST, one.digest, store.size(one.digest)).json() for one in images]
    return store.add_manifest(canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))


def test_an_image_comes_back_as_it_went(place: Place, store: Layout, image: Image, tmp_path: Path) -> None:
    """Pushed by digest, pulled by digest, whole and equal."""
    pushed = push(place.repository(), image.digest, store)
    back = Layout(tmp_path / "back")
    assert pull_all(place.repository(writes=False), str(image.digest), back) == image.digest
    assert back.image(image.digest) == image
    assert back.check() == ()
    assert pushed.sent == store.size(image.config_digest) + sum(layer.descriptor.size for layer in image.layers)
    assert pushed.blobs[How.SENT] == 3


def test_an_index_takes_all_it_names_along(place: Place, store: Layout, tmp_path: Path) -> None:
    """Two images below one index, in one push and one pull."""
    index = index_of(store, make_image(store, "one"), make_image(store, "two"))
    push(place.repository(), index, store)
    back = Layout(tmp_path / "back")
    pull_all(place.repository(), str(index), back)
    assert back.check() == ()
    assert set(read_object(back.get(index), "")["manifests"][0]) >= {"digest", "size"}


def test_a_second_push_sends_nothing(place: Place, store: Layout, image: Image) -> None:
    """What is there stays where it is."""
    push(place.repository(), image.digest, store)
    assert push(place.repository(), image.digest, store).sent == 0


def test_a_layer_of_another_repository_is_mounted(place: Place, store: Layout, image: Image) -> None:
    """A base that the registry has is not sent again."""
    push(place.repository("base"), image.digest, store)
    origins = {layer.descriptor.digest: f"{place.prefix}/base" for layer in image.layers}
    pushed = push(place.repository("app"), image.digest, store, origins=origins)
    assert pushed.sent <= store.size(image.config_digest)
    assert pushed.blobs.get(How.MOUNTED, 0) == (2 if place.mounts else 0)
    pull_all(place.repository("app"), str(image.digest), Layout(store.directory.parent / "back"))


def test_an_origin_that_has_nothing_costs_nothing(place: Place, store: Layout, image: Image) -> None:
    """A mount that is not there becomes an upload."""
    origins = {layer.descriptor.digest: f"{place.prefix}/nothing" for layer in image.layers}
    assert push(place.repository(), image.digest, store, origins=origins).blobs[How.SENT] == 3


@pytest.mark.usefixtures("in_chunks")
def test_a_large_blob_goes_in_chunks(place: Place, store: Layout, image: Image, tmp_path: Path) -> None:
    """Five chunks, and the bytes are the same."""
    push(place.repository(), image.digest, store)
    back = Layout(tmp_path / "back")
    pull_all(place.repository(), str(image.digest), back)
    assert back.check() == ()


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize("after", [20_000, 150_000])
def test_a_push_goes_on_after_a_cut(place: Place, store: Layout, image: Image, after: int) -> None:
    """A line that breaks in the middle of a blob costs a try, not the push."""
    with wire_to(place.host) as wire:
        wire.cuts = [after, 20_000]
        push(place.repository(host=wire.host), image.digest, store)
    assert wire.broken == 2
    pull_all(place.repository(), str(image.digest), Layout(store.directory.parent / "back"))


def test_an_interrupted_push_goes_on(place: Place, store: Layout, image: Image) -> None:
    """What a broken push has brought is not sent again, and until the end nothing names it."""
    registry = place.repository()
    layer = image.layers[0].descriptor
    Upload(registry, layer, lambda: store.open(layer.digest)).send()
    assert registry.find_manifest(str(image.digest)) is None
    assert push(place.repository(), image.digest, store).blobs[How.PRESENT] == 1


def test_bytes_that_are_not_the_blob_are_refused(place: Place, store: Layout) -> None:
    """A damaged store is found by the registry, and said to be ours."""
    blob = Descriptor("application/octet-stream", store.put(b"right"), 5)
    store.path(blob.digest).write_bytes(b"wrong")
    with pytest.raises(StoreError, match="damaged here"):
        Upload(place.repository(), blob, lambda: store.open(blob.digest)).send()
    assert not place.repository().has(blob)


def test_a_blob_of_another_size_is_no_blob(place: Place, store: Layout) -> None:
    """A descriptor whose size is wrong is not taken for what is there."""
    blob = Descriptor("application/octet-stream", store.put(os.urandom(9)), 9)
    Upload(place.repository(), blob, lambda: store.open(blob.digest)).send()
    with pytest.raises(DigestMismatch, match="says 9 bytes where there are 8"):
        place.repository().has(Descriptor(blob.media_type, blob.digest, 8))


def test_a_tag_never_moves(place: Place, store: Layout) -> None:
    """It is given once; the same again is no change, another is refused."""
    one, two = make_image(store, "one"), make_image(store, "two")
    registry = place.repository()
    for each in (one, two):
        push(registry, each.digest, store)
    assert registry.tag("v1", one.digest)
    assert not registry.tag("v1", one.digest)
    with pytest.raises(RegistryError, match=f"the tag v1 is {one.digest} and not"):
        registry.tag("v1", two.digest)
    assert Digest.of(registry.read_manifest("v1")) == one.digest


def test_what_is_not_there_is_said(place: Place, store: Layout, image: Image) -> None:
    """A manifest and a blob that nobody pushed."""
    with pytest.raises(RegistryError, match="404: MANIFEST_UNKNOWN"):
        pull_all(place.repository(), str(image.digest), store)
    assert not place.repository().has(image.layers[0].descriptor)


def referrer(store: Layout, image: Image, text: str, kind: str = "application/vnd.test.one") -> bytes:
    """Returns a manifest that names an image as its subject, its parts in the store."""
    blob = store.put(text.encode())
    empty = store.put(b"{}")
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": Descriptor("application/vnd.oci.empty.v1+json", empty, 2).json(),
            "layers": [Descriptor(kind, blob, len(text)).json()],
            "subject": Descriptor(MANIFEST, image.digest, store.size(image.digest)).json(),
            "annotations": {"name": text},
        }
    )


def bring(place: Place, store: Layout, image: Image, *manifests: bytes) -> None:
    """Pushes what referrers consist of, and attaches them."""
    registry = place.repository()
    for data in manifests:
        body = read_object(data, "")
        for part in (body["config"], *body["layers"]):
            blob = Descriptor(part["mediaType"], Digest.parse(part["digest"]), part["size"])
            if not registry.has(blob):
                Upload(registry, blob, lambda blob=blob: store.open(blob.digest)).send()  # type: ignore[misc]
    attach(registry, image.digest, manifests)


def test_what_is_attached_is_listed(place: Place, store: Layout, image: Image) -> None:
    """Through the API, through a tag where there is none, and over its pages."""
    push(place.repository(), image.digest, store)
    assert list_referrers(place.repository(), image.digest) == ()
    made = [referrer(store, image, f"number {number}") for number in range(5)]
    bring(place, store, image, *made[:2])
    bring(place, store, image, *made[1:])
    listed = list_referrers(place.repository(), image.digest)
    assert {one.descriptor.digest for one in listed} == {Digest.of(data) for data in made}
    assert len(listed) == 5


def test_fallback_index_carries_artifact_type(place: Place, store: Layout, image: Image) -> None:
    """Without the API the tag's index says what kind each is, and with it there is no such tag."""
    push(place.repository(), image.digest, store)
    bring(place, store, image, referrer(store, image, "one"))
    data = place.repository().find_manifest(referrer_tag(image.digest))
    assert (data is None) is place.referrers
    if data is not None:
        entry = read_object(data, "")["manifests"][0]
        assert (entry["artifactType"], entry["annotations"]) == ("application/vnd.test.one", {"name": "one"})


def test_concurrent_fallback_writers_lose_nothing(place: Place, store: Layout, image: Image) -> None:
    """Three writers at once, and all that they attached is listed."""
    push(place.repository(), image.digest, store)
    made = [referrer(store, image, f"writer {number}") for number in range(3)]
    writers = [threading.Thread(target=bring, args=(place, store, image, data)) for data in made]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    listed = {one.descriptor.digest for one in list_referrers(place.repository(), image.digest)}
    assert listed == {Digest.of(data) for data in made}


def test_sharing_layers_sends_them_once(place: Place, store: Layout) -> None:
    """A layer that two images of a bundle have goes once."""
    shared = put_layer(store, text("shared", os.urandom(50 << 10)))
    both = [put_image(store, shared, put_layer(store, text("own", name)), tag=name) for name in ("one", "two")]
    pushed = push(place.repository(), index_of(store, *both), store)
    assert sum(pushed.blobs.values()) == 5
