"""Whether a native image can stand for a service's Dockerfile, and what has to be written for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.revision.dockerfile import Dockerfile
from seaway.revision.survey import LOCKS, Survey

_SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.12": "trixie", "": "bookworm"}
_PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
_COMPILE = "uv pip compile --generate-hashes requirements.txt -o requirements.lock"
_MODULES = ("uvicorn", "gunicorn", "streamlit", "celery", "flask", "hypercorn", "pytest", "rq")


@dataclass(frozen=True, slots=True)
class Native:
    """What stands for a Dockerfile: the `image` block, or the reason why there is none; notes say what to look at."""

    image: Mapping[str, Any] | None
    reason: str = ""
    notes: tuple[str, ...] = ()


def native(found: Survey, command: tuple[str, ...], models_at: str) -> Native:
    """Returns how a folder becomes a native image; `command` is the compose file's own, `models_at` its path there."""
    docker = found.dockerfile or Dockerfile(python=found.python)
    if found.dockerfile is not None and docker.odd:
        return Native(None, f"the Dockerfile does more than install Python packages ({docker.odd})")
    if found.lock is None:
        return Native(None, _unlocked(found))
    suite = _SUITES.get(found.python)
    if suite is None:
        return Native(None, f"it needs Python {found.python}; native bases have {' and '.join(_PYTHONS.values())}")
    start = _start(found, command)
    if not start and not command:
        return Native(None, "nothing says how it is started: neither command, Dockerfile nor a program known here")
    image: dict[str, Any] = {"base": f"apt:debian/{suite}"}
    image |= {} if found.lock in LOCKS else {"lock": found.lock}
    image |= {"packages": list(docker.packages)} if docker.packages else {}
    image |= {"cmd": list(start)} if start else {}
    image |= {"env": dict(docker.variables)} if docker.variables else {}
    image |= {"models": {name: {"from": f"{models_at}{name}"} for name in found.models}} if found.models else {}
    return Native(image, "", tuple(_notes(found, suite)))


def _unlocked(found: Survey) -> str:
    if found.unhashed == "requirements.txt":
        return f"requirements.txt has no hashes: {_COMPILE}"
    if found.unhashed:
        return "there is no lock: uv lock"
    return "there is no Python project with a lock"


def _start(found: Survey, command: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the command that the image must have, empty where the compose file's own is the whole of it."""
    docker = found.dockerfile
    if docker is not None and docker.entrypoint:
        return _as_module((*docker.entrypoint, *(command or docker.command)))
    if command:
        return ()
    if docker is not None and docker.command:
        return _as_module(docker.command)
    return found.program.command if found.program else ()


def _as_module(words: tuple[str, ...]) -> tuple[str, ...]:
    """Starts a console script as the module it is, which needs no path to it."""
    if words and words[0] in _MODULES:
        return ("python", "-m", *words)
    return ("python", *words[1:]) if words and words[0] == "python3" else words


def _notes(found: Survey, suite: str) -> list[str]:
    notes = []
    if found.python and _PYTHONS[suite] != found.python:
        notes.append(f"its Python becomes {_PYTHONS[suite]} instead of {found.python}")
    for name in found.models:
        notes.append(f"{name}/ is a layer of its own at /opt/models/{name}; add it to .dockerignore and read it there")
    return notes
