"""Rebuild-and-compare and the comparison of two images, on real builds."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.app.service_keys import LayerKeys
from seaway.digest import Digest, canonical
from seaway.errors import NotReproduced
from seaway.image.build import BuildRequest, Built, build
from seaway.image.config import Run
from seaway.image.diff import compare
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.model import LAYER_TAR, Base, Content, Descriptor, Entry, Kind, Layer, LockedWheel
from seaway.image.verify import verify_build
from seaway.image.wheelhouse import Places

pytestmark = pytest.mark.rootless


class Shop:
    """One request, its store and places."""

    def __init__(self, store: Layout, base: Base, wheels: tuple[LockedWheel, ...]) -> None:
        self.store, self.root = store, store.directory.parent
        self.places = Places(self.root / "wheels", self.root / "cache")
        self.request = BuildRequest("api", base, wheels, app(b"1"), Run(cmd=("python",)))

    def build(self, **changes: object) -> Built:
        return build(replace(self.request, **changes), self.store, places=self.places)  # type: ignore[arg-type]

    def verify(self, built: Built, **changes: object) -> Built:
        request = replace(self.request, **changes)  # type: ignore[arg-type]
        fresh = Layout(self.root / "fresh")
        return verify_build(request, built.image.digest, self.store, fresh=fresh, places=self.places)


def app(data: bytes, mode: int = 0o644, name: str = "main.py") -> tuple[Entry, ...]:
    return (Entry(f"opt/app/{name}", mode=mode, content=Content(len(data), lambda: io.BytesIO(data))),)


@pytest.fixture
def shop(
    store: Layout,
    base_in: Callable[[Layout], Base],
    wheel: Callable[..., Path],
    lock_wheel: Callable[..., LockedWheel],
) -> Shop:
    """Returns a shop whose image has one wheel."""
    return Shop(store, base_in(store), (lock_wheel(wheel()),))


def test_the_same_request_is_reproduced(shop: Shop) -> None:
    """A rebuild from nothing but source, lock and wheels gives the digest."""
    built = shop.build()
    assert shop.verify(built).image.digest == built.image.digest


def test_a_poisoned_record_is_found(shop: Shop) -> None:
    """A layer that a record smuggles in is named with its first entry that differs."""
    honest = shop.build()
    layer = honest.wheel_layers[0]
    with shop.store.writer() as writer:
        written = write_layer(app(b"evil", name="evil.py"), writer)
        writer.commit(written.digest)
    poisoned = replace(layer.record, layer=written.layer(layer.planned.name))
    shop.store.index_layer(layer.key, canonical(poisoned.json()))
    built = shop.build()
    assert built.image.digest != honest.image.digest
    with pytest.raises(NotReproduced, match=r"layer 3 \(bucket 4\): header differs, expected opt/app, got opt/venv"):
        shop.verify(built)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"app": app(b"2")}, "opt/app/main.py: payload differs"),
        ({"app": app(b"1", 0o755)}, "opt/app/main.py: header differs, expected file 0644 1, got file 0755 1"),
        ({"app": app(b"1", name="other.py")}, "header differs, expected opt/app/main.py, got opt/app/other.py"),
        ({"app": (*app(b"1"), *app(b"1", name="z"))}, "header differs, expected no entry, got opt/app/z"),
        ({"run": Run(cmd=("python3",))}, "config: config differs"),
    ],
)
def test_the_first_difference_is_named(shop: Shop, changes: dict[str, object], says: str) -> None:
    """Which layer, which entry, and whether header or payload differ."""
    with pytest.raises(NotReproduced, match=says):
        shop.verify(shop.build(), **changes)


def test_another_encoding_of_the_same_tar_is_named_so(shop: Shop) -> None:
    """Equal diffIDs with unequal digests differ in encoding alone."""
    large = app(bytes(5 << 20))
    built = shop.build(app=large)
    with pytest.raises(NotReproduced, match=r"layer 4 \(app\): encoding differs"):
        shop.verify(built, app=large, layers=LayerKeys(gzip="single"))


def test_equal_images_are_equal(shop: Shop) -> None:
    """An image compared with itself differs in nothing and costs nothing to pull."""
    image = shop.build().image
    found = compare(image, image, shop.store)
    assert (found.is_equal, found.pull, found.shared) == (True, 0, 4)


def test_a_diff_names_packages_files_and_config(
    shop: Shop, wheel: Callable[..., Path], lock_wheel: Callable[..., LockedWheel]
) -> None:
    """A bump shows as a package, an edit as a file, an option as config; the pull is the changed layers."""
    before = shop.build().image
    after = shop.build(
        wheels=(lock_wheel(wheel(version="2.0")),), app=app(b"2"), run=Run(cmd=("python",), env={"A": "1"})
    ).image
    found = compare(before, after, shop.store)
    assert [(change.name, change.before, change.after) for change in found.packages] == [("demo", "1.0", "2.0")]
    assert "opt/app/main.py" in {change.name for change in found.files}
    assert [change.name for change in found.config] == ["Env.A"]
    changed = [layer.descriptor.size for layer in after.layers if layer not in before.layers]
    assert (found.shared, found.pull, len(changed)) == (2, sum(changed), 2)


def test_a_layer_that_cannot_be_read_is_never_equal(shop: Shop) -> None:
    """A missing layer is unreadable, a state of its own."""
    image = shop.build().image
    shop.store.path(image.layers[0].descriptor.digest).unlink()
    found = compare(image, image, shop.store)
    assert not found.is_equal
    assert "not in the store" in found.unreadable[0]


def test_whiteouts_are_honoured(shop: Shop) -> None:
    """A file that a layer above deletes is not in the image."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("usr/bin/.wh.python3.11"))
    digest = shop.store.put(data.getvalue())
    layer = Layer(Descriptor(LAYER_TAR, digest, len(data.getvalue())), Digest.of(b""), 0, "x")
    image = shop.build().image
    found = compare(image, replace(image, layers=(*image.layers, layer)), shop.store)
    assert [(change.name, change.after) for change in found.files] == [("usr/bin/python3.11", "")]
    assert Kind.FILE in found.files[0].before
