"""Workloads: names, images, kinds, restarts, and what a cluster does by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seaway.app.model import App, Service
from seaway.targets.check.remark import Remark, Row, keys, rows, text
from seaway.targets.check.repair import drop, put, rename

_ROWS = (
    Row("init", "SW-211", "init adds no process to a pod", "delete init, or put tini into the image"),
    Row("logging", "SW-214", "the logging of {service} is the node's", "delete logging"),
)


def images(service: Service, app: App) -> Iterator[Remark]:
    """SW-208 for an image that floats, SW-209 for a build without a name in a registry."""
    image = text(service, "image")
    if service.compose.get("build") is not None:
        if not image and not app.extension.registry.push:
            hint = "x-seaway: {registry: {push: registry.example/team/app}} at the top"
            push = ("", "x-seaway", "registry", "push")
            fix = put(*push, to="registry.example/team/app", decide="where its images are pushed")
            yield Remark("SW-209", f"{service.name} is built and has no name in a registry", ("build",), hint, fix)
    elif image and service.extension.image.base is None and "@sha256:" not in image:
        tag = image.rsplit("/", 1)[-1].partition(":")[2]
        if tag in ("", "latest"):
            says = f'the image "{image}" floats: {"latest" if tag else "it has no tag"}'
            name = image.removesuffix(":latest").rstrip(":")
            fix = put("image", to=f"{name}:1.0.0", decide="the version, or the digest")
            yield Remark("SW-208", says, ("image",), f"image: {name}:<version>", fix)
    policy = text(service, "pull_policy")
    if policy in ("daily", "weekly") or policy.startswith("every_"):
        says = f"{service.name} pulls {policy}; a digest cannot go stale"
        yield Remark("SW-210", says, ("pull_policy",), "delete pull_policy")


def kinds(service: Service, _: App) -> Iterator[Remark]:
    """SW-205 for restart rules, SW-207 for a global job, and keys a cluster does not need."""
    policy = keys(service, "deploy").get("restart_policy") or {}
    for key in ("delay", "window"):
        if key in policy:
            says = f"{key} of the restart policy is the cluster's"
            path = ("deploy", "restart_policy", key)
            yield Remark("SW-205", says, path, f"delete {key}", drop(*path))
    runs_on = bool(service.compose.get("ports") or service.compose.get("expose") or service.compose.get("healthcheck"))
    if text(service, "restart").startswith("on-failure") and runs_on and service.extension.kind in ("auto", "service"):
        says = f"{service.name} keeps running, so it is restarted always"
        yield Remark(
            "SW-205", says, ("restart",), "restart: always, or x-seaway: {kind: job}", put("restart", to="always")
        )
    if keys(service, "deploy").get("mode") == "global-job":
        mode = ("deploy", "mode")
        fix = put(*mode, to="replicated-job")
        yield Remark("SW-207", f"{service.name} is a global job", mode, "mode: replicated-job", fix)
    yield from rows(service, _ROWS)


def labels(service: Service, _: App) -> Iterator[Remark]:
    """SW-213 for labels whose names no annotation can have."""
    for key in ("labels", "annotations"):
        for name in keys(service, key):
            prefix, _slash, plain = name.rpartition("/")
            good = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", plain)
            if not good or not re.fullmatch(r"[a-z0-9.-]{0,253}", prefix):
                yield Remark(
                    "SW-213",
                    f'"{name}" cannot name an annotation',
                    (key, name),
                    "rename it",
                    rename(key, name, to=_annotation(name)),
                )


def _annotation(name: str) -> str:
    prefix, slash, plain = name.rpartition("/")
    good = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)[:63].strip("-._") or "label"
    return f"{re.sub(r'[^a-z0-9.-]+', '-', prefix.lower()).strip('-.')}{slash}{good}" if prefix.strip("-.") else good


def _free(label: str, seen: Mapping[str, str], app: App) -> str:
    """Returns a name like a label that no service has."""
    number = 2
    while f"{label}-{number}" in seen or f"{label}-{number}" in app.services:
        number += 1
    return f"{label}-{number}"


def names(app: App) -> Iterator[Remark]:
    """SW-201 for two services that get one name, SW-212 for an app without active services."""
    seen: dict[str, str] = {}
    for name in app.services:
        label = re.sub(r"[^a-z0-9-]", "-", name.lower()).strip("-")
        if label in seen:
            says = f"{seen[label]} and {name} are both {label} on a cluster"
            yield Remark(
                "SW-201",
                says,
                ("services", name),
                f"rename {name}",
                rename("services", name, to=_free(label, seen, app)),
            )
        seen.setdefault(label, name)
    if not app.services and app.inactive:
        profile = next(iter(app.inactive.values())).compose.get("profiles") or ["<name>"]
        hint = f"--profile {profile[0]}" if isinstance(profile, list) else None
        fix = put("x-seaway", "environments", app.environment.name, "profiles", to=[str(profile[0])])  # type: ignore[index]
        yield Remark("SW-212", "every service waits for a profile", ("services",), hint, fix)
