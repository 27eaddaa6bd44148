"""What a command loads before it does anything: the slow libraries and the far rooms only where they are used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.rootless

COMPOSE = "services:\n  web:\n    image: registry.example/web:1\n"
SLOW = ("httpx", "cryptography", "cel_expr_python", "google", "univers", "packaging", "pathspec", "rich")
FAR = ("seaway.release", "seaway.evidence", "seaway.policy", "seaway.graph", "seaway.image", "seaway.workspace")
LISTING = """
import sys
from seaway.cli import run
run(sys.argv[1:])
print("loaded", *sys.modules, file=sys.stderr)
"""


def loaded(folder: Path, *arguments: str) -> set[str]:
    """Returns the modules in a new process after a command ran in a folder with a small app."""
    (folder / "compose.yaml").write_text(COMPOSE)
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *arguments],
        cwd=folder,
        env={**os.environ, "SEAWAY_DATA_DIR": str(folder / "data"), "SEAWAY_STATE_DIR": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.rpartition("loaded ")[2].split())


@pytest.mark.parametrize("command", ["--help", "check", "config", "ps"])
def test_a_command_that_only_looks_loads_nothing_slow_and_no_far_room(command: str, tmp_path: Path) -> None:
    """Neither a listed library nor a room that proves, decides or releases is imported."""
    modules = loaded(tmp_path, command)
    assert "seaway.cli" in modules
    below = {name for name in modules for top in (*SLOW, *FAR) if name == top or name.startswith(f"{top}.")}
    assert below == set()


def test_help_loads_no_command(tmp_path: Path) -> None:
    """The top help comes from the table alone: two modules of the command line and no other room."""
    modules = {name for name in loaded(tmp_path, "--help") if name.startswith("seaway.")}
    assert modules <= {"seaway.cli", "seaway.cli.output", "seaway.errors", "seaway.findings"}


def test_keys_load_neither_the_judge_nor_the_builder(tmp_path: Path) -> None:
    """A group that needs the ledger loads the ledger, and not what builds, decides or releases."""
    modules = loaded(tmp_path, "keys", "list")
    assert "seaway.evidence.notary" in modules
    assert not modules & {"seaway.release", "seaway.policy", "seaway.image.service", "httpx", "cel_expr_python"}


@pytest.mark.parametrize(("command", "most"), [("--help", 135), ("check", 275), ("config", 235)])
def test_few_modules_are_loaded(command: str, most: int, tmp_path: Path) -> None:
    """Most of a start is importing: what is added to it is added on purpose."""
    assert len(loaded(tmp_path, command)) <= most


def test_a_fault_of_ours_is_reported_by_what_is_loaded_then(tmp_path: Path) -> None:
    """What a report needs is not loaded at every start."""
    assert not loaded(tmp_path, "--help") & {"traceback", "tempfile", "seaway.cli.fault"}
