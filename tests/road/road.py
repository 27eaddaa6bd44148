"""A project of the small app with a user's own directories, and the real commands that are run in it.

A road is made once with people, images and a governed first release, and copied: what a test breaks is its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.evidence.inspection import verify_ledger
from seaway.image.layout import Layout
from tests.road.verbs import EXCEPTION
from tests.targets.root import make_root

APP = Path(__file__).parent / "app"
SEAWAY = Path(sys.executable).parent / "seaway"
PASSPHRASES = {name: f"the passphrase of {name} 4711" for name in ("alice", "bob", "releaser", "carol")}
SECRET = "token-of-the-road-b3f1c9"
ENVIRONMENT_SECRET = "variable-of-the-road-77a0e4"
STATUS = "Package: base-of-the-road\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n\n"
PATIENCE = 60.0


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """The first JSON document of its answer."""
        return json.JSONDecoder().raw_decode(self.out.lstrip())[0]


@dataclass
class Road:
    """One project below `home`, with published ports of its own."""

    home: Path
    cache: Path
    production: int = 0
    staging: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        """The project's folder."""
        return self.home / "app"

    @property
    def data(self) -> Path:
        """The user's data directory: ledger and keys."""
        return self.home / "data"

    @property
    def state(self) -> Path:
        """The user's state directory: what runs."""
        return self.home / "state"

    @property
    def ledger(self) -> Path:
        """The ledger's directory."""
        return next(path.parent for path in self.data.rglob("log.key"))

    @property
    def project(self) -> Path:
        """Where the agent keeps its state."""
        return next(path for path in self.state.iterdir() if path.name.startswith("road-"))

    def environ(self) -> dict[str, str]:
        """Returns the variables of its user."""
        own = {
            "SEAWAY_DATA_DIR": str(self.data),
            "SEAWAY_STATE_DIR": str(self.state),
            "SEAWAY_CACHE_DIR": str(self.cache),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "ROAD_SECRET": ENVIRONMENT_SECRET,
            "PYTHONPYCACHEPREFIX": str(self.cache / "bytecode"),
            **{f"GIT_{role}_NAME": "Alice" for role in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{role}_EMAIL": "alice@team.example" for role in ("AUTHOR", "COMMITTER")},
            **{f"SEAWAY_PASSPHRASE_{name.upper()}": phrase for name, phrase in PASSPHRASES.items()},
        }
        left_out = ("SEAWAY_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        return {**kept, **own, **self.extra}

    def run(self, *words: str, cwd: Path | None = None, prefix: tuple[str, ...] = ()) -> Said:
        """Runs a command to its end."""
        command = [*prefix, str(SEAWAY), *words, "--json"]
        done = subprocess.run(
            command,
            cwd=cwd or self.app,
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def do(self, *words: str, expects: int = 0) -> Any:
        """Runs a command that must end with this code; returns its answer."""
        said = self.run(*words)
        assert said.code == expects, f"seaway {' '.join(words)}: {said.code}\n{said.out[-1500:]}\n{said.err[-1500:]}"
        return said.answer if said.out.strip() else None

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Starts a command as a process of its own."""
        return subprocess.Popen(
            [str(SEAWAY), *words, "--json"],
            cwd=self.app,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def git(self, *words: str) -> str:
        """Runs git in the project."""
        done = subprocess.run(
            ["git", *words], cwd=self.app, env=self.environ(), check=True, capture_output=True, text=True
        )
        return done.stdout

    def whole(self) -> list[str]:
        """Returns what is wrong with image store and ledger; empty means both are whole."""
        problems = list(Layout(self.app / ".seaway" / "oci").check()) if (self.app / ".seaway" / "oci").exists() else []
        keys = list(self.data.rglob("log.key"))
        return problems + [str(each) for key in keys for each in verify_ledger(key.parent).problems]

    def agent(self) -> int:
        """Returns the agent's pid, 0 if none runs: whoever holds its lock."""
        lock = (self.project / "agent.lock").stat()
        for line in Path("/proc/locks").read_text().splitlines():
            parts = line.split()
            if parts[1] == "FLOCK" and int(parts[5].rpartition(":")[2]) == lock.st_ino:
                return int(parts[4])
        return 0

    def stop(self) -> None:
        """Takes everything down."""
        if self.app.is_dir() and self.state.is_dir():
            self.run("down")


def ports(count: int) -> list[int]:
    """Returns ports of the loopback that are free now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return found


def lay_out(home: Path, tar: Path, cache: Path) -> Road:
    """Lays out a project, committed by Alice; nothing is built and nobody enrolled."""
    production, staging = ports(2)
    road = Road(home, cache, production, staging)
    shutil.copytree(APP, road.app, ignore=shutil.ignore_patterns("__pycache__", ".mypy_cache"))
    for name in ("compose.yaml", "compose.staging.yaml"):
        text = (road.app / name).read_text()
        text = text.replace("@PRODUCTION@", str(production)).replace("@STAGING@", str(staging))
        (road.app / name).write_text(text)
    (road.app / "private").mkdir()
    (road.app / "private" / "token").write_text(SECRET)
    (road.app / "base").mkdir()
    os.link(tar, road.app / "base" / "root.tar")
    road.git("init", "-q", "-b", "main")
    road.git("add", "-A")
    road.git("commit", "-q", "-m", "feat: one word")
    return road


def enrol(road: Road) -> None:
    """Enrols Alice, who makes and operates, Bob, who approves, and the releaser."""
    for name in ("alice", "bob", "releaser"):
        road.do("keys", "new", name)
    roles = "owner,builder,tester,scanner,operator"
    road.do("keys", "enrol", "alice", "--person", "alice", "--roles", roles, "--email", "alice@team.example")
    road.do("keys", "enrol", "bob", "--person", "bob", "--roles", "approver")
    road.do("keys", "enrol", "releaser", "--person", "alice", "--roles", "releaser", "--environments", "production")


def lock(road: Road) -> None:
    """Locks, and commits the lock."""
    road.do("lock")
    road.git("add", "-A")
    road.git("commit", "-q", "-m", "build: lock")


def prove(road: Road) -> None:
    """Builds, runs in staging, tests and scans."""
    road.do("build")
    road.do("up", "--no-build")
    road.do("test", "staging")
    road.run("scan")


def admit(road: Road) -> None:
    """Takes what was proved through production's gate."""
    road.do(*EXCEPTION, "--reason", "no advisories here", "--key", "bob")
    road.do("approve", "production", "--key", "bob", "--reason", "read it")
    road.do("promote", "production")


def change(road: Road, word: str) -> None:
    """Commits another version of the app."""
    path = road.app / "api.py"
    path.write_text(re.sub(r'(?m)^WORD = ".*"$', f'WORD = "{word}"', path.read_text()))
    road.git("commit", "-q", "-am", f"feat: {word}")


def pack_root(folder: Path) -> Path:
    """Returns the tar of a root file system with a Python, made of the Python that runs the tests."""
    root = make_root(folder / "root")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (root / "usr/local/bin/python3").rename(root / "usr/local/bin" / version)
    (root / "usr/local/bin/python3").symlink_to(version)
    (root / "usr/local/bin/python").symlink_to(version)
    library = root / "usr/local/lib" / version
    for name in ("lib2to3", "ensurepip", "pydoc_data", "distutils", "unittest", "sqlite3", "turtledemo"):
        shutil.rmtree(library / name, ignore_errors=True)
    for path in library.glob("config-*"):
        shutil.rmtree(path)
    shutil.rmtree(root / "app")
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS)
    tar = folder / "root.tar"
    with tarfile.open(tar, "w") as archive:
        for path in sorted(root.iterdir()):
            archive.add(path, path.name, filter=_owned_by_root)
    return tar


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    return member


def until(holds: Any, *, seconds: float = PATIENCE, every: float = 0.1) -> Any:
    """Waits until something is true and returns it."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "not in time"
        time.sleep(every)
    return found


def ledger_size(road: Road) -> int:
    """Returns how many entries the ledger has."""
    return verify_ledger(road.ledger).size


def release_of(road: Road) -> dict[str, Any]:
    """Returns production's release as the agent tells it, empty where it knows none."""
    return dict(road.do("status", "production")["environments"]["production"]["release"] or {})
