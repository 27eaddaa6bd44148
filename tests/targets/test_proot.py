"""The ladder where namespaces are really forbidden: a user namespace in which no further one may be made."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.targets.process.proot import ProotMissing, find_proot

pytestmark = pytest.mark.rootless

FORBID = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
CHOOSE = (
    "import sys; from pathlib import Path; from seaway.targets.process.ladder import choose_way;"
    "print(choose_way(Path(sys.argv[1]), Path(sys.argv[1]) / 'tools').mode)"
)


def forbidden(*argv: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs Python where no namespace can be made."""
    command = ["unshare", "-Ur", "/bin/sh", "-c", FORBID, "sh", *(["env", f"PATH={path}"] if path else [])]
    return subprocess.run([*command, sys.executable, "-B", *argv], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Returns a PATH with proot on it; skips where none is to be had, or namespaces cannot be forbidden."""
    if not shutil.which("unshare") or forbidden("-c", "").returncode:
        pytest.skip("namespaces cannot be forbidden here")
    folder = tmp_path_factory.mktemp("tools")
    try:
        command = find_proot(folder, folder)
    except ProotMissing as missing:
        pytest.skip(f"no proot: {missing}")
    wrapper = folder / "bin" / "proot"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    wrapper.chmod(0o755)
    return f"{wrapper.parent}:{os.environ['PATH']}"


def test_forbidden_namespaces_fall_to_proot(tools: str, tmp_path: Path, root: Path) -> None:
    """The image runs all the same, with one line that says what is lost; killed, stopped and joined as elsewhere."""
    done = forbidden("-m", "tests.targets.forbidden", str(tmp_path), str(root), path=tools)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["says"].startswith("proot: ") and "\n" not in seen["says"]
    assert seen["failed"] == 0 and seen["answered"] > 5
    assert seen["outlived"] is False
    files, hosts, word = seen["joined"]
    assert (files, word) == (["server.py"], "one") and "web" in hosts
    assert (seen["end"]["code"], seen["end"]["asked"]) == (0, True)
    assert not (root / "usr/local/lib/python3/x").exists()


def test_without_proot_it_is_refused_with_a_hint(tools: str, tmp_path: Path) -> None:
    """Never a run on the host's own files; the error says what each rung said."""
    empty = tmp_path / "empty"
    empty.mkdir()
    done = forbidden("-c", CHOOSE, str(empty), path=str(empty))
    assert done.returncode == 1
    assert "TargetUnsupported" in done.stderr
    for word in ("namespaces:", "user namespaces:", "proot:"):
        assert word in done.stderr


def test_the_probe_finds_what_the_first_call_hides(tools: str, tmp_path: Path) -> None:
    """There `unshare` of the root's own spaces works; only the whole sequence shows that a cell cannot be made."""
    done = forbidden("-c", CHOOSE, str(tmp_path), path=tools)
    assert done.stdout.strip() == "proot", done.stderr
