"""The projects on the road: init, check, config, lock, build and up of each, as far as this machine can.

`ran.json` keeps how far each came and why not further; `docs/reference/init.md` is written from it.

    SEAWAY_UPDATE=1 python -m pytest tests/init/test_run.py -m long     runs all of them and writes it
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PROJECTS = Path(__file__).parent / "projects"
RAN = Path(__file__).parent / "ran.json"
STEPS = ("init", "check", "config", "lock", "build", "up")
SHAPES = {
    "bare": "no compose file yet: a Flask factory",
    "batch": "a batch job",
    "dockerfile": "a service that needs its Dockerfile",
    "fastapi": "FastAPI with hashed requirements and a Dockerfile",
    "flask": "Flask behind gunicorn, a file in brackets on one line",
    "gpu": "a GPU service from a registry",
    "grpc": "a gRPC server",
    "models": "FastAPI with model weights in the project",
    "monorepo": "two services, two contexts, system packages, four columns of indent",
    "node": "a Node front end and a Python API",
    "notebook": "the export of a notebook",
    "services": "API and worker with postgres and redis, anchors and merge keys",
    "streamlit": "Streamlit",
    "unlocked": "requirements without hashes",
    "uv": "a uv project",
    "worker": "a worker that loops",
}


@dataclass
class Came:
    """How far a project came, and what stopped it: the first line of what was said."""

    name: str
    done: list[str] = field(default_factory=list)
    stopped: str = ""


def walk(name: str, work: Path, environ: dict[str, str]) -> Came:
    """Walks one project in a copy; what was started is stopped."""
    folder = Path(shutil.copytree(PROJECTS / name, work / name))
    if (folder / "uv.lock").is_file() and (uv := shutil.which("uv")):
        subprocess.run([uv, "lock", "--quiet"], cwd=folder, check=False)
    came = Came(name)
    commands = {
        "init": ("init", "--yes"),
        "check": ("check", "--for", "docker"),
        "up": ("up", "--detach", "--no-build"),
    }
    try:
        for step in STEPS:
            done = _seaway(folder, environ, *commands.get(step, (step,)))
            if done.returncode:
                came.stopped = _said(done.stdout if step == "check" else done.stderr or done.stdout)
                return came
            came.done.append(step)
        came.stopped = "" if _stands(folder, environ) else "it did not stay up"
    finally:
        _seaway(folder, environ, "down")
    return came


def _stands(folder: Path, environ: dict[str, str]) -> bool:
    """Waits until every pod is ready or, where it is a job, has ended."""
    for _ in range(90):
        said = json.loads(_seaway(folder, environ, "ps", "--json").stdout or "[]")
        states = [str(each.get("state")) for each in said] if isinstance(said, list) else []
        if states and all(state in ("ready", "ended", "completed", "serving") for state in states):
            return True
        time.sleep(2)
    return False


def _seaway(folder: Path, environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "seaway"), *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=900)


def _said(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("error")]
    return (lines or text.strip().splitlines() or [""])[0].removeprefix("error: ").split(" (/")[0]


def read() -> dict[str, dict[str, object]]:
    """What was kept of the last run."""
    kept: dict[str, dict[str, object]] = json.loads(RAN.read_text()) if RAN.is_file() else {}
    return kept


def keep(came: Came) -> None:
    """Keeps how far a project came."""
    kept = read() | {came.name: {"done": came.done, "stopped": came.stopped, "on": time.strftime("%Y-%m-%d")}}
    RAN.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n")


def page() -> str:
    """The list for the docs."""
    head = [
        "# Where `seaway init` was tried",
        "",
        "Generated from the last run of `tests/init/test_run.py` (the long lane): what `seaway init` wrote, walked as",
        "far as a machine without a container engine and without a GPU can. The real Compose takes every one of them.",
        "",
        f"| project | {' | '.join(STEPS)} | what stopped it | on |",
        f"|---|{'---|' * len(STEPS)}---|---|",
    ]
    kept = read()
    for name, shape in SHAPES.items():
        one = kept.get(name, {"done": [], "stopped": "not run yet", "on": ""})
        done = one["done"] if isinstance(one["done"], list) else []
        cells = " | ".join("yes" if step in done else "-" for step in STEPS)
        head.append(f"| {shape} | {cells} | {str(one['stopped']).replace('|', ' ')} | {one['on']} |")
    return "\n".join(head) + "\n"


def environment(work: Path) -> dict[str, str]:
    """The variables of a run that leaves nothing behind but its folder."""
    own = {"SEAWAY_DATA_DIR": str(work / "data"), "SEAWAY_STATE_DIR": str(work / "state")}
    return {**os.environ, **own}
