"""The image of Envoy, made of the Envoy of this installation and the libraries it is linked with: nothing is pulled.

An image on the engine may be named instead (SEAWAY_ENVOY_IMAGE), as on machines whose Envoy is no Linux program.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from seaway.errors import EngineUnavailable
from seaway.targets.docker.api import EngineApi, EngineRefused
from seaway.targets.docker.images import REPOSITORY
from seaway.targets.process.fronts import find_envoy

PROGRAM = "/usr/local/bin/envoy"
SETTING = "SEAWAY_ENVOY_IMAGE"
_CHUNK = 1 << 20
_LIBRARY = re.compile(r"(/\S+) \(0x")


def bring_envoy(api: EngineApi, environ: Mapping[str, str]) -> str:
    """Returns the engine's id of an image with Envoy in it, made and loaded if it is not there."""
    if named := environ.get(SETTING):
        return _identity(api, named) or _missing(named)
    parts = {PROGRAM: find_envoy(), **_libraries(find_envoy())}
    tag = f"{REPOSITORY}/envoy:{_mark(parts)}"
    if known := _identity(api, tag):
        return known
    with tempfile.TemporaryFile() as sink:
        _write(sink, parts, tag)
        sink.seek(0)
        said = api.send("POST", "/images/load", iter(lambda: sink.read(_CHUNK), b""), quiet=1)
    return _identity(api, tag) or _missing(f"{tag}: {said[-200:]}")


def _missing(what: str) -> str:
    raise EngineUnavailable(f"the engine has no image {what}", hint=f"docker pull it, or unset {SETTING}")


def _identity(api: EngineApi, name: str) -> str | None:
    try:
        return str(api.get(f"/images/{name}/json")["Id"])
    except EngineRefused as error:
        if error.status == 404:
            return None
        raise


def _libraries(program: Path) -> dict[str, Path]:
    """Returns the shared libraries of a program under the paths where its loader looks."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    return {path: Path(os.path.realpath(path)) for path in _LIBRARY.findall(said)}


def _mark(parts: Mapping[str, Path]) -> str:
    """Names the parts by what they hold, as far as that shows without reading 100 MB: path, size and time."""
    facts = [
        (inside, str(path), path.stat().st_size, path.stat().st_mtime_ns) for inside, path in sorted(parts.items())
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def _write(sink: BinaryIO, parts: Mapping[str, Path], tag: str) -> None:
    """Writes a docker-archive of one layer."""
    with tempfile.TemporaryFile() as layer:
        diff_id = _write_layer(layer, parts)
        config = {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
            "os": "linux",
            "config": {"Entrypoint": [PROGRAM]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        }
        body = json.dumps(config, sort_keys=True).encode()
        name = f"{hashlib.sha256(body).hexdigest()}.json"
        manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
        with tarfile.open(fileobj=sink, mode="w") as archive:
            for path, data in (("manifest.json", manifest), (name, body)):
                _add(archive, path, len(data), io.BytesIO(data))
            size = layer.seek(0, io.SEEK_END)
            layer.seek(0)
            _add(archive, "layer.tar", size, layer)


def _write_layer(sink: BinaryIO, parts: Mapping[str, Path]) -> str:
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for inside, path in sorted(parts.items()):
            with path.open("rb") as stream:
                _add(archive, inside.lstrip("/"), path.stat().st_size, stream, mode=0o755)
    sink.seek(0)
    state = hashlib.sha256()
    for block in _blocks(sink):
        state.update(block)
    return f"sha256:{state.hexdigest()}"


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(_CHUNK), b"")


def _add(archive: tarfile.TarFile, name: str, size: int, stream: BinaryIO, *, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, mode
    archive.addfile(info, stream)
