"""The first `x-seaway` block: the smallest one that takes an app onto the road, in the user's own file.

Read are the compose file and the folders of its services. Written are, at the top, version, owner and environments,
and beside a service its native image where one can stand for its Dockerfile. What is there already stays; a size, an
exception, an acceptance is never written. Where there is no compose file, one is written from what the folder holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.app.edit import Block
from seaway.app.edit.spelling import entry
from seaway.app.extension import GateKeys
from seaway.app.keys import unacted
from seaway.app.load import How, load
from seaway.app.model import App, Service
from seaway.app.select import Selection
from seaway.app.tolerant import load_tolerantly
from seaway.errors import EditRefused, SourceMissing
from seaway.findings import Edit
from seaway.revision.draft import Draft
from seaway.revision.native import native
from seaway.revision.placing import Files, place
from seaway.revision.proof import State, changes, strays
from seaway.revision.survey import Survey, owner, survey

_NAMES = {"asgi": "api", "wsgi": "api", "grpc": "api", "streamlit": "web", "gradio": "web", "job": "job"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    small_team: bool = False
    owner: str | None = None


@dataclass(slots=True)
class First:
    """A draft with the block, what was read and decided, what is left to a person, and the services whose Dockerfile
    stays, by the reason."""

    draft: Draft
    said: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)


def first_block(selection: Selection, wishes: Wishes) -> First:
    """Returns the draft that adds the block to a compose file; raises EditRefused where it would change more."""
    app, _ = load_tolerantly(selection, None, How(lenient=True))
    found = First(Draft(app.directory))
    before = State.of(selection, {})
    edits = list(_edits(app, wishes, found))
    spoken = [path for change in edits for path in place(change, found.draft, Files(app.directory, app.files))]
    extra = strays(changes(before, State.of(selection, found.draft.drafts)), spoken)
    if extra:
        raise EditRefused(f"it would change {'.'.join(map(str, extra[0]))} too", where=selection.files[0])
    return found


def _edits(app: App, wishes: Wishes, found: First) -> Iterator[Edit]:
    services = {**app.services, **app.inactive}
    images = {name: made for name, service in services.items() if (made := _image(service, app, found)) is not None}
    for name, (image, check) in images.items():
        if check is not None:
            yield Edit("put", ("services", name, "healthcheck"), check)
        yield Edit("put", ("services", name, "x-seaway", "image"), image)
    found.left += [f"{', '.join(names)}: built as before, as {reason}" for reason, names in found.kept.items()]
    here = all(name in images or _runs_here(service) for name, service in services.items())
    yield from _top(app, wishes, "process" if here else "docker", found)


def _runs_here(service: Service) -> bool:
    return service.extension.image.base is not None or "@sha256:" in str(service.compose.get("image") or "")


_Made = tuple[Mapping[str, Any], Mapping[str, Any] | None]


def _image(service: Service, app: App, found: First) -> _Made | None:
    """Returns the image of a service and its health check, where both can be known."""
    build = service.compose.get("build")
    if not isinstance(build, Mapping) or service.extension.image.base is not None:
        return None
    context = app.directory / str(build.get("context") or ".")
    if not context.is_dir():
        found.left.append(f"{service.name}: its build context {build.get('context')} is not there")
        return None
    read = survey(context, str(build.get("dockerfile") or "Dockerfile"))
    made = native(read, _words(service), _below(context, app))
    if made.image is None:
        found.kept.setdefault(made.reason, []).append(service.name)
        return None
    found.said.append(f"{service.name}: {_described(read)}, a native image on {made.image['base']}")
    found.left += [f"{service.name}: {note}" for note in made.notes]
    return made.image, None if service.compose.get("healthcheck") else _health(read, _port(service, read))


def _words(service: Service) -> tuple[str, ...]:
    """Returns what the compose file itself starts, empty where it leaves that to the image."""
    keys = ("entrypoint", "command")
    return tuple(str(word) for key in keys for word in _list(service.compose.get(key)))


def _below(context: Path, app: App) -> str:
    """Returns what stands before a folder of a context to name it from the app's own folder."""
    inside = context.is_relative_to(app.directory) and context != app.directory
    return f"{context.relative_to(app.directory).as_posix()}/" if inside else ""


def _described(read: Survey) -> str:
    kind = read.program.kind if read.program else "python"
    return f"{kind} with {read.lock}"


