"""What a push costs, beside skopeo, crane and oras: to a fresh registry, again, and after a small change.

    python bench/push.py [ROUNDS]

Every tool copies the same OCI layout, as a process of its own, to a docker-registry that is new for each tool and round
(on disk, in a temporary folder, on loopback). Rounds are interleaved; the median is shown with the least. Bytes are
those on the wire towards the registry. Tools that are not here are left out. The load at the start is written down:
numbers with more than 0.5 are for us, not for publication.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seaway.digest import Digest, canonical
from seaway.http import Client
from seaway.image.layout import Layout
from seaway.image.model import CONFIG, LAYER_TAR, MANIFEST, Descriptor
from seaway.image.reference import Reference
from seaway.image.registry import Registry
from seaway.image.transfer import push

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.registry.wire import Wire, wire_to

LAYERS, SIZE, SMALL = 12, 8 << 20, 64 << 10
CASES = ("fresh", "again", "changed")
Push = Callable[[str, str], None]


@contextmanager
def registry() -> Iterator[str]:
    """Runs a docker-registry of our own and yields its host."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    if program is None:
        sys.exit("docker-registry is not here: apt install docker-registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="seaway-bench-") as folder:
        settings = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": folder}},
            "http": {"addr": host},
        }
        path = Path(folder) / "settings.json"
        path.write_text(json.dumps(settings))
        running = subprocess.Popen([program, "serve", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            Client().get(f"http://{host}/v2/")
            yield host
        finally:
            running.terminate()
            running.wait()


def image(store: Layout, name: str, layers: list[bytes]) -> Digest:
    """Puts an image of layers into a store."""
    descriptors = [Descriptor(LAYER_TAR, store.put(data), len(data)) for data in layers]
    ids = [str(one.digest) for one in descriptors]
    config = canonical({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}})
    body = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": Descriptor(CONFIG, store.put(config), len(config)).json(),
        "layers": [one.json() for one in descriptors],
    }
    return store.add_manifest(canonical(body), {"org.opencontainers.image.ref.name": name})


def tools(store: Layout, digests: dict[str, Digest]) -> dict[str, Push]:
    """Returns, by name, how each tool pushes the image of a name to `host/repository`."""

    def run(*words: str) -> None:
        subprocess.run(words, check=True, capture_output=True)

    layout = str(store.directory)
    skopeo = ("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false")
    oras = ("oras", "cp", "--from-oci-layout", "--to-plain-http")
    known: dict[str, Push] = {
        "seaway": lambda name, place: run(sys.executable, __file__, "--push", layout, str(digests[name]), place),
        "skopeo": lambda name, place: run(*skopeo, f"oci:{layout}:{name}", f"docker://{place}:{name}"),
        "oras": lambda name, place: run(*oras, f"{layout}:{name}", f"{place}:{name}"),
    }
    return {tool: act for tool, act in known.items() if tool == "seaway" or shutil.which(tool)}


def measure(wire: Wire, act: Push, name: str, place: str) -> tuple[float, int]:
    """Returns seconds and bytes of one push."""
    before, began = wire.sent, time.perf_counter()
    act(name, place)
    return time.perf_counter() - began, wire.sent - before


def main(rounds: int) -> None:
    """Measures and prints one JSON document."""
    load, large = os.getloadavg()[0], [os.urandom(SIZE) for _ in range(LAYERS)]
    found: dict[str, dict[str, list[tuple[float, int]]]] = {}
    with tempfile.TemporaryDirectory(prefix="seaway-bench-") as folder:
        store = Layout(Path(folder) / "oci")
        digests = {name: image(store, name, [*large, os.urandom(SMALL)]) for name in ("one", "two")}
        for _ in range(rounds):
            for tool, act in tools(store, digests).items():
                with registry() as host, wire_to(host) as wire:
                    for case, name in zip(CASES, ("one", "one", "two"), strict=True):
                        values = found.setdefault(tool, {}).setdefault(case, [])
                        values.append(measure(wire, act, name, f"{wire.host}/bench"))
    size = LAYERS * SIZE + SMALL
    print(json.dumps({"load": load, "rounds": rounds, "bytes": size, "tools": summary(found)}, indent=1))


def summary(found: dict[str, dict[str, list[tuple[float, int]]]]) -> dict[str, object]:
    """Returns the medians by tool and case."""
    return {
        tool: {
            case: {
                "median_s": round(statistics.median(seconds for seconds, _ in values), 3),
                "least_s": round(min(seconds for seconds, _ in values), 3),
                "bytes": int(statistics.median(size for _, size in values)),
            }
            for case, values in cases.items()
        }
        for tool, cases in found.items()
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--push"]:
        where, digest, place = sys.argv[2:]
        push(Registry(Reference.parse(place), Client(), writes=True), Digest.parse(digest), Layout(Path(where)))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
