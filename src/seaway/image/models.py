"""Models and data as layers of an image, right above the base, so that an edit of the app never touches them.

Rules (image.md, sections 3.5 and 8): a model lies below `opt/models/<name>` in uncompressed tar layers, because
weights do not compress: its files under 64 MiB together in one, each larger file in one of its own, with more than
16 of them so many to a layer that there are 16. Data is one layer below `opt/data/<name>`. A layer that was made
before is found by the root of its files and not made again.

Not here: where the files come from (`material.py`), models as claims or volumes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from seaway.digest import Digest, canonical
from seaway.errors import LockError
from seaway.image.layer import PROFILE, write_layer
from seaway.image.layout import Layout
from seaway.image.material import Material, MaterialFile
from seaway.image.model import Entry, Layer
from seaway.image.pinned import layer_json, parse_layer

SMALL = 64 << 20
_LARGE_LAYERS = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_Gzip = Literal["none", "members"]


def model_layers(name: str, material: Material, store: Layout) -> tuple[Layer, ...]:
    """Returns the layers of a model, in the store, lowest first."""
    return _layers(f"model {name}", f"opt/models/{_checked(name)}", split(material.files), store=store, gzip="none")


def data_layers(name: str, material: Material, store: Layout) -> tuple[Layer, ...]:
    """Returns the one layer of data or prompts, in the store."""
    return _layers(f"data {name}", f"opt/data/{_checked(name)}", (material.files,), store=store, gzip="members")


def split(files: Sequence[MaterialFile]) -> tuple[tuple[MaterialFile, ...], ...]:
    """Returns which files share a layer: the small ones, then the large ones by path."""
    small = tuple(file for file in files if file.content.size < SMALL)
    large = sorted((file for file in files if file.content.size >= SMALL), key=lambda file: file.path.encode())
    each = max(1, -(-len(large) // _LARGE_LAYERS))
    groups = [tuple(large[start : start + each]) for start in range(0, len(large), each)]
    return (*((small,) if small else ()), *groups)


def _layers(
    says: str, place: str, groups: Iterable[Sequence[MaterialFile]], *, store: Layout, gzip: _Gzip
) -> tuple[Layer, ...]:
    return tuple(_layer(says, place, group, store=store, gzip=gzip) for group in groups)


def _layer(says: str, place: str, files: Sequence[MaterialFile], *, store: Layout, gzip: _Gzip) -> Layer:
    named = sorted((f"{place}/{file.path}", file) for file in files)
    key = Digest.of_json(
        {"profile": PROFILE, "gzip": gzip, "says": says, "files": [[path, file.content.sha256] for path, file in named]}
    )
    if kept := _recorded(key, store):
        return kept
    entries = [Entry(path, content=file.content) for path, file in sorted(named, key=lambda one: one[0].encode())]
    with store.writer() as writer:
        written = write_layer(entries, writer, gzip=gzip)
        writer.commit(written.digest)
    layer = written.layer(f"seaway: {says}")
    store.index_layer(key, canonical(layer_json(layer)))
    return layer


def _recorded(key: Digest, store: Layout) -> Layer | None:
    record = store.recorded(key)
    if record is None:
        return None
    try:
        layer = parse_layer(json.loads(record))
    except (KeyError, TypeError, ValueError):
        return None
    return layer if store.has(layer.descriptor.digest) else None


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise LockError(f"{name!r} cannot name a directory", where="x-seaway.image")
    return name
