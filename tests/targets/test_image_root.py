"""From an OCI layout to an answer: layers unpacked, a farm of links, cells on it, and the store stays as it was."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.image.layout import Layout
from seaway.image.model import CONFIG, LAYER_TAR, MANIFEST
from seaway.image.roots import ImageRoots
from seaway.targets.blueprint import Mount
from seaway.targets.process.target import ProcessTarget
from tests.targets.load import Load
from tests.targets.world import go_live, version_of, web

pytestmark = pytest.mark.rootless

SCRIBBLE = (
    "import os, runpy, sys\n"
    "for path in ('/app/server.py', '/usr/local/bin/python3', '/app/new'):\n"
    "    for mode in ('w', 'a', 'r+'):\n"
    "        try:\n"
    "            open(path, mode); print('WRITTEN', path, mode)\n"
    "        except OSError:\n"
    "            pass\n"
    "    try:\n"
    "        os.chmod(path, 0o777); print('CHANGED', path)\n"
    "    except OSError:\n"
    "        pass\n"
    "open('/data/kept', 'a').write('x')\n"
    "sys.argv = ['server', '0.0.0.0', '8000']\n"
    "runpy.run_path('/app/server.py', run_name='__main__')\n"
)


def put_image(layout: Layout, root: Path) -> Digest:
    """Stores a root as an image of two layers, the second with what a base lacks: nothing is made by hand later."""
    layers = []
    for names in (("usr", "lib", "lib64"), ("app", "etc")):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            for name in names:
                archive.add(root / name, arcname=name)
        layers.append(data.getvalue())
    digests = [layout.put(layer) for layer in layers]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [str(digest) for digest in digests]}}).encode()
    parts = [
        {"mediaType": LAYER_TAR, "digest": str(digest), "size": len(layer)}
        for digest, layer in zip(digests, layers, strict=True)
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": str(layout.put(config)), "size": len(config)},
        "layers": parts,
    }
    return layout.add_manifest(json.dumps(manifest).encode())


def stored(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Returns mode, size and modification of every file of the store."""
    return {
        str(path): (path.stat().st_mode, path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_store_is_never_writable_through_the_farm(target: ProcessTarget, root: Path, tmp_path: Path) -> None:
    """A program that tries every way to write to its image serves all the same, and no byte of the store changes."""
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    digest = put_image(layout, root)
    roots = ImageRoots(tmp_path / "roots")
    made = roots.root(layout, digest)
    before = stored(tmp_path / "roots" / "layers")
    mounts = (Mount("volume", "data", "/data"),)
    version = version_of(web(image=digest, command=("python3", "-u", "-c", SCRIBBLE), mounts=mounts))
    go_live(target, version, made, web=1)
    front = target.supervisor.look.fronts[0]
    with Load(front.address, front.port, rate=20, clients=2) as load:
        while len(load.log) < 5:
            time.sleep(0.01)
    assert load.failed() == []
    log = (target.paths.cells / f"web-{version.service_versions['web']}-0" / "log.jsonl").read_text()
    assert "WRITTEN" not in log and "CHANGED" not in log
    assert stored(tmp_path / "roots" / "layers") == before
    kept = target.paths.volumes / "data" / "kept"
    assert kept.read_text() == "x"
    assert kept.stat().st_uid == (65532 if os.geteuid() == 0 else os.geteuid())
