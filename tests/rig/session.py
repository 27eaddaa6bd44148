"""The rig from pytest: one session fixture that brings up the parts that the chosen tests name.

`@pytest.mark.rig("docker", "registry")` names what a test needs; the fixture `rig` brings up the parts of all chosen
tests at once, the first time one of them runs, and gives what `rig env` exports. What was running before stays; what
this session started ends with it. Rig tests run last, so that an installation in the background has time to end.

As an ordinary user, where SEAWAY_NO_RIG=1, or where nobody ran `rig install` yet, rig tests are skipped and counted
on the last line. Under SEAWAY_NO_SKIPS=1, as in CI, they wait for an installation that is under way.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "rig"
CACHE = Path(os.environ.get("SEAWAY_RIG_CACHE", Path.home() / ".cache" / "seaway-rig"))
PARTS = ("docker", "registry", "cluster", "gateway", "prometheus")
IMPLIED = {"gateway": "cluster"}
_EXPORT = re.compile(r"^export (\w+)='(.*)'$", re.M)


def why_not() -> str:
    """Returns why no rig can run here, or nothing."""
    if os.geteuid() != 0:
        return "the rig needs root"
    if os.environ.get("SEAWAY_NO_RIG") == "1":
        return "SEAWAY_NO_RIG=1"
    installed = CACHE.is_dir() or os.environ.get("SEAWAY_NO_SKIPS") == "1"
    return "" if installed else "run tests/rig/rig install first"


def parts_of(item: pytest.Item) -> frozenset[str]:
    """Returns the parts a test needs: those its marks name, and what these stand on."""
    named = {str(part) for mark in item.iter_markers("rig") for part in mark.args}
    unknown = named - set(PARTS)
    if unknown:
        raise pytest.UsageError(f"{item.nodeid}: the rig has no part {', '.join(sorted(unknown))}")
    return frozenset(named | {IMPLIED[part] for part in named if part in IMPLIED})


def arrange(items: list[pytest.Item]) -> None:
    """Moves rig tests behind the others, and marks them skipped where there can be no rig."""
    skip = pytest.mark.skip(reason=f"rig: {why_not()}")
    for item in items:
        if parts_of(item) and why_not():
            item.add_marker(skip)
    items.sort(key=lambda item: bool(parts_of(item)))


def is_excused(item: pytest.Item) -> bool:
    """Whether a skip of this test is no failure where every skip is one: only root can have a rig."""
    return os.geteuid() != 0 and bool(parts_of(item))


def running() -> frozenset[str]:
    """Returns the parts that run now."""
    done = subprocess.run([PROGRAM, "status", "--json"], capture_output=True, text=True, check=False)
    alive = {str(row["part"]) for row in json.loads(done.stdout or "[]") if row["pid"]}
    return frozenset("cluster" if part.startswith("clusters/") else part for part in alive)


@dataclass
class Rig:
    """The parts that are up, and what `rig env` exports for them: DOCKER_HOST, KUBECONFIG, PATH and the like."""

    environ: dict[str, str] = field(default_factory=dict)

    def up(self, parts: Iterable[str]) -> None:
        """Brings parts up and waits until they are ready; what runs already stays as it is."""
        missing = set(parts) - running()
        if ordered := [part for part in PARTS if part in missing]:
            done = subprocess.run([PROGRAM, "up", *ordered], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.fail(f"rig up {' '.join(ordered)}: {done.stderr.strip()}", pytrace=False)
        exported = subprocess.run([PROGRAM, "env"], capture_output=True, text=True, check=True).stdout
        self.environ = dict(_EXPORT.findall(exported))


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Returns the rig with every part that a chosen test asks for."""
    wanted = {part for item in request.session.items for part in parts_of(item)}
    before = running()
    made = Rig()
    made.up(wanted)
    yield made
    if started := [part for part in PARTS if part in wanted and part not in before and part not in IMPLIED]:
        subprocess.run([PROGRAM, "down", *started], capture_output=True, check=False)
