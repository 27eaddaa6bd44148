"""Wildcard and loopback addresses in commands, which would collide where all replicas share the host's network.

`0.0.0.0`, `[::]` and `0.0.0.0:PORT` in a command become the replica's own address; in a health check so does
`localhost:PORT` where the port is the service's own. Programs that bind without saying so in the command are moved
by `inside/sitecustomize.py` where they are Python.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_WILDCARD = re.compile(r"(?<![\d.:\w])(?:0\.0\.0\.0|\[::\])(?![\d.\w])")
_OWN = re.compile(r"(?<![\w.-])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?=:(\d{1,5})(?!\d))")


def bind_own(command: tuple[str, ...], address: str) -> tuple[str, ...]:
    """Returns a command that listens on `address` where it listened on every address."""
    return tuple(address if word == "::" else _WILDCARD.sub(address, word) for word in command)


def reach_own(command: tuple[str, ...], address: str, ports: Collection[int]) -> tuple[str, ...]:
    """Returns a health check that asks the replica itself where it asked `localhost` on one of its ports."""

    def moved(match: re.Match[str]) -> str:
        return address if int(match[1]) in ports else match[0]

    return tuple(_OWN.sub(moved, word) for word in command)
