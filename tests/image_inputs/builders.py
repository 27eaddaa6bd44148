"""What the tests of this directory are made of: entries, tars, packages, images."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from seaway.digest import canonical
from seaway.image.layer import write_layer
from seaway.image.layout import Layout, platform_json
from seaway.image.model import CONFIG, MANIFEST, Content, Descriptor, Entry, Image, Kind, Platform

Info = tarfile.TarInfo


def text(path: str, data: bytes | str = b"", mode: int = 0o644) -> Entry:
    """Returns a file entry."""
    raw = data.encode() if isinstance(data, str) else data
    return Entry(path, Kind.FILE, mode, Content(len(raw), lambda: io.BytesIO(raw)))


def link(path: str, target: str) -> Entry:
    """Returns a symlink entry."""
    return Entry(path, Kind.SYMLINK, 0o777, link=target)


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object) -> tuple[Info, bytes]:
    """Returns one member of a tar as tarfile wants it."""
    info = Info(name)
    info.type, info.size, info.mode = kind, len(data), 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar(*members: tuple[Info, bytes]) -> bytes:
    """Returns a plain tar."""
    sink = io.BytesIO()
    is_text = all(info.name.isprintable() for info, _ in members)  # pax cannot carry names that are not UTF-8
    chosen = tarfile.PAX_FORMAT if is_text else tarfile.GNU_FORMAT
    with tarfile.open(fileobj=sink, mode="w", format=chosen) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def put_layer(store: Layout, *entries: Entry, gzip: str = "members") -> dict[str, object]:
    """Writes a layer into a store; returns its descriptor and diffID."""
    with store.writer() as writer:
        written = write_layer(entries, writer, gzip=gzip)
        writer.commit(written.digest)
    return {"descriptor": written.layer("test").descriptor.json(), "diff_id": str(written.diff_id)}


def put_raw_layer(store: Layout, data: bytes, diff_id: str | None = None) -> dict[str, object]:
    """Writes a plain tar as a layer, whatever it holds."""
    digest = store.put(data)
    descriptor = Descriptor("application/vnd.oci.image.layer.v1.tar", digest, len(data)).json()
    return {"descriptor": descriptor, "diff_id": diff_id or str(digest)}


def put_image(store: Layout, *layers: dict[str, object], tag: str = "latest") -> Image:
    """Writes config and manifest of an image over layers; returns the image as the store reads it."""
    config = {**platform_json(Platform()), "config": {}, "rootfs": {"type": "layers"}}
    config["rootfs"] = {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]}
    data = canonical(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": Descriptor(CONFIG, store.put(data), len(data)).json(),
        "layers": [layer["descriptor"] for layer in layers],
    }
    digest = store.add_manifest(canonical(manifest), {"org.opencontainers.image.ref.name": tag})
    return store.image(digest)


def make_deb(path: Path, name: str, files: bytes, *, script: str = "", version: str = "1.0-1") -> Path:
    """Writes a Debian package whose payload is a plain tar."""
    control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nDescription: a test\n"
    members = [member("./control", control.encode())]
    if script:
        members.append(member("./postinst", script.encode()))
    parts = {"debian-binary": b"2.0\n", "control.tar": tar(*members), "data.tar": files}
    data = b"!<arch>\n"
    for part, body in parts.items():
        head = f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode()
        data += head + body + b"\n" * (len(body) % 2)
    path.write_bytes(data)
    return path
