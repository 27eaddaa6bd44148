"""Configuration: variables, secrets in the open, config files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seaway.app.model import App, Service
from seaway.targets.check.remark import Remark, entries, keys

_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|(ACCESS|SECRET|PRIVATE)_KEY|CREDENTIALS?)$", re.IGNORECASE
)
_USERINFO = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
_NOT_SECRET = frozenset(("", "0", "1", "true", "false", "yes", "no", "none"))
_LARGEST = 1 << 20


def is_secret(name: str, value: str) -> bool:
    """Returns whether a variable holds a secret: by its name, or a password in a URL."""
    return bool(_USERINFO.search(value)) or (bool(_NAME.search(name)) and value.lower() not in _NOT_SECRET)


def variables(service: Service, _: App) -> Iterator[Remark]:
    """SW-302 for a secret in the open, SW-301 for a variable that has no value anywhere."""
    for name, value in keys(service, "environment").items():
        path = ("environment", name)
        if name in service.extension.secret_env:
            continue
        if value is None:
            says = f"{name} is passed through, and nothing sets it"
            yield Remark("SW-301", says, path, f"{name}: <value>, or set {name} in .env")
        elif is_secret(name, value):
            kind = "a password" if _USERINFO.search(value) else "a secret"
            hint = f"x-seaway: {{secret_env: {{{name}: {_secret_name(name)}}}}}"
            yield Remark("SW-302", f"{name} holds {kind} in the open", path, hint)


def _secret_name(variable: str) -> str:
    return variable.lower().replace("_", "-")


def stores(service: Service, app: App) -> Iterator[Remark]:
    """SW-302 for credentials in a store's address, SW-803 for a reader whose identity writes elsewhere."""
    writers = {
        store.identity or other.name
        for other in app.services.values()
        for store in other.extension.data.values()
        if store.mode == "write"
    }
    for name, store in service.extension.data.items():
        path = ("x-seaway", "data", name)
        if _USERINFO.search(store.uri or ""):
            yield Remark(
                "SW-302", f"the address of {name} holds a password", (*path, "uri"), "leave user and password out"
            )
        if store.mode == "read" and (store.identity or service.name) in writers:
            says = f"{service.name} reads {name} as an identity that writes elsewhere"
            yield Remark("SW-803", says, path, f"identity: {name}-reader")


def mounted_files(service: Service, app: App) -> Iterator[Remark]:
    """SW-303 for owners of config files, SW-304 for too large ones, SW-305 for drivers."""
    for index, mount in enumerate(entries(service, "configs")):
        owner = next((key for key in ("uid", "gid") if mount.get(key)), None)
        if owner:
            yield Remark("SW-303", f"the {owner} of a config file is lost", ("configs", index, owner), "mode: 0444")
        content = app.configs.get(mount.get("source", ""), {}).get("content")
        if isinstance(content, str) and len(content.encode()) > _LARGEST:
            yield Remark("SW-304", f'the config "{mount["source"]}" is larger than 1 MiB', ("configs", index))


def drivers(app: App) -> Iterator[Remark]:
    """SW-305 for drivers of configs and secrets."""
    sections: Mapping[str, Mapping[str, Mapping[str, object]]] = {"configs": app.configs, "secrets": app.secrets}
    for section, resources in sections.items():
        for name, resource in resources.items():
            key = next((key for key in ("driver", "driver_opts", "template_driver") if resource.get(key)), None)
            if key:
                hint = "x-seaway.environments.<name>.secrets: {provider: …} says where secrets come from"
                yield Remark("SW-305", f"{name} has a {key}", (section, name, key), hint)
