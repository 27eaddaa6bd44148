"""The proof of a change: the app of every environment before and after, and where the two differ.

Compared are the merged model with its `x-*`, and the model as Compose prints it, leaf by leaf. An environment that
cannot be loaded before is not compared unless the change makes it load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.app.load import How
from seaway.app.model import App
from seaway.app.select import Selection
from seaway.app.tolerant import load_tolerantly
from seaway.app.tree import Path as TreePath
from seaway.errors import AppError

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class State:
    """The app of each environment, or the error instead of it."""

    apps: Mapping[str, App | AppError]

    @classmethod
    def of(cls, selection: Selection, drafts: Mapping[Path, bytes]) -> State:
        """Loads every environment, from drafts where there are any; raises AppError where not even one is known."""
        how = How(lenient=True, drafts=drafts)
        first, _ = load_tolerantly(selection, None, how)
        names = tuple(first.extension.environments)
        return cls({name: _loaded(selection, name, how) for name in names} or {first.environment.name: first})


def _loaded(selection: Selection, name: str, how: How) -> App | AppError:
    try:
        return load_tolerantly(selection, name, how)[0]
    except AppError as error:
        return error


def changes(before: State, after: State) -> Iterator[TreePath]:
    """Yields the path of every leaf that differs; raises the error of an environment that no longer loads."""
    for name in {**before.apps, **after.apps}:
        one, other = before.apps.get(name), after.apps.get(name)
        if isinstance(other, AppError) and not isinstance(one, AppError):
            raise other
        if isinstance(one, App) and isinstance(other, App):
            yield from _differences(one, other)
        elif one is None or other is None:
            yield ("x-seaway", "environments", name)


def _differences(one: App, other: App) -> Iterator[TreePath]:
    for tree, again in ((_written(one), _written(other)), (one.document, other.document)):
        before, after = dict(_leaves(tree)), dict(_leaves(again))
        for path in {**before, **after}:
            if before.get(path, _ABSENT) != after.get(path, _ABSENT):
                yield path


def _written(app: App) -> Any:
    """Returns the merged model, `x-*` included."""
    services = {**app.services, **app.inactive}
    return next(iter(services.values())).written.root if services else app.document


def _leaves(tree: Any) -> Iterator[tuple[TreePath, Any]]:
    waiting: list[tuple[TreePath, Any]] = [((), tree)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, Mapping) and node:
            waiting.extend(((*path, key), value) for key, value in node.items())
        elif isinstance(node, list) and node:
            waiting.extend(((*path, index), value) for index, value in enumerate(node))
        else:
            yield path, [] if isinstance(node, list) else ({} if isinstance(node, Mapping) else node)


def strays(changed: Iterable[TreePath], spoken: Iterable[TreePath]) -> list[TreePath]:
    """Returns the changed leaves that a change did not speak of.

    A path speaks of all below it; what is an item or an empty place on the way to it is spoken of too. Other `x-*` at
    the top mean nothing by themselves: they hold what anchors share.
    """
    said = [implied for path in spoken for implied in _implied(path)]
    return [path for path in changed if not _is_anchor_shelf(path) and not any(_covers(each, path) for each in said)]


# What Compose works out of a key: a change of the key changes it too.
_DERIVED = {"network_mode": ("networks",), "volumes_from": ("depends_on",), "links": ("depends_on",)}
_RESOURCES = ("networks", "volumes", "secrets", "configs", "models")


def _implied(path: TreePath) -> Iterator[TreePath]:
    yield path
    if path[:1] == ("x-seaway",):
        yield ("x-seaway", "version")  # written with the block
        if path[-1] == "profiles":
            yield ("services",)
    if path[0] in _RESOURCES and len(path) > 1:
        yield (*path[:2], "name")
    if path[0] == "services" and len(path) > 2:
        yield from ((*path[:2], derived) for derived in _DERIVED.get(str(path[2]), ()))
        if path[2] == "network_mode":
            yield ("networks", "default")


def _covers(spoken: TreePath, path: TreePath) -> bool:
    short = min(len(spoken), len(path))
    for index in range(short):
        if isinstance(spoken[index], int) and isinstance(path[index], int):
            return True  # items move when one goes
        if spoken[index] != path[index]:
            return False
    return True


def _is_anchor_shelf(path: TreePath) -> bool:
    return str(path[0]).startswith("x-") and path[0] != "x-seaway"


def is_outside(path: TreePath) -> bool:
    """Returns whether a leaf belongs to the model that Compose sees."""
    return not any(isinstance(part, str) and part.startswith("x-") for part in path)
