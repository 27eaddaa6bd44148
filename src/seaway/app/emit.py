"""`seaway config`: the app as `docker compose config --format json --no-consistency` prints it.

Equal as parsed JSON: types, values, list order. Every `$` is doubled; `x-*` keys stay at the top alone; sections that
no service uses are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.app.model import App
from seaway.app.scalars import Timestamp


def config_object(app: App) -> dict[str, Any]:
    """Returns the app as a JSON object."""
    document: dict[str, Any] = {key: value for key, value in app.document.items() if key != "models"}
    for section, wanted in _needed(document["services"]).items():
        kept = {name: value for name, value in document.pop(section, {}).items() if name in wanted}
        document |= {section: kept} if kept else {}
    return {key: _printed(value) for key, value in document.items() if key != "jobs" or value}


def _needed(services: Any) -> dict[str, set[str]]:
    """Returns the names of each section that services refer to."""
    found: dict[str, set[str]] = {"networks": set(), "volumes": set(), "secrets": set(), "configs": set()}
    for service in services.values():
        found["networks"] |= set(service.get("networks") or ())
        mounts = service.get("volumes") or ()
        found["volumes"] |= {each.get("source") for each in mounts if each.get("type") == "volume"}
        found["configs"] |= {each.get("source") for each in service.get("configs") or ()}
        secrets = [*(service.get("secrets") or ()), *((service.get("build") or {}).get("secrets") or ())]
        found["secrets"] |= {each.get("source") for each in secrets}
    return found


def _printed(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.json
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key.replace("$", "$$"): _printed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printed(item) for item in value]
    return value
