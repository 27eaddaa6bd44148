"""What an app asks for that processes on the host cannot give: said before anything is built or started."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any, cast

from seaway.app.model import App, Service
from seaway.errors import TargetUnsupported
from seaway.findings import Finding, Level
from seaway.targets.keys import Row, refused
from seaway.targets.process.probes import FETCHERS

_HINT = "set target: docker for this environment"
_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


def find_refusals(app: App) -> tuple[Finding, ...]:
    """Returns a finding of level error for each thing of an app that the target process refuses."""
    return tuple(finding for _, service in sorted(app.services.items()) for finding in _of(service))


def require_suitable(app: App) -> None:
    """Raises TargetUnsupported with the first refusal, and how many there are."""
    found = find_refusals(app)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise TargetUnsupported(f"{found[0].says}{more}", where=found[0].where, hint=found[0].hint)


def _needs_shell(service: Service, test: Sequence[str]) -> bool:
    """Whether the check would go to a shell that an `apt:` base has not; a plain `curl` of itself is asked here."""
    image = service.extension.image
    apt = image is not None and image.base is not None and image.base.apt
    return bool(apt) and test[0] == "CMD-SHELL" and test[1].split(" ", 1)[0].rpartition("/")[2] not in FETCHERS


def _of(service: Service) -> list[Finding]:
    compose = cast(Mapping[str, Any], service.compose)
    found = [
        Finding(_code(row), Level.ERROR, f"{service.name}: the target process has no {row.path[-1]}", where, _HINT)
        for row, path in refused(service, "process")
        for where in (service.where(*path),)
    ]
    here = _MACHINES.get(platform.machine(), platform.machine())
    wanted = str(compose.get("platform") or here)
    if not wanted.startswith(here):
        says = f"{service.name}: its platform is {wanted}, this machine is {here}"
        found.append(Finding("SW-208", Level.ERROR, says, service.where("platform"), _HINT))
    if (test := (compose.get("healthcheck") or {}).get("test")) and _needs_shell(service, test):
        says = f"{service.name}: its health check needs a shell, and its image has none"
        where = service.where("healthcheck", "test")
        found.append(Finding("SW-220", Level.ERROR, says, where, "test: [CMD, python, -c, …]"))
    return found


def _code(row: Row) -> str:
    return row.fates["process"].codes[0]
