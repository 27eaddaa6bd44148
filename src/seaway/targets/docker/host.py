"""Which Docker Engine is meant: DOCKER_HOST, else the context that the docker command uses, else the usual socket.

Source: the Docker CLI's own order; contexts lie in `~/.docker/contexts/meta/<SHA-256 of the name>/meta.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from seaway.errors import EngineUnavailable, NotYet

USUAL = "unix:///var/run/docker.sock"


def engine_host(environ: Mapping[str, str]) -> str:
    """Returns the address of the engine; raises EngineUnavailable for a context that is not there."""
    if host := environ.get("DOCKER_HOST"):
        return host
    home = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "/root") / ".docker")
    name = environ.get("DOCKER_CONTEXT") or _setting(home / "config.json")
    return USUAL if name in ("", "default") else _context(home, name)


def socket_path(host: str) -> Path:
    """Returns the Unix socket of an engine's address; raises NotYet for an engine on another machine."""
    scheme, _, path = host.partition("://")
    if scheme != "unix" or not path:
        raise NotYet(f"a Docker Engine at {host}", hint="DOCKER_HOST=unix:///var/run/docker.sock")
    return Path(path)


def _setting(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes()).get("currentContext", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _context(home: Path, name: str) -> str:
    path = home / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    try:
        return str(json.loads(path.read_bytes())["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineUnavailable(
            f'the docker context "{name}" cannot be read', where=path, hint="docker context ls"
        ) from error
