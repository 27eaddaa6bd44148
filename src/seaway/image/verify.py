"""Rebuild and compare: whether source, lock and wheels really give the image that has this digest.

Rules: nothing recorded is believed: the rebuild starts from an empty store, with only the base taken over by digest.
The first difference is named: config or layer, entry, and whether header, payload or encoding differs. Not here:
recording the result as evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from seaway.digest import Digest, canonical
from seaway.errors import NotReproduced
from seaway.image.build import BuildRequest, Built, build
from seaway.image.diff import read_layer
from seaway.image.layout import Layout
from seaway.image.model import FileFact, Image, Layer
from seaway.image.wheelhouse import Places

_HINT = "seaway image diff shows all that differs"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference found; `kind` is config, layers, header, payload or encoding."""

    kind: str
    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind} differs, expected {self.expected}, got {self.got}"


def verify_build(request: BuildRequest, digest: Digest, store: Layout, *, fresh: Layout, places: Places) -> Built:
    """Rebuilds an image into an empty store and compares it with the one in `store`.

    Returns the rebuild; raises NotReproduced with the first difference.
    """
    image = store.image(digest)
    for layer in (*request.base.layers, *request.below):
        with store.open(layer.descriptor.digest) as stream:
            fresh.put_stream(stream, layer.descriptor.digest)
    built = build(replace(request, expected={}), fresh, places=places)
    if built.image.digest == digest:
        return built
    found = first_difference(image, store, built.image, fresh)
    raise NotReproduced(f"the rebuild has {built.image.digest}: {found}", where=digest, hint=_HINT)


def first_difference(expected: Image, store: Layout, got: Image, fresh: Layout) -> Difference:
    """Names the first thing in which two images of other digests differ: layers first, for a config follows them."""
    for number, (old, new) in enumerate(zip_longest(expected.layers, got.layers), 1):
        if old is None or new is None:
            return Difference("layers", f"layer {number}", _named(old), _named(new))
        if old.descriptor.digest != new.descriptor.digest:
            return _in_layer(f"layer {number} ({new.created_by})", (old, store), (new, fresh))
    return _in_config(expected.config, got.config) or Difference(
        "config", "manifest", str(expected.digest), str(got.digest)
    )


def _in_layer(where: str, expected: tuple[Layer, Layout], got: tuple[Layer, Layout]) -> Difference:
    if expected[0].diff_id == got[0].diff_id:
        return Difference("encoding", where, str(expected[0].descriptor.digest), str(got[0].descriptor.digest))
    for old, new in zip_longest(read_layer(*expected), read_layer(*got)):
        if old != new:
            return _in_entry(where, old, new)
    return Difference("header", where, str(expected[0].diff_id), str(got[0].diff_id))


def _in_entry(where: str, old: FileFact | None, new: FileFact | None) -> Difference:
    if old is None or new is None or old.path != new.path:
        return Difference("header", where, old.path if old else "no entry", new.path if new else "no entry")
    if old.sha256 != new.sha256:
        return Difference("payload", f"{where}: {old.path}", old.sha256, new.sha256)
    return Difference("header", f"{where}: {old.path}", _header(old), _header(new))


def _in_config(expected: Mapping[str, object], got: Mapping[str, object]) -> Difference | None:
    for key in sorted({*expected, *got}):
        if expected.get(key) != got.get(key):
            return Difference("config", key, *(canonical(body.get(key)).decode() for body in (expected, got)))
    return None


def _header(fact: FileFact) -> str:
    return f"{fact.kind} {fact.mode:04o} {fact.size} {fact.link}".rstrip()


def _named(layer: Layer | None) -> str:
    return str(layer.descriptor.digest) if layer else "no layer"
