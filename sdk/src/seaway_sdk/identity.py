"""Who this process is, from SEAWAY_* variables; it knows its version, never its arm and never its bundle.

Every variable has a default, and one that cannot be read is reported in `faults`, never raised into the app.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway_sdk.conventions import TELEMETRY_PORT

STATIC = "0" * 10
_VERSION = re.compile(r"[0-9a-f]{10}")
_KEY_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """The five labels, what is inside, and where the telemetry port listens.

    `references` is {name: {kind, digest}} of what the service uses or holds; `key` signs request tokens, empty if
    there is none; `faults` names each variable that could not be used. The telemetry port is on SEAWAY_TELEMETRY_HOST,
    else on the replica's own SEAWAY_ADDRESS, else on the loopback.
    """

    app: str = ""
    environment: str = ""
    service: str = ""
    version: str = STATIC
    replica: str = ""
    image: str = ""
    references: Mapping[str, Mapping[str, str]] | None = None
    key: bytes = b""
    host: str = "127.0.0.1"
    port: int = TELEMETRY_PORT
    faults: tuple[str, ...] = ()

    def holds(self, kind: str) -> str:
        """Returns the references of a kind as `name@digest`, sorted, separated by commas."""
        named = (self.references or {}).items()
        return ",".join(sorted(f"{name}@{one['digest']}" for name, one in named if one["kind"] == kind))


def read(variables: Mapping[str, str]) -> Identity:
    """Reads the identity from variables."""
    faults: list[str] = []
    version = variables.get("SEAWAY_VERSION", STATIC)
    if not _VERSION.fullmatch(version):
        faults.append("SEAWAY_VERSION")
        version = STATIC
    return Identity(
        app=variables.get("SEAWAY_APP", ""),
        environment=variables.get("SEAWAY_ENVIRONMENT", ""),
        service=variables.get("SEAWAY_SERVICE", ""),
        version=version,
        replica=variables.get("SEAWAY_REPLICA") or f"{socket.gethostname()}:{os.getpid()}",
        image=variables.get("SEAWAY_IMAGE", ""),
        references=_references(variables.get("SEAWAY_REFERENCES", "{}"), faults),
        key=_key(variables.get("SEAWAY_REQUEST_KEY_FILE", ""), faults),
        host=variables.get("SEAWAY_TELEMETRY_HOST") or variables.get("SEAWAY_ADDRESS") or "127.0.0.1",
        port=_port(variables.get("SEAWAY_TELEMETRY_PORT", str(TELEMETRY_PORT)), faults),
        faults=tuple(faults),
    )


def _references(text: str, faults: list[str]) -> Mapping[str, Mapping[str, str]]:
    try:
        return {
            str(name): {"kind": str(one["kind"]), "digest": str(one["digest"])}
            for name, one in json.loads(text).items()
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        faults.append("SEAWAY_REFERENCES")
        return {}


def _key(file: str, faults: list[str]) -> bytes:
    if not file:
        return b""
    try:
        return Path(file).read_bytes().strip()[:_KEY_LIMIT]
    except OSError:
        faults.append("SEAWAY_REQUEST_KEY_FILE")
        return b""


def _port(text: str, faults: list[str]) -> int:
    if text.isascii() and text.isdigit() and int(text) < 65_536:
        return int(text)
    faults.append("SEAWAY_TELEMETRY_PORT")
    return TELEMETRY_PORT
