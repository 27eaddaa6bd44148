"""The loopback addresses of an environment, `127.B.S.R`: B the environment, S the service, R = 1 its front, from 10
its replicas; `127.B.0.1` is Envoy's own. Linux answers on all of 127/8.

B is chosen by hash of project and environment, in 64-127, and moved on while another program listens there. It and
each service's S are kept, so that addresses outlive a restart. Not here: names (`names.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from seaway.errors import AddressTaken, LimitExceeded
from seaway.targets.process.listeners import Listener, owner

FIRST_BLOCK, BLOCKS = 64, 64
FIRST_REPLICA, LAST = 10, 254
ADMIN_PORT = 9901


class Places(Protocol):
    """The addresses of an environment, wherever it runs."""

    @property
    def services(self) -> Mapping[str, int]:
        """The services that have a place."""

    @property
    def admin(self) -> str:
        """Where Envoy's own interface listens; empty where it has no address."""

    def front(self, service: str) -> str:
        """Returns the address under which other services reach a service."""

    def replica(self, service: str, taken: Iterable[str]) -> str:
        """Returns a free address for a replica of a service; raises LimitExceeded."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The block of an environment and the place of each service in it."""

    block: int
    services: Mapping[str, int] = field(default_factory=dict)

    @property
    def admin(self) -> str:
        """Where Envoy's own interface listens."""
        return f"127.{self.block}.0.1"

    def front(self, service: str) -> str:
        """Returns the address under which other services reach a service."""
        return f"127.{self.block}.{self.services[service]}.1"

    def replica(self, service: str, taken: Iterable[str]) -> str:
        """Returns the lowest free address of a service's replicas; raises LimitExceeded after 245."""
        busy = set(taken)
        for last in range(FIRST_REPLICA, LAST + 1):
            if (address := f"127.{self.block}.{self.services[service]}.{last}") not in busy:
                return address
        raise LimitExceeded(f"{service} has more than {LAST + 1 - FIRST_REPLICA} replicas", hint="scale it down")

    def including(self, services: Iterable[str]) -> Addresses:
        """Gives a place to each service that has none yet."""
        places = dict(self.services)
        for service in services:
            if service not in places:
                places[service] = max(places.values(), default=0) + 1
        if max(places.values(), default=0) > LAST:
            raise LimitExceeded(f"more than {LAST} services in one environment", hint="split the app")
        return replace(self, services=places)

    def document(self) -> dict[str, Any]:
        """Returns the addresses as JSON."""
        return {"block": self.block, "services": dict(self.services)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Addresses:
        """Reads what `document` gave."""
        return cls(int(document["block"]), {str(name): int(place) for name, place in document["services"].items()})


def choose(project: str, environment: str, heard: Iterable[Listener]) -> Addresses:
    """Chooses a block for an environment; raises AddressTaken when every block is in use."""
    busy = {listener.address.split(".")[1] for listener in heard if listener.address.startswith("127.")}
    start = hashlib.sha256(f"{project}\0{environment}".encode()).digest()[0] % BLOCKS
    for step in range(BLOCKS):
        block = FIRST_BLOCK + (start + step) % BLOCKS
        if str(block) not in busy:
            return Addresses(block)
    raise AddressTaken("every block of loopback addresses is in use", hint="stop another environment: seaway down")


def require_free(address: str, port: int, heard: Iterable[Listener], *, what: str) -> None:
    """Raises AddressTaken, naming the process, when something else listens where Seaway must."""
    for listener in heard:
        if listener.blocks(address, port):
            raise AddressTaken(
                f"{what} needs {address}:{port}, where {owner(listener.inode)} listens on {listener.address}:{port}",
                where=f"{address}:{port}",
                hint="stop that program, or let it listen on one address instead of all",
            )
