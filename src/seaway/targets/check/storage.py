"""Storage: folders of the host, shared and sizeless volumes, drivers, memory without an end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from seaway.app.model import App, Service
from seaway.app.tree import Path
from seaway.findings import Fix
from seaway.targets.check.remark import Remark, Row, entries, keys, rows
from seaway.targets.check.repair import append, drop, put, together
from seaway.targets.check.security import is_socket

_HOW_MUCH = "how much it may take"
_ROWS = (Row("volumes_from", "SW-509", "{service} takes over mounts of others", "mount a named volume in both"),)


def mounts(service: Service, app: App) -> Iterator[Remark]:
    """SW-506 for folders of the host, SW-508 and SW-511 for mounts few clusters have."""
    for index, volume in enumerate(entries(service, "volumes")):
        kind, source = volume.get("type"), str(volume.get("source", ""))
        path = ("volumes", index)
        if kind == "bind" and not is_socket(source) and not _is_carried(service, app, volume):
            says = f"{_short(source, app)} is a folder of this machine"
            yield Remark(
                "SW-506", says, path, "a named volume, or :ro for a text file of the project", _named(path, volume)
            )
        elif kind in ("npipe", "cluster"):
            yield Remark(
                "SW-508",
                f"a mount of type {kind} exists on no cluster",
                path,
                "use a named volume",
                _named(path, volume),
            )
        elif kind == "image" and "ImageVolume" not in app.extension.kubernetes.features:
            hint = "x-seaway: {kubernetes: {features: [ImageVolume]}} at the top"
            yield Remark(
                "SW-511",
                f"{source} is mounted as an image",
                path,
                hint,
                append("", "x-seaway", "kubernetes", "features", to="ImageVolume"),
            )
    yield from rows(service, _ROWS)


def _named(path: Path, volume: Mapping[str, object]) -> Fix:
    """Returns the fix that mounts a volume of the app's own instead."""
    target = str(volume.get("target", ""))
    name = re.sub(r"[^a-z0-9]+", "-", PurePath(target).name.lower()).strip("-") or "data"
    mount = f"{name}:{target}{':ro' if volume.get('read_only') else ''}"
    section = put("", "volumes", name, "x-seaway", "size", to="1Gi")
    return together(put(*path, to=mount), section, decide="how large it gets, and how its files come in")


def _short(source: str, app: App) -> str:
    path = PurePath(source)
    return f"./{path.relative_to(app.directory)}" if path.is_relative_to(app.directory) else source


def _is_carried(service: Service, app: App, volume: dict[str, object]) -> bool:
    """Returns whether a bind travels: a read-only file of the project, or a folder that development alone needs."""
    source = PurePath(str(volume.get("source", "")))
    inside = source.is_relative_to(app.directory) and source != PurePath(app.directory)
    watched = [PurePath(each["path"]) for each in keys(service, "develop").get("watch") or ()]
    context = keys(service, "build").get("context")
    building = [PurePath(str(context))] if context else []
    return (inside and bool(volume.get("read_only"))) or any(source.is_relative_to(path) for path in watched + building)


def memory(service: Service, _: App) -> Iterator[Remark]:
    """SW-507 for a tmpfs without a size, SW-510 for storage options."""
    for index, entry in enumerate(entries(service, "tmpfs")):
        if "size=" not in str(entry):
            says = f"{entry} has no size and fills the node's memory"
            sized = f"{entry}{',' if ':' in str(entry) else ':'}size=64m"
            fix = put("tmpfs", index, to=sized, decide=_HOW_MUCH)
            yield Remark("SW-507", says, ("tmpfs", index), f'tmpfs: ["{sized}"]', fix)
    for index, volume in enumerate(entries(service, "volumes")):
        if volume.get("type") == "tmpfs" and not (volume.get("tmpfs") or {}).get("size"):
            fix = put("volumes", index, "tmpfs", "size", to="64m", decide=_HOW_MUCH)
            says = f"{volume.get('target')} has no size and fills the node's memory"
            yield Remark("SW-507", says, ("volumes", index), "tmpfs: {size: 64m}", fix)
    for name in keys(service, "storage_opt"):
        if name != "size":
            yield Remark("SW-510", f"the storage option {name} is lost", ("storage_opt", name), f"delete {name}")


def volumes(app: App) -> Iterator[Remark]:
    """SW-501 for shared volumes, SW-502 for drivers, SW-512 for volumes without a size."""
    for name, volume in app.volumes.items():
        users = [service.name for service in app.services.values() if _mounts(service, name)]
        extension = app.volume_extensions.get(name)
        block = ("volumes", name, "x-seaway")
        if not users or volume.get("external"):
            continue
        if len(users) > 1 and not (extension and extension.access):
            says = f"{name} is shared by {', '.join(users)}"
            hint = f"volumes: {{{name}: {{x-seaway: {{access: ReadWriteMany}}}}}}"
            fix = put(*block, "access", to="ReadWriteMany", decide="whether its storage can do it")
            yield Remark("SW-501", says, ("volumes", name), hint, fix)
        if volume.get("driver") not in (None, "local") or volume.get("driver_opts"):
            hint = f"volumes: {{{name}: {{x-seaway: {{class: <storage class>}}}}}}"
            fix = together(*(drop("volumes", name, key) for key in ("driver", "driver_opts") if key in volume))
            yield Remark("SW-502", f"{name} has a driver of its own", ("volumes", name), hint, fix)
        if extension is None or extension.size is None:
            hint = f"volumes: {{{name}: {{x-seaway: {{size: 10Gi}}}}}}"
            fix = put(*block, "size", to="10Gi", decide="how large it gets")
            yield Remark("SW-512", f"{name} has no size", ("volumes", name), hint, fix)


def _mounts(service: Service, name: str) -> bool:
    return any(each.get("type") == "volume" and each.get("source") == name for each in entries(service, "volumes"))
