"""A base of any kind to a pinned value, and from the pinned value to layers in the store.

Kinds: `apt` (a closure of Debian packages, one layer of ours), `rootfs` (a tar, rewritten into one layer of ours),
`oci` (an image in a layout), a registry reference. Rules: a base is one digest per platform; what is recorded in
`seaway.lock` is enough to make or fetch the same bytes again, and other bytes are refused, never taken.

Not here: reading apt, tars and registries (`apt.py`, `rootfs.py`, `transfer.py`), the walk (`base_facts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seaway.app.service_keys import BaseKeys
from seaway.digest import Digest
from seaway.errors import BaseError, DigestMismatch, FindingsError, NotYet
from seaway.image import apt, rootfs, transfer
from seaway.image.apt import AptLock
from seaway.image.archive import Hashed, Member, inflated, members
from seaway.image.base_facts import BaseFacts
from seaway.image.closure import check_libraries
from seaway.image.elf import Elf
from seaway.image.facts import ElfWatch
from seaway.image.layer import write_layer
from seaway.image.layout import Layout, platform_json
from seaway.image.model import INDEX, LAYER_GZIP, Base, Descriptor, Entry, Image, Layer, Platform
from seaway.image.pinned import PinnedBase
from seaway.image.reference import Reference

_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CREATED = "1980-01-02T00:00:00Z"
_DEBIAN = {
    "amd64": "amd64",
    "arm64": "arm64",
    "386": "i386",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
_UPGRADE = "run `seaway lock --upgrade-base`"


@dataclass(frozen=True, slots=True)
class Bases:
    """Pins bases and obtains them again, for a project's directory, into a store, through a cache of downloads."""

    project: Path
    store: Layout
    cache: Path

    def pin(self, keys: BaseKeys, platform: Platform, *, packages: Iterable[str] = ()) -> PinnedBase:
        """Resolves a base as it is now: its layers in the store, its facts known.

        Raises BaseError, and FindingsError (SW-1002) where packages need a library that none of them brings.
        """
        extra = tuple(packages)
        if extra and keys.apt is None:
            raise BaseError("packages can be added to an apt: base only", where="x-seaway.image.packages")
        if keys.apt is not None:
            return self._pin_apt(keys.apt, platform, extra)
        if keys.rootfs is not None:
            return PinnedBase(self._from_rootfs(keys.rootfs, platform))
        if keys.build is not None:
            raise NotYet("building a base from a Dockerfile", hint="push it, and name it: base: registry/name:tag")
        if keys.oci is not None:
            return PinnedBase(self._from_layout(keys.oci, platform))
        if keys.image is not None:
            digest = transfer.pull(Reference.parse(keys.image), platform, self.store)
            return PinnedBase(self._of_image(keys.image, self.store.image(digest)))
        raise BaseError("no base is named", where="x-seaway.image.base")

    def obtain(self, pinned: PinnedBase) -> Base:
        """Makes sure that every layer of a pinned base is in the store; raises BaseError, DigestMismatch."""
        base = pinned.base
        if all(self.store.has(layer.descriptor.digest) for layer in base.layers):
            return base
        if pinned.closure is not None:
            _must_equal(self._apt_layer(pinned.closure, base.reference).layer, base)
        elif base.reference.startswith("rootfs:"):
            _must_equal(self._from_rootfs(base.reference.removeprefix("rootfs:"), base.platform).layers[0], base)
        elif base.reference.startswith("oci:"):
            self._copy(Layout(self._layout_place(base.reference.removeprefix("oci:"))[0]), base.digest)
        else:
            reference = Reference.parse(base.reference).at(base.digest)
            transfer.pull(reference, base.platform, self.store)
        return base

    def _pin_apt(self, name: str, platform: Platform, packages: tuple[str, ...]) -> PinnedBase:
        vendor, _, suite = name.partition("/")
        if vendor != "debian":
            raise NotYet(
                f"a base apt:{name}", hint="use apt:debian/bookworm, apt:debian/trixie or a base from a registry"
            )
        if platform.architecture not in _DEBIAN:
            raise BaseError(f"Debian has no {platform}", where=f"apt:{name}")
        closure = apt.resolve(suite, _DEBIAN[platform.architecture], packages, cache=self.cache)
        reference = f"apt:{name}"
        made = self._apt_layer(closure, reference)
        base = _base(reference, platform, made)
        if findings := check_libraries(base, made.elves):
            raise FindingsError(findings)
        return PinnedBase(base, closure)

    def _apt_layer(self, closure: AptLock, reference: str) -> _Made:
        paths = apt.fetch(closure, cache=self.cache)
        with apt.unpacked(paths) as entries:
            return self._write(entries, reference)

    def _from_rootfs(self, name: str, platform: Platform) -> Base:
        with rootfs.rewritten(self.project / name) as entries:
            return _base(f"rootfs:{name}", platform, self._write(entries, f"rootfs:{name}"))

    def _write(self, entries: Iterable[Entry], reference: str) -> _Made:
        kept = tuple(entries)
        facts, watch = BaseFacts(), ElfWatch()
        for entry in kept:
            facts.see(entry, partial(_bytes_of, entry))
        with self.store.writer() as writer:
            written = write_layer(kept, writer, watch=watch)
            writer.commit(written.digest)
        return _Made(written.layer(f"seaway: base {reference}"), facts, watch.elves)

    def _from_layout(self, name: str, platform: Platform) -> Base:
        directory, tag = self._layout_place(name)
        source = Layout(directory)
        named = [one for one in source.manifests() if one.annotations.get("org.opencontainers.image.ref.name") == tag]
        if not named:
            raise BaseError(f"the layout has no image {tag}", where=directory)
        digest = _choose(source, named[0], platform)
        self._copy(source, digest)
        return self._of_image(f"oci:{name}", self.store.image(digest))

    def _layout_place(self, name: str) -> tuple[Path, str]:
        directory, colon, tag = name.rpartition(":")
        return (self.project / directory, tag) if colon else (self.project / name, "latest")

    def _copy(self, source: Layout, digest: Digest) -> None:
        image = source.image(digest)
        for layer in image.layers:
            if not self.store.has(layer.descriptor.digest):
                with source.open(layer.descriptor.digest) as stream:
                    self.store.put_stream(stream, layer.descriptor.digest)
        for one in (image.config_digest, image.digest):
            self.store.put(source.get(one))

    def _of_image(self, reference: str, image: Image) -> Base:
        facts = BaseFacts()
        for layer in image.layers:
            self._walk(layer, facts)
        return _described(reference, image, facts)

    def _walk(self, layer: Layer, facts: BaseFacts) -> None:
        with self.store.open(layer.descriptor.digest) as stream:
            plain = Hashed(inflated(stream))
            for member in members(plain):
                if member.whiteout:
                    facts.hide(member.entry.path, opaque=member.opaque)
                else:
                    facts.see(member.entry, partial(_member_bytes, member))
            if plain.digest() != layer.diff_id:
                raise DigestMismatch(f"expected diffID {layer.diff_id}", where=layer.descriptor.digest)


