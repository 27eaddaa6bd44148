"""A small shop whose every gate is open, made by real commands in this process; each attack breaks a copy of it.

Alice writes, builds, tests, scans, operates and owns the registry; Bob approves; the releaser's key is apart. What the
suite said is signed by Alice's key without running it; everything else is what the commands themselves made.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.bundle import Bundle
from seaway.cli import run
from seaway.evidence.deeds import Outcome, TestResult
from seaway.evidence.keys import Signer, open_key
from seaway.stages.built import last_bundle
from seaway.workspace import Workspace

SEAWAY = Path(sys.executable).with_name("seaway")
PASSPHRASES = {name: f"the passphrase of {name}" for name in ("alice", "bob", "releaser", "mallory")}
ROLES = "owner,builder,tester,scanner,operator"
COMPOSE = """
name: shop
services:
  api:
    build: .
    command: [python, api.py]
    x-seaway: {image: {base: {rootfs: base/root.tar}, lock: requirements.txt}}
x-seaway:
  version: 1
  owner: team-shop
  environments:
    staging: {target: process}
    production:
      target: process
      gates: {pack: default, suites: [answers], approvals: 1, soak: 0s, parity: false}
    canteen:
      target: process
      gates: {pack: default, suites: [answers], approvals: 1, soak: 0s, parity: false}
  suites:
    answers: {service: api, command: [python, suite.py], junit: junit.xml, timeout: 1m}
"""
STATUS = "Package: base-of-the-shop\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n\n"
ROOT = {
    "usr/bin/python3.11": b"no interpreter, though it says 3.11.2\x00\n",
    "lib/x86_64-linux-gnu/libc.so.6": b"GNU C Library (Debian) stable release version 2.36\n",
    "var/lib/dpkg/status": STATUS.encode(),
    "etc/os-release": b"ID=debian\nVERSION_ID=12\n",
}


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Everything it wrote."""
        return self.out + self.err

    @property
    def answer(self) -> Any:
        """Its JSON document."""
        return json.JSONDecoder().raw_decode(self.out.lstrip())[0]


