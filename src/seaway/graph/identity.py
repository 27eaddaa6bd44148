"""How things are named: strings outside, scoped by the ledger where they are not content-addressed. Pure."""

from __future__ import annotations

import re
from datetime import datetime

_HEX = re.compile(r"[0-9a-f]{64}")


def digest_key(text: str) -> str:
    """Returns `sha256:<hex>` for a digest with or without its algorithm; raises ValueError for anything else."""
    hexadecimal = text.removeprefix("sha256:")
    if not _HEX.fullmatch(hexadecimal):
        raise ValueError(f"{text!r} is no sha256 digest")
    return f"sha256:{hexadecimal}"


def commit_key(commit: str) -> str:
    """Returns the key of a commit."""
    return f"git:{commit}"


def environment_key(name: str) -> str:
    """Returns the key of an environment."""
    return f"env:{name}"


def service_key(name: str) -> str:
    """Returns the key of a service."""
    return f"svc:{name}"


def place_key(name: str) -> str:
    """Returns the key of a place."""
    return f"place:{name}"


def person_key(person: str) -> str:
    """Returns the key of a person's opaque id."""
    return f"person:{person}"


def release_key(environment: str, release: str) -> str:
    """Returns the key of a release: its id counts within its environment."""
    return f"release:{environment}/{release}"


def seconds(time: str) -> int:
    """Returns RFC 3339 as whole seconds since the epoch; raises ValueError, also without an offset."""
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError(f"{time!r} has no offset")
    return int(moment.timestamp())


def name(key: str) -> str:
    """Returns a key without its prefix."""
    return key.partition(":")[2]
