"""A bundle's digest is a function of what is released, and of nothing else."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.bundle import (
    BUNDLE,
    SERVICE,
    SOURCES,
    Bundle,
    ImageReference,
    Reference,
    Role,
    SourceFile,
    make_bundle,
    read_bundle,
)
from seaway.digest import Digest, canonical
from seaway.errors import ConsistencyError, StoreError
from seaway.image.layout import Layout
from seaway.image.model import INDEX

pytestmark = pytest.mark.rootless


class Memory:
    """A blob store in a dictionary, in the order of the writes."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}

    def put(self, data: bytes) -> Digest:
        digest = Digest.of(data)
        self.blobs[digest] = data
        return digest

    def get(self, digest: Digest) -> bytes:
        try:
            return self.blobs[digest]
        except KeyError:
            raise StoreError(f"{digest.short} is not here") from None

    def open(self, digest: Digest) -> BinaryIO:
        return io.BytesIO(self.get(digest))

    def has(self, digest: Digest) -> bool:
        return digest in self.blobs

    def add_manifest(self, data: bytes, annotations: Mapping[str, str] | None = None) -> Digest:
        return self.put(data)


API = ImageReference(Digest.of(b"api"), 700)
DATABASE = ImageReference(Digest.of(b"db"), repository="registry.example/postgres")
MODEL = Reference("model", "oci://models/encoder", Digest.of(b"weights"), ImageReference(Digest.of(b"model"), 412))
FAQ = Reference("data", "s3://data.example/faq", Digest.of(b"faq"), more={"licence": "CC-BY-4.0", "personal": False})
COMPOSE = SourceFile("compose.yaml", Role.COMPOSE, b"services: {}\n")
SECRET = SourceFile(".env.prod", Role.SECRET_ENV, names=("DATABASE_URL", "API_KEY"))


def bundle_of(store: Memory, *sources: SourceFile) -> Bundle:
    return make_bundle(
        "shop",
        {"api": API, "db": DATABASE},
        sources=sources or (COMPOSE, SECRET),
        references={"encoder": MODEL, "faq": FAQ},
        store=store,
    )


def test_what_was_made_is_read_back_equal() -> None:
    """A bundle read by its digest equals the one that was made."""
    store = Memory()
    made = bundle_of(store)
    assert read_bundle(store, made.digest) == made


def test_an_oci_layout_keeps_a_bundle(tmp_path: Path) -> None:
    """The store of images takes a bundle, names it in its index and gives it back equal."""
    layout = Layout(tmp_path / "oci")
    made = make_bundle("shop", {"db": DATABASE}, sources=[COMPOSE], references={"faq": FAQ}, store=layout)
    assert read_bundle(layout, made.digest) == made
    assert [descriptor.digest for descriptor in layout.manifests()] == [made.digest]
    assert layout.check() == ()


def test_the_bytes_are_the_recorded_ones() -> None:
    """The digest of a known bundle never changes: others hold it."""
    store = Memory()
    assert str(bundle_of(store).digest) == GOLDEN


def test_the_index_lists_every_part_that_must_travel() -> None:
    """Sources first, own images by service, models by reference; an image of others is named in the config alone."""
    store = Memory()
    index = json.loads(store.get(bundle_of(store).digest))
    assert (index["artifactType"], index["mediaType"]) == (BUNDLE, INDEX)
    assert index["manifests"][0]["artifactType"] == SOURCES
    notes = [manifest["annotations"] for manifest in index["manifests"][1:]]
    assert notes == [{"dev.seaway.service": "api"}, {"dev.seaway.reference": "encoder"}]


def test_a_secret_env_file_leaves_only_its_names() -> None:
    """The record of a secret env file is its path and sorted names, without a hash that could be guessed back."""
    store = Memory()
    secret = next(source for source in bundle_of(store).sources if source.role is Role.SECRET_ENV)
    assert secret.json() == {"path": ".env.prod", "role": "secret-env", "names": ["API_KEY", "DATABASE_URL"]}


def test_equal_files_are_one_layer() -> None:
    """Two paths with the same bytes are stored once and recorded twice."""
    store = Memory()
    made = bundle_of(store, COMPOSE, SourceFile("other.yaml", Role.OVERRIDE, COMPOSE.data))
    manifest = json.loads(store.get(Digest.parse(json.loads(store.get(made.digest))["manifests"][0]["digest"])))
    assert len(manifest["layers"]) == 1
    assert len(made.sources) == 2


def test_the_index_is_written_last() -> None:
    """A crash before the last write leaves no index, so no half bundle can be named."""
    store = Memory()
    made = bundle_of(store)
    assert list(store.blobs)[-1] == made.digest


