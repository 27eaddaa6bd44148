"""What an app asks for that the target docker does not carry yet: said before anything is built or started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from seaway.app.model import App, Service
from seaway.errors import NotYet

_CARRIED_BY_COMPOSE = "docker compose carries it; or leave it out for this environment in a file of its own"


def _joins(value: object) -> bool:
    return isinstance(value, str) and (value in ("host", "none") or value.startswith(("service:", "container:")))


_REFUSED: Mapping[str, Callable[[Any], bool]] = {
    "network_mode": _joins,
    "volumes_from": bool,
    "gpus": bool,
    "blkio_config": bool,
    "credential_spec": bool,
    "storage_opt": bool,
    "provider": bool,
}


def require_suitable(app: App) -> None:
    """Raises NotYet for the first thing of an app that containers made here would silently lack."""
    for _, service in sorted(app.services.items()):
        _require(service)


def _require(service: Service) -> None:
    compose = cast(Mapping[str, Any], service.compose)
    for key, refused in _REFUSED.items():
        if key in compose and refused(compose[key]):
            raise NotYet(f"{key} on target docker ({service.name})", where=service.where(key), hint=_CARRIED_BY_COMPOSE)
    reserved = ((compose.get("deploy") or {}).get("resources") or {}).get("reservations") or {}
    if reserved.get("devices"):
        where = service.where("deploy", "resources", "reservations", "devices")
        raise NotYet(f"devices on target docker ({service.name})", where=where, hint=_CARRIED_BY_COMPOSE)
