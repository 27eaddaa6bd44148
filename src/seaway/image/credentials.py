"""Credentials for registries, from where Docker and podman keep them: configuration files and credential programs.

Rules: looked up by the registry's host alone and handed to nobody else; a program is found on the PATH by the
name that the configuration gives, is run without a shell, and its output is never shown. No credentials is no
error: many registries read anonymously. Not here: what is done with them (`registry.py`).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.errors import RegistryError, ToolMissing

_PROGRAM = re.compile(r"[A-Za-z0-9._-]+")
_NOT_FOUND = "credentials not found"
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password, or an identity token; none of them is shown by `repr`."""

    user: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find_credentials(host: str) -> Credentials | None:
    """Returns what the first configuration file that knows `host` says, or None; raises RegistryError if unreadable."""
    for path in configuration_files():
        configuration = _read(path)
        program = configuration.get("credHelpers", {}).get(host)
        if program:
            return _from_program(str(program), host)
        if found := _from_file(configuration.get("auths", {}), host, path):
            return found
        store = configuration.get("credsStore")
        if store and (found := _from_program(str(store), host)):
            return found
    return None


def configuration_files() -> Iterator[Path]:
    """Yields the files that exist, in the order in which they count (containers-auth.json(5), then Docker's)."""
    home = Path("~").expanduser()
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    candidates = [
        os.environ.get("REGISTRY_AUTH_FILE"),
        f"{os.environ['DOCKER_CONFIG']}/config.json" if "DOCKER_CONFIG" in os.environ else None,
        f"{runtime}/containers/auth.json" if runtime else None,
        str(home / ".config/containers/auth.json"),
        str(home / ".docker/config.json"),
    ]
    for candidate in dict.fromkeys(candidates):
        if candidate and Path(candidate).is_file():
            yield Path(candidate)


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RegistryError("the file with registry credentials cannot be read", where=path) from error
    return body if isinstance(body, dict) else {}


def _from_file(auths: Mapping[str, Any], host: str, path: Path) -> Credentials | None:
    for key, value in auths.items():
        if re.sub(r"^https?://", "", key).split("/", 1)[0] == host and isinstance(value, dict):
            if token := value.get("identitytoken"):
                return Credentials("", "", str(token))
            if auth := value.get("auth"):
                return _decoded(str(auth), path)
    return None


def _decoded(auth: str, path: Path) -> Credentials:
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RegistryError("an entry with credentials is not base64", where=path) from error
    if not colon:
        raise RegistryError("an entry with credentials holds no password", where=path)
    return Credentials(user, password.rstrip("\0"))


def _from_program(name: str, host: str) -> Credentials | None:
    """Asks `docker-credential-<name>` (docker-credential-helpers protocol)."""
    program = shutil.which(f"docker-credential-{name}") if _PROGRAM.fullmatch(name) else None
    if program is None:
        raise ToolMissing(f"docker-credential-{name} is not here", where=host, hint="install it, or log in again")
    try:
        done = subprocess.run(
            [program, "get"], input=host, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        body = json.loads(done.stdout) if done.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise RegistryError(f"docker-credential-{name} gave no credentials", where=host) from error
    if done.returncode and _NOT_FOUND not in done.stdout:
        raise RegistryError(f"docker-credential-{name} failed", where=host, hint="log in to the registry again")
    if not body.get("Secret"):
        return None
    if body.get("Username") == "<token>":
        return Credentials("", "", str(body["Secret"]))
    return Credentials(str(body.get("Username", "")), str(body["Secret"]))