def _port(service: Service, read: Survey) -> int | None:
    for entry_ in (*_list(service.compose.get("ports")), *_list(service.compose.get("expose"))):
        number = str(entry_.get("target") if isinstance(entry_, Mapping) else entry_).partition("/")[0]
        if number.isdigit():
            return int(number)
    listed = read.dockerfile.ports if read.dockerfile else ()
    return listed[0] if listed else (read.program.port if read.program else None)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _health(read: Survey, port: int | None) -> Mapping[str, Any] | None:
    if read.program is None or read.program.health is None or port is None:
        return None
    asks = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{port}{read.program.health}', timeout=3)"
    return {"test": ["CMD", "python", "-c", asks], "interval": "10s", "start_period": "30s"}


# -- the block at the top --------------------------------------------------------------------------------------------


def _top(app: App, wishes: Wishes, target: str, found: First) -> Iterator[Edit]:
    answers = wishes.owner or owner(app.directory) or f"{app.name}-team"
    gates = _gates(wishes)
    block: dict[str, Any] = {"version": 1, "owner": answers, "environments": _environments(target, gates)}
    written = _written(app)
    if not written:
        yield Edit("put", ("x-seaway",), Block(block))
    for key, value in block.items() if written else ():
        if key not in written:
            yield Edit("put", ("x-seaway", key), value)
    if "owner" not in written:
        found.left.append(f"owner: {answers} answers for it; write another where that is wrong")
    if wishes.small_team:
        found.left.append(
            "one person: seaway except production approved-by-another --days 30 signs that you approve your own work"
        )


def _gates(wishes: Wishes) -> dict[str, Any]:
    """Returns the gates' own values; what nothing acts on yet is turned off where everybody sees it."""
    off = {path[0]: key.off for path, key in unacted(GateKeys()) if len(path) == 1}
    off |= {"soak": 0.0} if wishes.small_team else {}
    return {name: f"{value:g}s" if isinstance(value, float) else value for name, value in off.items()}


def _environments(target: str, gates: Mapping[str, Any]) -> Block:
    return Block({"dev": {"target": target}, "production": {"target": target, "gates": gates}})


def _written(app: App) -> Mapping[str, Any]:
    block = app.document.get("x-seaway")
    return block if isinstance(block, Mapping) else {}


# -- no compose file yet ---------------------------------------------------------------------------------------------


def first_file(directory: Path, wishes: Wishes, environ: Mapping[str, str]) -> First:
    """Returns the draft of a compose file for a folder without one; raises SourceMissing where nothing is known."""
    found, path = First(Draft(directory)), directory / "compose.yaml"
    services = dict(_services(directory))
    if not services:
        raise SourceMissing(
            "no compose file, and no program that is known here",
            where=directory,
            hint="write compose.yaml: services: {app: {build: ., command: […]}}",
        )
    text = found.draft.text(path)
    text.text = entry("services", Block(services), 0, "\n") + "\n"
    selection = Selection(directory, (path,), None, environ, environ)
    app = load(selection, how=How(lenient=True, drafts=found.draft.drafts))
    for change in _edits(app, wishes, found):
        place(change, found.draft, Files(directory, (path,)))
    State.of(selection, found.draft.drafts)
    return found


def _services(directory: Path) -> Iterator[tuple[str, Block]]:
    """Yields the services of a folder: its own program, or those of the folders in it."""
    whole = survey(directory)
    if whole.program is not None and (whole.lock or whole.unhashed or whole.dockerfile):
        yield _NAMES.get(whole.program.kind, "worker"), _service(whole, ".")
        return
    if whole.dockerfile is not None:
        yield "app", _service(whole, ".")
        return
    for folder in sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")):
        inner = survey(folder)
        if inner.dockerfile is not None or (inner.program is not None and (inner.lock or inner.unhashed)):
            yield re.sub(r"[^a-z0-9_-]+", "-", folder.name.lower()), _service(inner, f"./{folder.name}")
    if whole.program is not None:
        yield _NAMES.get(whole.program.kind, "worker"), _service(whole, ".")


def _service(read: Survey, context: str) -> Block:
    service = Block(build=context)
    program, docker = read.program, read.dockerfile
    if program is not None and not (docker and docker.start):
        service["command"] = list(program.command)
    ports = docker.ports if docker and docker.ports else (program.port,) if program and program.port else ()
    if ports:
        service["ports"] = [f"{port}:{port}" for port in ports]
    service["restart"] = "no" if program is not None and program.is_job else "unless-stopped"
    return service
