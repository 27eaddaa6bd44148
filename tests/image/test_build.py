"""Building an image: same request, same digest; what is recorded is not made again; findings stop it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, FindingsError, UsageError, WheelError
from seaway.image.build import BuildRequest, Built, build
from seaway.image.config import Run
from seaway.image.layout import Layout
from seaway.image.model import Base, Content, Entry, LockedWheel
from seaway.image.wheelhouse import Places

pytestmark = pytest.mark.rootless

WheelFactory = Callable[..., Path]


def _noise(size: int) -> bytes:
    """Returns bytes that do not compress."""
    return b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(size // 32 + 1))[:size]


class Bench:
    """A store, a base and wheels on disk."""

    def __init__(self, store: Layout, base: Base, wheels: dict[LockedWheel, Path]) -> None:
        self.store, self.base, self.wheels = store, base, wheels

    def request(self, app: bytes = b"print('hello')\n", **changes: object) -> BuildRequest:
        entry = Entry("opt/app/main.py", content=Content(len(app), lambda: io.BytesIO(app)))
        values: dict[str, object] = {
            "service": "api",
            "base": self.base,
            "wheels": tuple(self.wheels),
            "app": (entry,),
            "run": Run(cmd=("python", "main.py")),
        }
        return BuildRequest(**{**values, **changes})  # type: ignore[arg-type]

    @property
    def places(self) -> Places:
        root = self.store.directory.parent
        return Places(root / "wheels", root / "cache")

    def build(self, **changes: object) -> Built:
        return build(self.request(**changes), self.store, places=self.places, workers=2)  # type: ignore[arg-type]


@pytest.fixture
def bench(
    store: Layout,
    base_in: Callable[[Layout], Base],
    wheel: WheelFactory,
    lock_wheel: Callable[..., LockedWheel],
) -> Bench:
    """Returns a bench with two wheels, one of them large enough for a layer of its own."""
    paths = [
        wheel("alpha", files={"alpha/__init__.py": b"a = 1\n", "alpha/data.bin": _noise(200_000)}),
        wheel("beta", files={"beta.py": b"b = 2\n"}),
    ]
    return Bench(store, base_in(store), {lock_wheel(path): path for path in paths})


def test_an_image_has_base_environment_wheels_and_app_in_this_order(bench: Bench) -> None:
    """The layers come from stable to volatile and the store can read the image back."""
    built = bench.build()
    assert [layer.created_by for layer in built.image.layers] == [
        "base",
        "environment",
        "wheel alpha 1.0",
        "bucket 1",
        "app",
    ]
    read = bench.store.image(built.image.digest)
    assert [layer.diff_id for layer in read.layers] == [layer.diff_id for layer in built.image.layers]
    assert bench.store.check() == ()


def test_key_is_looked_up_before_any_download(bench: Bench) -> None:
    """What is recorded under a layer's key is used as it is."""
    first = bench.build()
    for path in bench.wheels.values():
        path.unlink()
    second = bench.build()
    assert first.image.digest == second.image.digest
    assert not any(layer.is_new for layer in second.wheel_layers)


def test_edit_sends_only_the_app_layer(bench: Bench) -> None:
    """A changed source file changes the last layer alone."""
    before, after = bench.build().image.layers, bench.build(app=b"print('hi')\n").image.layers
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def test_version_bump_keeps_other_layers(
    bench: Bench, wheel: WheelFactory, lock_wheel: Callable[..., LockedWheel]
) -> None:
    """A bumped small wheel changes its bucket and nothing else."""
    before = bench.build().image.layers
    path = wheel("beta", "2.0", files={"beta.py": b"b = 3\n"})
    bench.wheels = {known: p for known, p in bench.wheels.items() if known.name != "beta"} | {lock_wheel(path): path}
    after = bench.build().image.layers
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, True, False, True]


