"""The OCI config and manifest of an image of ours, as canonical JSON.

Rules: a function of the base, the layers and what the base compose file says; no clock, no commit, no version, for a
commit that changes no file must not change the digest; those live in referrers. Source: OCI image-spec 1.1, config
and manifest. Pure. Not here: storing them (`build.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from seaway.digest import Digest, canonical
from seaway.image.layer import PROFILE
from seaway.image.model import CONFIG, MANIFEST, Base, Descriptor, Layer

CREATED = "1980-01-02T00:00:00Z"
USER = "65532:65532"
_OCI = "org.opencontainers.image."
_ANNOTATED = ("title", "description", "licenses", "source", "vendor")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Run:
    """What an image runs by default; an empty `entrypoint` leaves the base's."""

    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def write_config(base: Base, run: Run, layers: Sequence[Layer], service: str) -> bytes:
    """Returns the config of an image: `layers` are all, those of the base first."""
    platform = base.platform
    config: dict[str, object] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "created": CREATED,
        "config": _container(base, run, service),
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in layers]},
        "history": [*_base_history(base), *(_step(layer.created_by) for layer in layers[len(base.layers) :])],
    }
    if platform.variant:
        config["variant"] = platform.variant
    return canonical(config)


def write_manifest(base: Base, run: Run, layers: Sequence[Layer], config: bytes, service: str) -> bytes:
    """Returns the manifest of an image."""
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": Descriptor(CONFIG, Digest.of(config), len(config)).json(),
            "layers": [layer.descriptor.json() for layer in layers],
            "annotations": _annotations(base, run, service),
        }
    )


def _container(base: Base, run: Run, service: str) -> dict[str, object]:
    of_base = cast("dict[str, Any]", base.config.get("config") or {})
    dropped = {"OnBuild", "Healthcheck", "ArgsEscaped", "Cmd", "Entrypoint", "Image", "Hostname", "Domainname"}
    container: dict[str, object] = {key: value for key, value in of_base.items() if key not in dropped and value}
    labels = {key: value for key, value in (of_base.get("Labels") or {}).items() if not key.startswith(_OCI)}
    container |= {
        "Env": [f"{key}={value}" for key, value in _environment(base, of_base.get("Env") or (), run.env)],
        "User": USER,
        "WorkingDir": "/opt/app",
        "Labels": {**labels, **run.labels, **_annotations(base, run, service)},
    }
    for key, value in (("Entrypoint", run.entrypoint or of_base.get("Entrypoint")), ("Cmd", run.cmd)):
        if value:
            container[key] = list(value)
    return container


def _environment(base: Base, of_base: Iterable[str], env: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Returns the variables in their order: the base's with our PATH, ours, the user's sorted; a later one replaces."""
    found = dict(entry.partition("=")[::2] for entry in of_base)
    found["PATH"] = f"/opt/venv/bin:{found.get('PATH') or _PATH}"
    ours = {"VIRTUAL_ENV": "/opt/venv", "PYTHONDONTWRITEBYTECODE": "1"}
    if not base.has_user:
        ours |= {"HOME": "/tmp", "USER": "nonroot"}
    for key, value in [*ours.items(), *sorted(env.items())]:
        found.pop(key, None)
        found[key] = value
    return found.items()


def _annotations(base: Base, run: Run, service: str) -> dict[str, str]:
    given = {f"{_OCI}{key}": run.labels[f"{_OCI}{key}"] for key in _ANNOTATED if f"{_OCI}{key}" in run.labels}
    return {
        f"{_OCI}title": service,
        **given,
        f"{_OCI}base.name": base.reference,
        f"{_OCI}base.digest": str(base.digest),
        "dev.seaway.profile": PROFILE,
    }


def _base_history(base: Base) -> Iterable[dict[str, object]]:
    """Yields the base's history with our time; a history without a step for each layer is replaced."""
    steps = cast("list[dict[str, Any]]", base.config.get("history") or [])
    if sum(not step.get("empty_layer") for step in steps) != len(base.layers):
        steps = [{"created_by": layer.created_by or "seaway: base"} for layer in base.layers]
    for step in steps:
        yield {**step, "created": CREATED}


def _step(created_by: str) -> dict[str, object]:
    return {"created": CREATED, "created_by": f"seaway: {created_by.removeprefix('seaway: ')}"}
