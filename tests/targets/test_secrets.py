"""Secrets and configuration: where values may be, where never, and that a rollback brings the old ones back."""

from __future__ import annotations

import base64
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.errors import SourceMissing
from seaway.targets.base import Scale, Shift, Version
from seaway.targets.blueprint import Mount
from seaway.targets.document import encode
from seaway.targets.process.target import ProcessTarget
from tests.targets.world import drive, version_of, web

pytestmark = pytest.mark.rootless

CANARY = "canary-4711-value"
SHOW = (
    "import os, time; print(open('/run/secrets/key').read().strip()[:6], os.environ['TOKEN'][:6],"
    " open('/etc/app.conf').read().strip(), flush=True); time.sleep(60)"
)


def version(key: Path, word: str, conf: bytes) -> tuple[Version, dict[Digest, bytes]]:
    """Returns a version of a worker with a secret file, a secret variable and a configuration file."""
    mounts = (Mount("config", "conf", "/etc/app.conf"), Mount("secret", "key", "/run/secrets/key"))
    worker = web(
        word,
        ports=(),
        mounts=mounts,
        command=("python3", "-c", SHOW),
        secret_environment={"TOKEN": "token"},
        stop_grace=0.1,
    )
    secrets = {"key": {"file": str(key)}, "token": {"environment": "SEAWAY_TEST_TOKEN"}}
    bare = version_of(worker, secrets=secrets)
    blueprint = replace(bare.blueprint, configs={"conf": Digest.of(conf)})
    full = replace(bare, blueprint=blueprint, digest=Digest.of_json(encode(blueprint)))
    return full, {Digest.of(conf): conf}


def show(target: ProcessTarget, which: Version) -> str:
    """Runs one pod of a version and returns what it read."""
    target.act(Scale(which.digest, {"web": 1}), 1)
    target.act(Shift({which.digest: 100}), 1)
    name = which.service_versions["web"]
    log = target.paths.cells / f"web-{name}-0" / "log.jsonl"
    drive(target, lambda _seen: log.exists() and "conf" in log.read_text())
    return log.read_text()


def test_values_are_where_they_must_be_and_nowhere_else(
    target: ProcessTarget, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only in the version's secret files and the cell's own spec, readable by the owner alone; never in a log."""
    key = tmp_path / "key.txt"
    key.write_text(f"{CANARY}\n")
    monkeypatch.setenv("SEAWAY_TEST_TOKEN", f"T-{CANARY}")
    one, configs = version(key, "one", b"conf one")
    target.install(one, roots=lambda _digest: root, configs=configs.__getitem__)
    text = show(target, one)
    assert "canary T-cana conf one" in text
    found = set()
    for path in target.paths.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if CANARY.encode() in data or base64.b64encode(CANARY.encode())[:20] in data:
                found.add(path.name)
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert found == {"key", "token", "spec.json"}


def test_a_rollback_brings_the_old_values_back(
    target: ProcessTarget, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that changed between two versions is the old one again with the old version; configuration too."""
    key = tmp_path / "key.txt"
    monkeypatch.setenv("SEAWAY_TEST_TOKEN", "token")
    key.write_text("before\n")
    one, first = version(key, "one", b"conf one")
    target.install(one, roots=lambda _digest: root, configs=first.__getitem__)
    assert "before token conf one" in show(target, one)
    key.write_text("after!\n")
    two, second = version(key, "two", b"conf two")
    target.install(two, roots=lambda _digest: root, configs=second.__getitem__)
    assert "after! token conf two" in show(target, two)
    target.act(Scale(one.digest, {"web": 0}), 1)
    drive(target, lambda seen: len(seen.pods) == 1)
    started = time.time()
    log = target.paths.cells / f"web-{one.service_versions['web']}-0" / "log.jsonl"
    lines = len(log.read_text().splitlines())
    target.act(Scale(one.digest, {"web": 1}), 1)
    drive(target, lambda _seen: len(log.read_text().splitlines()) > lines)
    assert "before token conf one" in log.read_text().splitlines()[-1]
    assert started > 0


def test_a_secret_without_a_value_is_refused(
    target: ProcessTarget, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file or variable; no version is installed."""
    monkeypatch.delenv("SEAWAY_TEST_TOKEN", raising=False)
    key = tmp_path / "key.txt"
    one, configs = version(key, "one", b"conf")
    with pytest.raises(SourceMissing, match="key"):
        target.install(one, roots=lambda _digest: root, configs=configs.__getitem__)
    key.write_text("x")
    with pytest.raises(SourceMissing, match="SEAWAY_TEST_TOKEN"):
        target.install(one, roots=lambda _digest: root, configs=configs.__getitem__)
    assert target.store.installed() == {}
