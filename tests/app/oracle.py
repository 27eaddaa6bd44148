"""Cases as data files, and the oracle they are compared with: the real `docker compose`, which needs no engine.

A file holds cases: `========== name`, `# what it shows`, optional `args:` and `env:` lines, files as `--- path`,
a line of `----------`, and what is expected: `accept`, or `reject <a part of our message>`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.app.emit import config_object
from seaway.app.load import How, load
from seaway.app.select import select

CASES = Path(__file__).parent / "cases"
BINARY = Path(sys.executable).parent / "docker-compose"
VERSION = "v5.6.1"
NAME = "cases"


@dataclass(frozen=True)
class Case:
    """One case: files by path, options and variables, and what is expected of it."""

    name: str
    title: str
    files: dict[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    expected: str = "accept"

    def write(self, root: Path) -> Path:
        """Writes the files below a folder with a name that is always the same, and returns it."""
        folder = root / NAME
        for path, text in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return folder

    @property
    def consistent(self) -> bool:
        """Whether references are checked too: in the files whose name says so."""
        return self.name.startswith("consistency")

    @property
    def environ(self) -> dict[str, str]:
        """The variables both sides see."""
        return {"HOME": "/home/user", "PATH": "/usr/bin:/bin", **self.env}


DIFFERENCES = Path(__file__).parent / "differences" / "loader.txt"


def differences() -> list[Case]:
    """Returns the cases that Compose and Seaway load differently on purpose."""
    return list(_read(DIFFERENCES))


def cases(*groups: str) -> list[Case]:
    """Returns the cases of the named files, or of all."""
    chosen = [CASES / f"{group}.txt" for group in groups] if groups else sorted(CASES.glob("*.txt"))
    return [case for path in chosen for case in _read(path)]


def _read(path: Path) -> Iterator[Case]:
    for block in path.read_text().split("========== ")[1:]:
        head, _, rest = block.partition("\n")
        body, _, expected = rest.rpartition("\n----------\n")
        yield _case(f"{path.stem}/{head.strip()}", body, expected.strip())


def _case(name: str, body: str, expected: str) -> Case:
    top, *parts = ("\n" + body).split("\n--- ")
    options = dict.fromkeys(("args", "env"), "")
    title = ""
    for line in top.strip().splitlines():
        key, _, value = line.partition(": ")
        if line.startswith("# "):
            title = line[2:]
        else:
            options[key] = value
    files = {part.partition("\n")[0].strip(): part.partition("\n")[2] + "\n" for part in parts}
    env = dict(pair.split("=", 1) for pair in options["env"].split())
    return Case(name, title, files, tuple(options["args"].split()), env, expected)


@dataclass
class Batch:
    """Compose asked about many cases at once, a few processes at a time; answers come while our own tests run."""

    root: Path
    asked: dict[str, tuple[Path, Future[dict[str, Any] | None]]] = field(default_factory=dict)

    def ask(self, cases: Iterable[Case], pool: Executor) -> None:
        """Writes each case's files and asks about it."""
        for case in cases:
            folder = case.write(self.root / case.name)
            self.asked[case.name] = folder, pool.submit(ask, case, folder, consistent=case.consistent)

    def answer(self, case: Case) -> tuple[Path, dict[str, Any] | None]:
        """Returns a case's folder and what Compose prints, or None where it rejects."""
        folder, answer = self.asked[case.name]
        return folder, answer.result()


def ask(case: Case, folder: Path, *, consistent: bool = False) -> dict[str, Any] | None:
    """Returns what Compose prints, or None where it rejects; mutation runs ask once and keep the answers."""
    if (answers := os.environ.get("SEAWAY_ORACLE_ANSWERS")) is None:
        return _asked(case, folder, consistent=consistent)
    kept = Path(answers) / hashlib.sha256(f"{case} {consistent}".encode()).hexdigest()
    if not kept.exists():
        kept.write_text(json.dumps(_asked(case, folder, consistent=consistent)).replace(str(folder), "@FOLDER@"))
    found: dict[str, Any] | None = json.loads(kept.read_text().replace("@FOLDER@", str(folder)))
    return found


def _asked(case: Case, folder: Path, *, consistent: bool) -> dict[str, Any] | None:
    flags = [] if consistent else ["--no-consistency"]
    command = [str(BINARY), *case.args, "config", "--format", "json", *flags]
    done = subprocess.run(command, cwd=folder, env=case.environ, capture_output=True, timeout=60, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def ours(case: Case, folder: Path, *, consistent: bool = False) -> dict[str, Any]:
    """Returns what Seaway prints, as parsed JSON; raises AppError where it rejects."""
    app = load(select(folder, case.environ, **options(case.args)), how=How(consistent=consistent, lenient=True))
    parsed: dict[str, Any] = json.loads(json.dumps(config_object(app)))
    return parsed


def options(args: tuple[str, ...]) -> dict[str, Any]:
    """Returns the keyword arguments of `select` for options of Compose."""
    found: dict[str, Any] = {"files": [], "profiles": [], "env_files": [], "project_name": None}
    names = {"-f": "files", "--profile": "profiles", "--env-file": "env_files"}
    for option, value in zip(args[::2], args[1::2], strict=True):
        if option in names:
            found[names[option]].append(value)
        else:
            found["project_name"] = value
    return found