@dataclass(frozen=True)
class Shop:
    """The project, the user's directories and the commands, all below one folder."""

    home: Path

    @property
    def app(self) -> Path:
        """The project's folder."""
        return self.home / "app"

    @property
    def data(self) -> Path:
        """The user's data directory: ledger and keys."""
        return self.home / "data"

    @property
    def ledger(self) -> Path:
        """The ledger's directory."""
        return self.data / "ledger" / "shop.local"

    @property
    def keys(self) -> Path:
        """Where key files lie."""
        return self.data / "keys"

    @property
    def images(self) -> Path:
        """The project's image store."""
        return self.app / ".seaway" / "oci"

    def environ(self) -> dict[str, str]:
        """Returns the variables of the user."""
        own = {
            "SEAWAY_DATA_DIR": str(self.data),
            "SEAWAY_STATE_DIR": str(self.home / "state"),
            "SEAWAY_CACHE_DIR": str(self.home / "cache"),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            **{f"GIT_{role}_NAME": "Alice" for role in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{role}_EMAIL": "alice@shop.example" for role in ("AUTHOR", "COMMITTER")},
            **{f"SEAWAY_PASSPHRASE_{name.upper()}": phrase for name, phrase in PASSPHRASES.items()},
        }
        return {**{name: value for name, value in os.environ.items() if not name.startswith("SEAWAY_")}, **own}

    def run(self, *words: str, **changes: str) -> Said:
        """Runs a command in this process, as its user with some variables changed."""
        out, err = io.StringIO(), io.StringIO()
        with self._entered({**self.environ(), **changes}), Path(os.devnull).open() as nothing:
            kept, sys.stdin = sys.stdin, nothing
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    code = run([*words, "--json"])
            finally:
                sys.stdin = kept
        return Said(code, out.getvalue(), err.getvalue())

    def do(self, *words: str) -> Any:
        """Runs a command that must succeed; returns its answer."""
        said = self.run(*words)
        assert said.code == 0, f"seaway {' '.join(words)}: {said.code}\n{said.all[-1500:]}"
        return said.answer if said.out.strip() else None

    def process(self, *words: str, prefix: tuple[str, ...] = ()) -> Said:
        """Runs a command as a process of its own."""
        command = [*prefix, str(SEAWAY), *words, "--json"]
        done = subprocess.run(
            command, cwd=self.app, env=self.environ(), capture_output=True, text=True, timeout=60, check=False
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def git(self, *words: str) -> None:
        """Runs git in the project."""
        subprocess.run(["git", *words], cwd=self.app, env=self.environ(), check=True, capture_output=True)

    @contextlib.contextmanager
    def space(self) -> Iterator[Workspace]:
        """Yields the project as the stages see it."""
        with self._entered(self.environ()):
            yield Workspace.find(dict(os.environ), lambda uri: PASSPHRASES[Path(uri).stem].encode())

    def signer(self, name: str) -> Signer:
        """Opens somebody's key without the limits that the command line sets."""
        return open_key(f"file:{self.keys / name}.pem", lambda _: PASSPHRASES[name].encode())

    def bundle(self) -> Bundle:
        """Returns the bundle that was built last."""
        with self.space() as space:
            return last_bundle(space)

    def copy(self, home: Path) -> Shop:
        """Returns another shop that is the same up to its place."""
        shutil.copytree(self.home, home, symlinks=True)
        return Shop(home)

    def files(self) -> dict[str, bytes]:
        """Returns every file of ledger, keys and memory, by path: what a refused command must leave as it was."""
        state = self.home / "state"
        found = [path for folder in (self.data, state) for path in folder.rglob("*") if path.is_file()]
        left = [path for path in found if "graph" not in path.parts and path.name not in ("lock", "index.sqlite")]
        return {str(path.relative_to(self.home)): path.read_bytes() for path in sorted(left)}

    @contextlib.contextmanager
    def _entered(self, environ: dict[str, str]) -> Iterator[None]:
        kept, folder = dict(os.environ), Path.cwd()
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(self.app)
        try:
            yield
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(kept)


def found(home: Path) -> Shop:
    """Founds a shop: people enrolled, locked, built, tested and scanned; nobody has approved anything."""
    shop = lay_out(home)
    for name in ("alice", "bob", "releaser"):
        shop.do("keys", "new", name)
    shop.do("keys", "enrol", "alice", "--person", "alice", "--roles", ROLES, "--email", "alice@shop.example")
    shop.do("keys", "enrol", "bob", "--person", "bob", "--roles", "approver")
    shop.do("keys", "enrol", "releaser", "--person", "alice", "--roles", "releaser", "--environments", "production")
    shop.do("lock")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "build: lock")
    shop.do("build")
    tell_tests(shop)
    assert shop.run("scan").code == 36
    return shop


def lay_out(home: Path) -> Shop:
    """Lays out a project, committed by Alice."""
    shop = Shop(home)
    (shop.app / "base").mkdir(parents=True)
    (shop.app / "compose.yaml").write_text(COMPOSE)
    (shop.app / "requirements.txt").write_text("")
    (shop.app / "api.py").write_text("print('one')\n")
    (shop.app / ".gitignore").write_text("/base/\n")
    with tarfile.open(shop.app / "base" / "root.tar", "w") as archive:
        for path, data in ROOT.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
    shop.git("init", "-q", "-b", "main")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "feat: one")
    return shop


def tell_tests(shop: Shop, result: Outcome = Outcome.PASSED, *, name: str = "answers") -> None:
    """Signs as Alice what a suite would have said of bundle and images."""
    bundle = shop.bundle()
    suite = {"name": name, "kind": "test", "environment": "staging"}
    with shop.space() as space, space.notary() as notary:
        for subject in (bundle.digest, *(image.digest for image in bundle.images.values())):
            said = TestResult(result=result, configuration=(), seaway_suite=suite)
            notary.append(said.about(subject), shop.signer("alice"))


def waive(shop: Shop, *more: str) -> Said:
    """Has Bob except the scan that knows no advisories."""
    words = ("except", "production", "scan-fresh", "--requested-by", "alice", "--ticket", "SEC-1", "--days", "3")
    return shop.run(*words, "--reason", "no advisories here", "--key", "bob", *more)


def approve(shop: Shop, *more: str) -> Said:
    """Has Bob approve what would be promoted to production."""
    return shop.run("approve", "production", "--key", "bob", "--reason", "read it", *more)


def denied(said: Said) -> set[str]:
    """Returns the rules that stop a promotion."""
    return {
        rule["rule"]
        for rule in said.answer["rules"]
        if rule["verdict"] in ("deny", "undecided") and not all(denial["waivedBy"] for denial in rule["denials"])
    }


def flip(path: Path, at: int, mask: int = 1) -> None:
    """Changes one byte of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= mask
    path.write_bytes(data)
