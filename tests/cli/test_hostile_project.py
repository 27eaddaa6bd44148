"""The installed command in projects that are broken, hostile or empty: a clear error with its code, never 90."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.errors import SourceMissing
from seaway.image.source import read_source

pytestmark = pytest.mark.rootless

SEAWAY = Path(sys.executable).with_name("seaway")
COMPOSE = 'services: {web: {build: ., command: [python, a.py], x-seaway: {image: {base: "apt:debian/bookworm"}}}}\n'


def seaway(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a project with directories of its own."""
    own = {"SEAWAY_DATA_DIR": str(project / ".data"), "SEAWAY_STATE_DIR": str(project / ".state")}
    return subprocess.run(
        [SEAWAY, *words], cwd=project, env={**os.environ, **own}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one service that was never built."""
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    return tmp_path


def test_a_ledger_that_was_never_opened_is_missing_evidence(project: Path) -> None:
    """`ledger verify` says that there is none, and how one begins."""
    done = seaway(project, "ledger", "verify")
    assert (done.returncode, "seaway keys enrol" in done.stderr) == (31, True)


def test_logs_before_anything_ran_are_empty(project: Path) -> None:
    """There is nothing to show, and that is no error."""
    done = seaway(project, "logs")
    assert (done.returncode, done.stdout) == (0, "")


def test_down_before_anything_ran_says_so(project: Path) -> None:
    """Nothing is stopped and no agent is started for it."""
    done = seaway(project, "down")
    assert (done.returncode, done.stdout) == (0, "stopped: nothing was running\n")


@pytest.mark.parametrize("record", ["[]", "{}", "zz", '{"bundle": 5}', '{"bundle": "sha256:00"}'])
def test_a_damaged_record_of_the_last_build_is_a_damaged_store(project: Path, record: str) -> None:
    """`up --no-build` names the file and the command that writes it anew."""
    (project / ".seaway").mkdir()
    (project / ".seaway" / "build.json").write_text(record)
    done = seaway(project, "up", "--no-build")
    assert (done.returncode, "seaway build" in done.stderr) == (25, True)


def test_a_health_check_that_needs_a_shell_is_refused_before_anything_is_built(project: Path) -> None:
    """An `apt:` image has no shell: waiting for health would last for ever."""
    (project / "compose.yaml").write_text(COMPOSE.replace("command:", "healthcheck: {test: exit 0}, command:"))
    done = seaway(project, "up")
    assert (done.returncode, "needs a shell" in done.stderr) == (57, True)


@pytest.mark.parametrize("patterns", [b"[\n\\\n", b"\xff\n"])
def test_an_ignore_file_that_cannot_be_read_is_named(tmp_path: Path, patterns: bytes) -> None:
    """A pattern that is none, or bytes that are no text, stop the reading of the sources and change nothing."""
    (tmp_path / ".dockerignore").write_bytes(patterns)
    with pytest.raises(SourceMissing, match=r"^\.dockerignore "):
        read_source(tmp_path)


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    """The shell stands in a folder that somebody removed: a missing source, not a fault of ours."""
    script = f'd=$(mktemp -d -p {tmp_path}); cd "$d"; rmdir "$d"; exec {SEAWAY} ps'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, "folder is gone" in done.stderr) == (10, True)
