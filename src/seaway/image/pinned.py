"""A pinned base as `seaway.lock` keeps it. Pure; how it is pinned and obtained is in `base.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.digest import Digest
from seaway.errors import BaseError
from seaway.image.apt import AptLock
from seaway.image.model import Base, Component, Descriptor, Layer, Platform

_LOCAL = ("apt:", "rootfs:")  # bases made here, of one layer, and named by it
_UPGRADE = "run `seaway lock --upgrade-base`"


@dataclass(frozen=True, slots=True)
class PinnedBase:
    """A base as `seaway.lock` keeps it: what the builder must know, and for `apt` the closure it is made of."""

    base: Base
    closure: AptLock | None = None

    def json(self) -> dict[str, object]:
        """Returns the pinned base as JSON."""
        base = self.base
        return {
            "reference": base.reference,
            "platform": str(base.platform),
            "digest": str(base.digest),
            "layers": [layer_json(layer) for layer in base.layers],
            "config": dict(base.config),
            "interpreter": base.interpreter,
            "python": base.python,
            "libc": base.libc,
            "packages": [{"name": one.name, "version": one.version, "purl": one.purl} for one in base.packages],
            "sonames": list(base.sonames),
            "has_user": base.has_user,
            "distribution": base.distribution,
            **({"apt": self.closure.json()} if self.closure else {}),
        }

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> PinnedBase:
        """Reads what `json` gives; raises BaseError."""
        try:
            base = Base(
                reference=str(body["reference"]),
                platform=Platform.parse(body["platform"]),
                digest=Digest.parse(body["digest"]),
                layers=tuple(parse_layer(one) for one in body["layers"]),
                config=dict(body["config"]),
                interpreter=str(body["interpreter"]),
                python=str(body["python"]),
                libc=str(body["libc"]),
                packages=tuple(Component(one["name"], one["version"], one["purl"]) for one in body["packages"]),
                sonames=tuple(body["sonames"]),
                has_user=bool(body["has_user"]),
                distribution=str(body["distribution"]),
            )
            _check_digests(base)
            return cls(base, AptLock.parse(body["apt"]) if "apt" in body else None)
        except (KeyError, TypeError, ValueError) as error:
            raise BaseError(f"not a pinned base: {error!r}", where="seaway.lock", hint=_UPGRADE) from error


def _check_digests(base: Base) -> None:
    """Raises ValueError where one digest was changed and those that repeat it were not."""
    diff_ids = [str(layer.diff_id) for layer in base.layers]
    if base.config.get("rootfs", {"diff_ids": diff_ids})["diff_ids"] != diff_ids:  # type: ignore[index]
        raise ValueError("the layers are not those of the config")
    if base.reference.startswith(_LOCAL) and [layer.descriptor.digest for layer in base.layers] != [base.digest]:
        raise ValueError("the digest is not that of the layer")


def layer_json(layer: Layer) -> dict[str, object]:
    """Returns a layer with both its names, as locks and records keep it."""
    descriptor = layer.descriptor
    return {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        "diffID": str(layer.diff_id),
        "tarSize": layer.tar_size,
        "createdBy": layer.created_by,
    }


def parse_layer(body: Mapping[str, Any]) -> Layer:
    """Reads what `layer_json` gives; raises KeyError, TypeError or ValueError."""
    descriptor = Descriptor(str(body["mediaType"]), Digest.parse(body["digest"]), int(body["size"]))
    return Layer(descriptor, Digest.parse(body["diffID"]), int(body["tarSize"]), str(body["createdBy"]))
