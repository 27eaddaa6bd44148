"""Which layers an image has, and in which order: a pure function of lock, base and the `layers` keys.

Rules: stable below, volatile above, for a changed layer makes a node unpack all above it again; big wheels have a
layer of their own while there are slots; all others share eight buckets, chosen by name and not by version, so
that a bump touches one. Inside a group the order follows the size's bit length, so a small change of size never
reorders. Not here: the bytes of a layer (`layer.py`), making and keeping them (`build.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from seaway.app.service_keys import LayerKeys
from seaway.digest import Digest
from seaway.errors import FindingsError
from seaway.findings import Finding, Level
from seaway.image.model import LockedWheel

CAP = 100  # overlay mounts break between 70 and 127 lower directories
BUCKETS = 8
VENV = "opt/venv"
OWN_FROM = 131_072
_CUDA = re.compile(r"nvidia-.*|triton|pytorch-triton.*")
_FRAMEWORK = re.compile(r"torch|torchvision|torchaudio|tensorflow|jax|jaxlib|vllm|onnxruntime.*|flash-attn|xformers")


class Group(IntEnum):
    """The groups of wheel layers from stable to volatile; the skeleton lies below them, the app above."""

    CUDA = 1
    FRAMEWORK = 2
    OWN = 3
    BUCKET = 4
    BUILT = 5


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """A layer of wheels before it is made; `name` is what the image's history calls it."""

    group: Group
    name: str
    wheels: tuple[LockedWheel, ...]

    @property
    def size(self) -> int:
        """The size of its wheel files together, in bytes."""
        return sum(wheel.size for wheel in self.wheels)

    def key(self, python: str, gzip: str, drops: Mapping[Digest, Iterable[str]]) -> Digest:
        """Names the layer by what goes in: equal keys mean equal bytes, without making them.

        `python` is x.y; `drops` are the paths that each wheel lost to another.
        """
        return Digest.of_json(
            {
                "profile": "1",
                "encoder": "deflate 0.9.0",
                "gzip": gzip,
                "prefix": VENV,
                "python": python,
                "drop": sorted(path for wheel in self.wheels for path in drops.get(wheel.sha256, ())),
                "wheels": [wheel.sha256.hex for wheel in self.wheels],
            }
        )


def plan(wheels: Sequence[LockedWheel], keys: LayerKeys, *, below: int) -> tuple[PlannedLayer, ...]:
    """Returns the layers of wheels in their order.

    `below` counts the layers of base, models and data. Raises FindingsError (SW-1009) if the budget is too small.
    """
    built = sorted((wheel for wheel in wheels if wheel.built), key=_name)
    ready = {wheel.name: wheel for wheel in wheels if not wheel.built}
    slots = min(keys.budget, CAP) - below - 1 - BUCKETS - bool(built) - 1
    asked = _asked(ready, keys)
    if len(asked) > max(slots, 0) or slots < 0:
        raise FindingsError((_over_budget(below, len(asked), keys.budget),))
    taken = {wheel.name for group in asked for wheel in group}
    large = [wheel for name, wheel in ready.items() if name not in taken and wheel.size >= OWN_FROM]
    large.sort(key=lambda wheel: (-wheel.size, wheel.name))
    own = [*asked, *((wheel,) for wheel in large[: slots - len(asked)])]
    layers = [_own_layer(group) for group in own]
    taken.update(wheel.name for group in own for wheel in group)
    layers += _buckets(wheel for name, wheel in ready.items() if name not in taken)
    if built:
        layers.append(PlannedLayer(Group.BUILT, "wheels built from source", tuple(built)))
    return tuple(sorted(layers, key=_order))


def bucket(name: str) -> int:
    """Returns the bucket of a normalised name, 0 to 7."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % BUCKETS


def _asked(ready: Mapping[str, LockedWheel], keys: LayerKeys) -> list[tuple[LockedWheel, ...]]:
    """Returns the layers that the user named; names that the lock lacks take no slot."""
    names = [*keys.together, *((name,) for name in keys.own)]
    taken: set[str] = set()
    groups = []
    for group in names:
        members = sorted({_normal(name) for name in group} & ready.keys() - taken)
        taken.update(members)
        if members:
            groups.append(tuple(ready[name] for name in members))
    return groups


def _own_layer(wheels: Sequence[LockedWheel]) -> PlannedLayer:
    """Makes a layer of wheels that belong together; it is as volatile as its most volatile part."""
    group = max(_group(wheel.name) for wheel in wheels)
    names = ", ".join(f"{wheel.name} {wheel.version}" for wheel in wheels)
    return PlannedLayer(group, f"wheel{'s' if len(wheels) > 1 else ''} {names}", tuple(wheels))


def _buckets(wheels: Iterable[LockedWheel]) -> Iterable[PlannedLayer]:
    found: dict[int, list[LockedWheel]] = {}
    for wheel in wheels:
        found.setdefault(bucket(wheel.name), []).append(wheel)
    for number, members in found.items():
        yield PlannedLayer(Group.BUCKET, f"bucket {number}", tuple(sorted(members, key=_name)))


def _order(layer: PlannedLayer) -> tuple[int, int, str]:
    # Buckets keep the order of their numbers, whatever is in them.
    weight = 0 if layer.group is Group.BUCKET else -layer.size.bit_length()
    return layer.group, weight, layer.name if layer.group is Group.BUCKET else layer.wheels[0].name


def _group(name: str) -> Group:
    if _CUDA.fullmatch(name):
        return Group.CUDA
    return Group.FRAMEWORK if _FRAMEWORK.fullmatch(name) else Group.OWN


def _name(wheel: LockedWheel) -> str:
    return wheel.name


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503, without importing packaging


def _over_budget(below: int, asked: int, budget: int) -> Finding:
    says = f"{below} layers of base, models and data, {asked} asked for and 10 fixed ones exceed the budget of {budget}"
    return Finding(
        "SW-1009", Level.ERROR, says, "x-seaway.image.layers.budget", "raise the budget or name fewer layers"
    )