def test_evicted_layer_is_made_again(bench: Bench) -> None:
    """A record whose layer is gone makes nobody believe the layer is there."""
    built = bench.build()
    bench.store.path(built.image.layers[2].descriptor.digest).unlink()
    assert bench.build().image.digest == built.image.digest
    assert bench.store.check() == ()


def test_a_damaged_record_is_made_again(bench: Bench) -> None:
    """A record is a memory, not a truth."""
    built = bench.build()
    bench.store.index_layer(built.wheel_layers[0].key, b'{"layer": 1}')
    assert bench.build().image.digest == built.image.digest


def test_a_layer_that_differs_from_the_lock_is_refused(bench: Bench) -> None:
    """A layer made with another digest than the lock records stops the build, named by its wheel."""
    key = bench.build().wheel_layers[0].key
    with pytest.raises(DigestMismatch, match="wheel alpha"):
        bench.build(expected={key: Digest.of(b"other")})


def test_a_wheel_with_other_bytes_is_refused(bench: Bench) -> None:
    """A wheel file that does not have its locked hash never becomes a layer."""
    next(iter(bench.wheels.values())).write_bytes(b"PK other")
    with pytest.raises(DigestMismatch, match="expected sha256"):
        bench.build()
    assert bench.store.manifests() == ()


def test_an_image_without_a_command_is_refused(bench: Bench) -> None:
    """The base's own command is none: it would start a bare interpreter."""
    with pytest.raises(UsageError, match="nothing says what the image runs"):
        bench.build(run=Run())


def test_two_wheels_one_path_needs_a_winner(
    bench: Bench, wheel: WheelFactory, lock_wheel: Callable[..., LockedWheel]
) -> None:
    """Different files at one path are an error until the user names whose it is; the loser's RECORD loses it too."""
    path = wheel("gamma", files={"beta.py": b"another = 1\n"})
    bench.wheels[lock_wheel(path)] = path
    with pytest.raises(FindingsError, match="beta and gamma bring different files"):
        bench.build()
    built = bench.build(winner={"beta.py": "gamma"})
    listed = [
        row[0] for layer in built.wheel_layers for row in json.loads(bench.store.get(layer.record.files))["files"]
    ]
    assert sum(path.endswith("site-packages/beta.py") for path in listed) == 1


def test_cuda_comes_once(bench: Bench) -> None:
    """A base that brings the CUDA runtime refuses wheels that bring it again."""
    cuda = next(iter(bench.wheels))
    renamed = replace(cuda, name="nvidia-cuda-runtime-cu12")
    bench.wheels[renamed] = bench.wheels.pop(cuda)
    with pytest.raises(FindingsError, match="with the base"):
        bench.build(base=replace(bench.base, sonames=("libcudart.so.12",)))


def test_sbom_and_facts_are_in_the_store(bench: Bench) -> None:
    """The bill of materials names each wheel by purl and hash, without a clock."""
    built = bench.build()
    sbom = json.loads(bench.store.get(built.sbom))
    assert [part["purl"] for part in sbom["components"]] == ["pkg:pypi/alpha@1.0", "pkg:pypi/beta@1.0"]
    assert "timestamp" not in sbom["metadata"]
    assert json.loads(bench.store.get(built.facts))["components"][0]["licenses"] == ["MIT"]


def test_prune_costs_a_kept_image_nothing(bench: Bench) -> None:
    """After pruning, what the image is made of is still recorded; layers of no image are forgotten."""
    built = bench.build()
    gone = Digest.of(b"gone")
    record = replace(built.wheel_layers[0].record, layer=replace(built.image.layers[0], diff_id=gone))
    bench.store.index_layer(gone, canonical({**record.json(), "layer": {"digest": str(gone)}}))
    bench.store.prune()
    assert not any(layer.is_new for layer in bench.build().wheel_layers)
    assert bench.store.recorded(gone) is None


