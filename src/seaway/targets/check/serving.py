"""AI and the outside: models that somebody must serve, services of a provider."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.app.model import App, Service
from seaway.targets.check.remark import Remark, keys
from seaway.targets.check.repair import put, together


def models(service: Service, app: App) -> Iterator[Remark]:
    """SW-801 for a model nobody serves on a cluster."""
    for name in keys(service, "models"):
        extension = app.model_extensions.get(name)
        if extension is None or extension.bind is None:
            hint = f"models: {{{name}: {{x-seaway: {{bind: external, url: <url>}}}}}}"
            block = ("", "models", name, "x-seaway")
            binding = (put(*block, "bind", to="external"), put(*block, "url", to="https://llm.example/v1"))
            fix = together(*binding, decide="who serves it, and where")
            yield Remark("SW-801", f'nobody serves the model "{name}"', ("models", name), hint, fix)


def providers(service: Service, _: App) -> Iterator[Remark]:
    """SW-802 for a service that a provider makes on this machine."""
    if service.compose.get("provider") is not None and service.extension.kind != "external":
        says = f"{service.name} is made by a provider on this machine"
        yield Remark(
            "SW-802", says, ("provider",), "x-seaway: {kind: external}", put("x-seaway", "kind", to="external")
        )
