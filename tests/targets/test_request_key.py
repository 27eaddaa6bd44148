"""The key that signs the tokens of an environment's requests: one for all replicas, for its owner alone."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.request_key import known_key, lend, request_key
from seaway.targets.process.target import ProcessTarget
from tests.targets.world import drive, go_live, version_of, web

pytestmark = pytest.mark.rootless


def test_a_key_is_made_once_and_stays(paths: EnvironmentPaths) -> None:
    """32 random bytes as hex, in a file that nobody else reads."""
    paths.make()
    assert known_key(paths) == b""
    key = request_key(paths)
    assert len(bytes.fromhex(key.decode())) == 32
    assert request_key(paths) == known_key(paths) == key
    assert stat.S_IMODE(paths.request_key.stat().st_mode) == 0o600


def test_two_that_make_it_at_once_agree(paths: EnvironmentPaths) -> None:
    """A command and the agent may start the first cells together."""
    paths.make()
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: request_key(paths), range(16)))) == 1
    assert [each.name for each in paths.folder.glob("*request.key*")] == ["request.key"]


def test_a_cell_gets_a_copy_for_its_own_user(paths: EnvironmentPaths) -> None:
    """It cannot write it, and no other user reads it."""
    paths.make()
    place = paths.folder / "lent"
    lend(paths, place, (65532, 65532) if os.geteuid() == 0 else None)
    assert place.read_bytes().strip() == request_key(paths)
    assert stat.S_IMODE(place.stat().st_mode) == 0o400
    assert place.stat().st_uid == (65532 if os.geteuid() == 0 else os.getuid())


def test_a_program_reads_the_key_where_it_is_told(target: ProcessTarget, root: Path) -> None:
    """Inside its cell, as the user it runs as."""
    says = "import os, time; print(open(os.environ['SEAWAY_REQUEST_KEY_FILE']).read(), flush=True); time.sleep(60)"
    version = version_of(replace(web(), ports=(), command=("python3", "-c", says)))
    go_live(target, version, root, web=1)
    log = target.paths.cells / f"web-{version.service_versions['web']}-0" / "log.jsonl"
    key = known_key(target.paths).decode()
    drive(target, lambda _seen: log.exists() and key in log.read_text())
    assert key