@dataclass(frozen=True, slots=True)
class _Made:
    """A layer of ours that is a base, with what was seen while it was written."""

    layer: Layer
    facts: BaseFacts
    elves: tuple[Elf, ...]


def _base(reference: str, platform: Platform, made: _Made) -> Base:
    """Returns a base of one layer of ours, with the least config that an image can have."""
    layer = made.layer
    config = {
        **platform_json(platform),
        "config": {},
        "created": _CREATED,
        "history": [{"created": _CREATED, "created_by": layer.created_by}],
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id)]},
    }
    image = Image(layer.descriptor.digest, layer.descriptor.digest, platform, config, (layer,))
    return _described(reference, image, made.facts)


def _described(reference: str, image: Image, facts: BaseFacts) -> Base:
    return Base(
        reference=reference,
        platform=image.platform,
        digest=image.digest,
        layers=tuple(_as_oci(layer) for layer in image.layers),
        config=image.config,
        interpreter=f"/{facts.interpreter}",
        python=facts.python,
        libc=facts.libc,
        packages=facts.packages,
        sonames=facts.sonames,
        has_user=facts.has_user,
        distribution=facts.distribution,
    )


def _as_oci(layer: Layer) -> Layer:
    if layer.descriptor.media_type != _DOCKER_LAYER:
        return layer
    return replace(layer, descriptor=replace(layer.descriptor, media_type=LAYER_GZIP))


def _bytes_of(entry: Entry) -> bytes:
    if entry.content is None:
        return b""
    with entry.content.open() as stream:
        return stream.read()


def _member_bytes(member: Member) -> bytes:
    return member.data.read() if member.data else b""


def _must_equal(layer: Layer, base: Base) -> None:
    want, got = base.layers[0].descriptor.digest, layer.descriptor.digest
    if got != want:
        raise DigestMismatch(f"the base made again is {got} and not {want}", where=base.reference, hint=_UPGRADE)


def _choose(source: Layout, found: Descriptor, platform: Platform) -> Digest:
    """Returns the manifest for a platform, from a manifest or an index."""
    if found.media_type != INDEX:
        return found.digest
    for one in source.manifest(found.digest).get("manifests", ()):
        if one.get("platform", {}).items() >= platform_json(platform).items():
            return Digest.parse(one["digest"])
    raise BaseError(f"the image has no {platform}", where=found.digest)
