"""Configuration: variables, secrets in the open, config files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seaway.app.model import App, Service
from seaway.findings import Fix
from seaway.targets.check.remark import Remark, entries, keys
from seaway.targets.check.repair import drop, put, together

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
            fix = put(*path, to=f"${{{name}:-}}", decide="its value; blank where nothing sets it")
            yield Remark("SW-301", says, path, f"{name}: <value>, or set {name} in .env", fix)
        elif is_secret(name, value):
            kind = "a password" if _USERINFO.search(value) else "a secret"
            hint = f"x-seaway: {{secret_env: {{{name}: {_secret_name(name)}}}}}"
            yield Remark("SW-302", f"{name} holds {kind} in the open", path, hint, _moved(service, name))


def _moved(service: Service, name: str) -> Fix:
    """Returns the fix that makes a variable a secret; its value leaves the compose file."""
    secret = _secret_name(name)
    declared = (put("x-seaway", "secret_env", name, to=secret), put("", "secrets", secret, "environment", to=name))
    written = bool(service.written.exact("environment", name))
    value = (put("environment", name, to=f"${{{name}:-}}"),) if written else ()
    return together(*declared, *value, decide=f"where the value of {name} goes: out of this file, into the environment")


def _secret_name(variable: str) -> str:
    return re.sub(r"_+", "-", variable.lower()).strip("-")


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
            fix, hint = put(*path, "uri", to=_USERINFO.sub(_bare, store.uri)), "leave user and password out"
            yield Remark("SW-302", f"the address of {name} holds a password", (*path, "uri"), hint, fix)
        if store.mode == "read" and (store.identity or service.name) in writers:
            says = f"{service.name} reads {name} as an identity that writes elsewhere"
            yield Remark("SW-803", says, path, f"identity: {name}-reader", put(*path, "identity", to=f"{name}-reader"))


def _bare(match: re.Match[str]) -> str:
    return match.group().partition("//")[0] + "//"


def mounted_files(service: Service, app: App) -> Iterator[Remark]:
    """SW-303 for owners of config files, SW-304 for too large ones, SW-305 for drivers."""
    for index, mount in enumerate(entries(service, "configs")):
        owner = next((key for key in ("uid", "gid") if mount.get(key)), None)
        if owner:
            fix = together(*(drop("configs", index, key) for key in ("uid", "gid") if mount.get(key)))
            yield Remark(
                "SW-303", f"the {owner} of a config file is lost", ("configs", index, owner), "mode: 0444", fix
            )
        content = app.configs.get(mount.get("source", ""), {}).get("content")
        if isinstance(content, str) and len(content.encode()) > _LARGEST:
            hint, fix = "put the file into the image: x-seaway.image.data", drop("configs", index)
            yield Remark(
                "SW-304", f'the config "{mount["source"]}" is larger than 1 MiB', ("configs", index), hint, fix
            )


def drivers(app: App) -> Iterator[Remark]:
    """SW-305 for drivers of configs and secrets."""
    sections: Mapping[str, Mapping[str, Mapping[str, object]]] = {"configs": app.configs, "secrets": app.secrets}
    for section, resources in sections.items():
        for name, resource in resources.items():
            key = next((key for key in ("driver", "driver_opts", "template_driver") if resource.get(key)), None)
            if key:
                drivers = ("driver", "driver_opts", "template_driver")
                fix = together(*(drop(section, name, each) for each in drivers if resource.get(each)))
                hint = "x-seaway.environments.<name>.secrets: {provider: …} says where secrets come from"
                yield Remark("SW-305", f"{name} has a {key}", (section, name, key), hint, fix)
