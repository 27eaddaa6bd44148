"""The key table: what becomes of every key of the Compose schema on each target. The data is `keys.toml`.

`check` says from it what a target does not carry, and `require_carried` refuses before anything is lowered what an app
cannot run without. A test reads the schema and fails on a key without a row; others hold rows against the lowering.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from seaway.app.model import App, Service
from seaway.app.tree import Path
from seaway.errors import NotYet, TargetUnsupported

Target = Literal["process", "docker", "kubernetes"]
Word = Literal["mapped", "noted", "needs", "refused"]
TARGETS: tuple[Target, ...] = ("process", "docker", "kubernetes")
NOT_CARRIED, MEANINGLESS, REFUSED = "SW-230", "SW-231", "SW-232"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a key on one target: the word, the codes that say more, the key of x-seaway that it needs.

    `today` says that Seaway will do more.
    """

    word: Word
    codes: tuple[str, ...] = ()
    needs: str = ""
    today: bool = False

    @classmethod
    def parse(cls, text: str) -> Fate:
        """Reads `needs SW-401 expose` or `noted SW-230 today`."""
        word, *more = text.split()
        codes = tuple(each for each in more if each.startswith("SW-"))
        needs = next((each for each in more if each not in codes and each != "today"), "")
        if word not in ("mapped", "noted", "needs", "refused"):
            raise ValueError(f'"{word}" is no fate')
        return cls(word, codes, needs, "today" in more)  # type: ignore[arg-type]  # one of the four words


@dataclass(frozen=True, slots=True)
class Row:
    """One key, by its path below its section (top, service, job), and an example as YAML."""

    section: str
    path: tuple[str, ...]
    fates: Mapping[Target, Fate]
    example: str


@functools.cache
def key_table() -> Mapping[str, Row]:
    """Returns every row by section and path, such as `service.cap_add`."""
    raw = tomllib.loads((files("seaway.targets") / "keys.toml").read_text())
    rows = (_row(section, name, cells) for section, keys in raw.items() for name, cells in keys.items())
    return {".".join((row.section, *row.path)): row for row in rows}


def _row(section: str, name: str, cells: list[str]) -> Row:
    *fates, example = cells
    parsed = {target: Fate.parse(text) for target, text in zip(TARGETS, fates, strict=True)}
    return Row(section, tuple(name.split(".")), parsed, example)


# Values that a target refuses, where it does not refuse the key as a whole.
_HOST = ("host", "service:", "container:")
_ASKS: Mapping[str, Callable[[Any], bool]] = {
    "cap_add": lambda value: any(each != "NET_BIND_SERVICE" for each in value),
    "network_mode": lambda value: str(value).startswith(_HOST),
    "pid": lambda value: str(value).startswith(_HOST),
    "deploy.mode": lambda value: value != "replicated",
    "ports.mode": lambda value: value == "host",
}


def of_service(service: Service, wanted: Callable[[Row], bool]) -> Iterator[tuple[Row, Path]]:
    """Yields each row that is wanted and whose key a service writes, with the place of the key."""
    for row in key_table().values():
        if row.section == "service" and wanted(row):
            asks = _ASKS.get(".".join(row.path), bool)
            for path, value in places(service.compose, row.path):
                if asks(value) and service.origins.exact(*path[:1]):
                    yield row, path


def of_app(app: App, wanted: Callable[[Row], bool]) -> Iterator[tuple[Row, Path]]:
    """Yields the same of the keys at the top, and of those of networks, volumes, secrets and configs."""
    for row in key_table().values():
        if row.section == "top" and wanted(row):
            section, *inner = row.path
            entries = app.document.get(section)
            names = [(section, name) for name in entries] if inner and isinstance(entries, Mapping) else [(section,)]
            for place in names:
                found = (path for path, _ in places(app.document, (*place, *inner)))
                yield from ((row, path) for path in found if app.origins.exact(*path))


def refused(service: Service, target: Target) -> Iterator[tuple[Row, Path]]:
    """Yields each row whose key a service writes and a target refuses."""
    return of_service(service, lambda row: row.fates[target].word == "refused")


def has(target: Target, code: str) -> Callable[[Row], bool]:
    """Returns what wants the rows whose fate on a target has a code."""
    return lambda row: code in row.fates[target].codes


def places(node: Any, path: tuple[str, ...], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields where a tree has a value at a path, and the value; lists and names of entries in between match any."""
    if not path:
        if node not in (None, False, "", [], {}):
            yield at, node
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from places(item, path, (*at, index))
    elif isinstance(node, Mapping) and path[0] in node:
        yield from places(node[path[0]], path[1:], (*at, path[0]))
    elif isinstance(node, Mapping) and at:
        for name, item in node.items():
            if isinstance(item, (Mapping, list)):
                yield from places(item, path, (*at, name))


def require_carried(app: App) -> None:
    """Raises NotYet or TargetUnsupported for the first key that the environment's target refuses as a whole."""
    target = app.environment.target
    for _, service in sorted(app.services.items()):
        if service.extension.kind != "external":
            for row, path in of_service(service, has(target, REFUSED)):
                _refuse(f"{service.name} with {path[0]}", row.fates[target], str(service.where(*path) or ""), target)
    for row, path in of_app(app, has(target, REFUSED)):
        _refuse(".".join(map(str, path)), row.fates[target], str(app.origins.at(*path) or ""), target)


def _refuse(what: str, fate: Fate, where: str, target: str) -> None:
    if fate.today:
        raise NotYet(f"{what} on the target {target}", where=where, hint="seaway check --explain SW-232")
    raise TargetUnsupported(f"the target {target} has no {what}", where=where, hint="seaway check --explain SW-232")