def test_a_wheel_that_the_base_cannot_run_is_refused(
    bench: Bench, wheel: WheelFactory, lock_wheel: Callable[..., LockedWheel]
) -> None:
    """A wheel for another Python, put into the lock by hand, is SW-1003 before anything is made."""
    path = wheel("native", tag="cp312-cp312-manylinux_2_17_x86_64")
    bench.wheels[lock_wheel(path)] = path
    with pytest.raises(FindingsError, match="SW-1003"):
        bench.build()


def test_a_wheel_cannot_replace_the_environment(
    bench: Bench, wheel: WheelFactory, lock_wheel: Callable[..., LockedWheel]
) -> None:
    """A wheel that brings an interpreter of its own is refused."""
    path = wheel("evil", files={"evil-1.0.data/scripts/python": b"#!/bin/sh"})
    bench.wheels[lock_wheel(path)] = path
    with pytest.raises(FindingsError, match="evil and the environment itself"):
        bench.build()


def test_a_wrong_hash_in_a_record_stops_the_layer(
    bench: Bench, wheel: WheelFactory, lock_wheel: Callable[..., LockedWheel]
) -> None:
    """A file that does not have the hash of its RECORD is found while it is written; no partial file stays."""
    row = b"liar/__init__.py,sha256=" + b"A" * 43 + b",6\n"
    path = wheel("liar", with_record=lambda text: row + text.split(b"\n", 1)[1])
    bench.wheels[lock_wheel(path)] = path
    with pytest.raises(WheelError, match="as recorded"):
        bench.build()
    assert list((bench.store.directory / "partial").iterdir()) == []
    assert bench.store.check() == ()


def test_config_is_what_the_room_says(bench: Bench) -> None:
    """Environment, user, folder, labels and history follow from the base and the compose file alone."""
    base = replace(
        bench.base,
        config={
            "config": {
                "Env": ["PATH=/usr/local/bin:/bin", "LANG=C.UTF-8", "KEEP=1"],
                "Cmd": ["python3"],
                "Labels": {"org.opencontainers.image.title": "theirs", "a": "b"},
                "OnBuild": ["RUN evil"],
            },
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "base step"}],
        },
    )
    run = Run(("serve",), (), {"LANG": "de", "A": "1"}, {"org.opencontainers.image.licenses": "MIT", "team": "x"})
    config = bench.build(base=base, run=run).image.config
    container = config["config"]
    assert isinstance(container, dict)
    assert container == {
        "Cmd": ["serve"],
        "Env": [
            "PATH=/opt/venv/bin:/usr/local/bin:/bin",
            "KEEP=1",
            "VIRTUAL_ENV=/opt/venv",
            "PYTHONDONTWRITEBYTECODE=1",
            "HOME=/tmp",
            "USER=nonroot",
            "A=1",
            "LANG=de",
        ],
        "Labels": {
            "a": "b",
            "team": "x",
            "dev.seaway.profile": "1",
            "org.opencontainers.image.licenses": "MIT",
            "org.opencontainers.image.title": "api",
            "org.opencontainers.image.base.name": "apt:debian/bookworm",
            "org.opencontainers.image.base.digest": str(base.digest),
        },
        "User": "65532:65532",
        "WorkingDir": "/opt/app",
    }
    history = config["history"]
    assert isinstance(history, list)
    assert {step["created"] for step in history} == {"1980-01-02T00:00:00Z"}
    assert [step["created_by"] for step in history] == [
        "base step",
        "seaway: environment",
        "seaway: wheel alpha 1.0",
        "seaway: bucket 1",
        "seaway: app",
    ]


def test_base_entrypoint_and_user_are_kept(bench: Bench) -> None:
    """As with FROM and CMD, a base's entrypoint stays; a known user needs no HOME."""
    base = replace(bench.base, config={"config": {"Entrypoint": ["/init"]}}, has_user=True)
    container = bench.build(base=base).image.config["config"]
    assert isinstance(container, dict)
    assert container["Entrypoint"] == ["/init"]
    assert not any(entry.startswith("HOME=") for entry in container["Env"])