REFUSED: list[tuple[str, SourceFile]] = [
    ("absolute", SourceFile("/etc/compose.yaml", Role.COMPOSE, b"x")),
    ("windows", SourceFile("a\\b.yaml", Role.COMPOSE, b"x")),
    ("dots inside", SourceFile("a/../b.yaml", Role.COMPOSE, b"x")),
    ("here", SourceFile("./b.yaml", Role.COMPOSE, b"x")),
    ("empty part", SourceFile("a//b.yaml", Role.COMPOSE, b"x")),
    ("empty", SourceFile("", Role.COMPOSE, b"x")),
    ("control", SourceFile("a\nb", Role.COMPOSE, b"x")),
    ("secret bytes", SourceFile(".env", Role.SECRET_ENV, b"KEY=hunter2")),
    ("no bytes", SourceFile("compose.yaml", Role.COMPOSE)),
    ("names beside bytes", SourceFile("compose.yaml", Role.COMPOSE, b"x", ("KEY",))),
    ("only secrets", SECRET),
]


@pytest.mark.parametrize("source", [case[1] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_doubtful_source_is_refused_and_nothing_is_stored(source: SourceFile) -> None:
    """Bad input changes nothing."""
    store = Memory()
    with pytest.raises(ConsistencyError):
        bundle_of(store, source)
    assert not store.blobs


def test_a_path_twice_is_refused() -> None:
    """One path has one content."""
    with pytest.raises(ConsistencyError, match="twice"):
        bundle_of(Memory(), COMPOSE, SourceFile("compose.yaml", Role.OVERRIDE, b"other"))


def test_a_source_beside_the_project_is_allowed() -> None:
    """Leading `..` names a neighbour directory on any host alike."""
    assert bundle_of(Memory(), SourceFile("../shared/base.yaml", Role.COMPOSE, b"x")).sources[0].path.startswith("..")


@pytest.mark.parametrize(
    "image",
    [
        ImageReference(Digest.of(b"api"), 0),
        ImageReference(Digest.of(b"api"), 7, media_type="text/plain"),
        ImageReference(Digest.of(b"api"), repository=""),
    ],
    ids=["no size", "odd type", "no repository"],
)
def test_an_image_that_cannot_be_listed_is_refused(image: ImageReference) -> None:
    """An own image needs its manifest's type and size, an image of others its repository."""
    with pytest.raises(ConsistencyError):
        make_bundle("shop", {"api": image}, sources=[COMPOSE], references={}, store=Memory())


@pytest.mark.parametrize(("app", "service"), [("", "api"), ("shop", "")])
def test_an_empty_name_is_refused(app: str, service: str) -> None:
    """Nothing without a name is released."""
    with pytest.raises(ConsistencyError, match="empty name"):
        make_bundle(app, {service: API}, sources=[COMPOSE], references={}, store=Memory())


Edit = Callable[[dict[str, list[dict[str, object]]]], object]
EDITS: list[tuple[str, Edit]] = [
    ("a foreign key", lambda index: index.update(extra=[])),
    ("no manifests", lambda index: index.pop("manifests")),
    ("an image dropped", lambda index: index["manifests"].pop(1)),
    ("an image swapped", lambda index: index["manifests"][1].update(digest=str(Digest.of(b"evil")))),
    ("a service renamed", lambda index: index["manifests"][1].update(annotations={SERVICE: "web"})),
    ("a size that is text", lambda index: index["manifests"][1].update(size="700")),
    ("a size that is a truth", lambda index: index["manifests"][1].update(size=True)),
    ("a digest that is a number", lambda index: index["manifests"][1].update(digest=1)),
    ("another order", lambda index: index["manifests"].append(index["manifests"].pop(1))),
    ("an extra image", lambda index: index["manifests"].append(dict(index["manifests"][1]))),
    ("manifests that are no list", lambda index: index.update(manifests={})),  # type: ignore[call-overload]
    ("manifests that are no objects", lambda index: index.update(manifests=[1])),  # type: ignore[list-item]
]


@pytest.mark.parametrize("edit", [case[1] for case in EDITS], ids=[case[0] for case in EDITS])
def test_an_edited_index_is_refused(edit: Edit) -> None:
    """What Seaway would not write for the same contents is no bundle, even under its own digest."""
    store = Memory()
    index = json.loads(store.get(bundle_of(store).digest))
    edit(index)
    with pytest.raises(StoreError):
        read_bundle(store, store.put(canonical(index)))


CONFIGS: list[tuple[str, Callable[[Any], object]]] = [
    ("an app that is no text", lambda config: config.update(app=["shop"])),
    ("an app without a name", lambda config: config.update(app="")),
    ("names in another order", lambda config: config["sources"][0]["names"].reverse()),
    ("a path of a host", lambda config: config["sources"][1].update(path="/compose.yaml")),
    ("a path twice", lambda config: config["sources"][0].update(path="compose.yaml")),
    ("no source but secrets", lambda config: config["sources"].pop()),
    ("another version", lambda config: config.update(version=[])),
    ("a source of an unknown role", lambda config: config["sources"][0].update(role="poem")),
    ("a source that is not stored", lambda config: config["sources"][1].update(sha256="0" * 64)),
    ("a secret with a hash", lambda config: config["sources"][0].update(sha256="0" * 64)),
    ("sources in another order", lambda config: config["sources"].reverse()),
    ("a host", lambda config: config.update(host=[])),
]


@pytest.mark.parametrize("edit", [case[1] for case in CONFIGS], ids=[case[0] for case in CONFIGS])
def test_an_edited_config_is_refused(edit: Callable[[Any], object]) -> None:
    """The config is checked too, however consistently the manifests around it were rewritten."""
    store = Memory()
    index = json.loads(store.get(bundle_of(store).digest))
    manifest = json.loads(store.get(Digest.parse(index["manifests"][0]["digest"])))
    config = json.loads(store.get(Digest.parse(manifest["config"]["digest"])))
    edit(config)
    for outer, inner in ((manifest["config"], config), (index["manifests"][0], manifest)):
        outer["digest"], outer["size"] = str(store.put(canonical(inner))), len(canonical(inner))
    with pytest.raises(StoreError):
        read_bundle(store, store.put(canonical(index)))


def test_other_spelling_of_the_same_index_is_refused() -> None:
    """One content has one digest: spaces would give it a second."""
    store = Memory()
    index = json.loads(store.get(bundle_of(store).digest))
    with pytest.raises(StoreError):
        read_bundle(store, store.put(json.dumps(index, indent=1).encode()))


def test_bytes_that_are_no_json_are_refused() -> None:
    """A blob of another kind is said to be no bundle."""
    store = Memory()
    with pytest.raises(StoreError):
        read_bundle(store, store.put(b"\x1f\x8b"))


def test_a_missing_part_is_an_error_of_the_store() -> None:
    """A bundle whose sources are gone is not returned in part."""
    store = Memory()
    made = bundle_of(store)
    sources = Digest.parse(json.loads(store.get(made.digest))["manifests"][0]["digest"])
    del store.blobs[sources]
    with pytest.raises(StoreError):
        read_bundle(store, made.digest)


def test_short_is_the_start_of_the_digest() -> None:
    """Names of volumes and versions take ten hex digits."""
    made = bundle_of(Memory())
    assert str(made.digest) == f"sha256:{made.digest.hex}"
    assert made.digest.hex.startswith(made.short)
    assert len(made.short) == 10


names = st.text("abcdefgh-", min_size=1, max_size=8)
digests = st.binary(max_size=8).map(Digest.of)
image_references = st.one_of(
    st.builds(ImageReference, digests, st.integers(1, 9999)),
    st.builds(ImageReference, digests, repository=st.just("registry.example/x")),
)
source_files = st.one_of(
    st.builds(SourceFile, names, st.sampled_from([Role.COMPOSE, Role.OVERRIDE, Role.ENV]), st.binary(max_size=20)),
    st.builds(SourceFile, names, st.just(Role.SECRET_ENV), names=st.lists(names).map(tuple)),
)
reference_values = st.builds(
    Reference,
    st.sampled_from(["data", "model", "prompt"]),
    names,
    st.none() | digests,
    st.none() | st.builds(ImageReference, digests, st.integers(1, 9999)),
    st.dictionaries(st.sampled_from(["licence", "residency"]), names | st.lists(names)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(names, image_references, max_size=4),
    st.lists(source_files, max_size=5, unique_by=lambda source: source.path),
    st.dictionaries(names, reference_values, max_size=3),
    st.randoms(),
)
def test_order_never_matters_and_reading_inverts_making(
    images: dict[str, ImageReference], sources: list[SourceFile], references: dict[str, Reference], random: object
) -> None:
    """Any order of the same parts gives the same digest, and reading gives the parts back."""
    store = Memory()
    files = [COMPOSE, *(source for source in sources if source.path != COMPOSE.path)]
    made = make_bundle("shop", images, sources=files, references=references, store=store)
    turned = make_bundle(
        "shop",
        dict(reversed(images.items())),
        sources=files[::-1],
        references=dict(reversed(references.items())),
        store=Memory(),
    )
    assert made.digest == turned.digest
    assert read_bundle(store, made.digest) == made


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(names, image_references, min_size=1, max_size=4), digests)
def test_any_other_image_gives_another_digest(images: dict[str, ImageReference], other: Digest) -> None:
    """No image can change under a bundle's digest."""
    name, image = next(iter(images.items()))
    changed = images | {name: dataclasses.replace(image, digest=other)}
    first = make_bundle("shop", images, sources=[COMPOSE], references={}, store=Memory())
    second = make_bundle("shop", changed, sources=[COMPOSE], references={}, store=Memory())
    assert (first.digest == second.digest) == (image.digest == other)


GOLDEN = "sha256:bf23de9cce285a6e43d1288424f863d159c30b042cfc3416eb2f5e506a72d201"
