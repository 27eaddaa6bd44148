"""Binding: the normalised model becomes what Compose prints, active and inactive services apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.app.shapes import JOB, SECTIONS, SERVICE, bind
from seaway.app.tree import Map


def bound(model: Map) -> Map:
    """Returns the model bound to Compose's types: services, the other sections, and `x-*` at the top as they are."""
    found = Map(name=model["name"])
    services = Map()
    for name, service in (model.get("services") or {}).items():
        services.put(name, bind(service, SERVICE, ("services", name)), model["services"].at.get(name))
    found.put("services", services, model.at.get("services"))
    for section, shape in {**SECTIONS, "jobs": JOB}.items():
        entries = Map()
        for name, entry in (model.get(section) or {}).items():
            entries.put(
                name, bind(Map() if entry is None else entry, shape, (section, name)), _mark(model, section, name)
            )
        if entries:
            found.put(section, entries, model.at.get(section))
    for key, value in model.items():
        if key.startswith("x-"):
            found.put(key, value, model.at.get(key))
    return found


def _mark(model: Map, section: str, name: str) -> Any:
    return model[section].at.get(name)


def is_active(service: Map, profiles: Sequence[str]) -> bool:
    """Returns whether a service without profiles, or with one of these, runs."""
    own = service.get("profiles") or ()
    return not own or "*" in profiles or any(profile in profiles for profile in own)
