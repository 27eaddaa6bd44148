"""Lifecycle: health checks, hooks, stopping, updates, migrations."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.app.model import App, Service
from seaway.targets.check.remark import Remark, entries, keys, text
from seaway.targets.check.repair import drop, put

_WITHOUT_SHELL = ("python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/', timeout=3)")
_HOOK_KEYS = ("user", "privileged", "working_dir", "environment")


def health(service: Service, _: App) -> Iterator[Remark]:
    """SW-220 for a check that needs a shell where the image has none."""
    test = keys(service, "healthcheck").get("test")
    base = service.extension.image.base
    if base is not None and base.apt and test and test[0] == "CMD-SHELL":
        path = ("healthcheck", "test")
        fix = put(*path, to=["CMD", *_WITHOUT_SHELL], decide="a check that its image can run")
        says = f"the health check of {service.name} needs a shell, and its image has none"
        yield Remark("SW-220", says, path, "test: [CMD, python, -c, …]", fix)


def hooks(service: Service, _: App) -> Iterator[Remark]:
    """SW-221 for what hooks lose, SW-222 for a stop signal."""
    for kind in ("post_start", "pre_stop"):
        for index, hook in enumerate(entries(service, kind)):
            for key in _HOOK_KEYS:
                if hook.get(key):
                    says = f"{key} of a {kind} hook is lost"
                    yield Remark("SW-221", says, (kind, index, key), f"put {key} into the command")
    signal = text(service, "stop_signal")
    if signal and signal not in ("SIGTERM", "15"):
        says = f"{service.name} stops on {signal}; a pod stops on the image's signal"
        yield Remark("SW-222", says, ("stop_signal",), f"STOPSIGNAL {signal} in the image")


def updates(service: Service, _: App) -> Iterator[Remark]:
    """SW-223 for keys that a judged release replaces."""
    deploy = keys(service, "deploy")
    for key in ("failure_action", "max_failure_ratio"):
        if key in (deploy.get("update_config") or {}):
            says = f"{key} is decided by x-seaway.release"
            path = ("deploy", "update_config", key)
            yield Remark("SW-223", says, path, "x-seaway: {release: {strategy: canary}}", drop(*path))
    if "rollback_config" in deploy:
        rolling = ("deploy", "rollback_config")
        says = "rollback_config is decided by x-seaway.release"
        yield Remark("SW-223", says, rolling, "delete rollback_config", drop(*rolling))


def migrations(service: Service, _: App) -> Iterator[Remark]:
    """SW-224, SW-225, SW-226 for migrations that cannot be undone or are no jobs."""
    extension = service.extension
    path = ("x-seaway", "migration")
    if extension.migration is None:
        return
    if extension.migration == "reversible" and not extension.undo:
        fix = put("x-seaway", "undo", to=["<command>"], decide="the command that undoes it")
        yield Remark("SW-224", f"{service.name} is reversible and has no undo", path, "undo: [command]", fix)
    if extension.migration == "blocking" and extension.snapshot is None:
        fix = put("x-seaway", "snapshot", "command", to=["<command>"], decide="the command that saves the data")
        yield Remark("SW-225", f"{service.name} blocks and has no snapshot", path, "snapshot: {command: […]}", fix)
    if extension.kind not in ("auto", "job") or (extension.kind == "auto" and text(service, "restart") != "no"):
        yield Remark(
            "SW-226",
            f"{service.name} migrates and is not a job",
            path,
            'kind: job, or restart: "no"',
            put("x-seaway", "kind", to="job"),
        )
