"""One bridge network an environment, with addresses that are chosen here.

The engine picks a free subnet; it is asked for once more by name, since only then may addresses be chosen. The engine
itself gives out the lower half (to whoever joins by hand); replicas come from the upper half upwards, fronts from the
top downwards. A replica keeps its address over every restart, so a route never leads to another's container.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seaway.errors import EngineUnavailable, LimitExceeded
from seaway.targets.docker.api import EngineApi, EngineRefused
from seaway.targets.docker.names import Names
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.record import read_json, write_json

_TRIES = 5


@dataclass(frozen=True, slots=True)
class NetworkPlaces:
    """Addresses on the environment's network: `services` numbers the fronts from the top."""

    subnet: str
    services: Mapping[str, int] = field(default_factory=dict)

    @property
    def admin(self) -> str:
        """Envoy's interface has no address: it is a socket in the environment's folder."""
        return ""

    def front(self, service: str) -> str:
        """Returns the address of a service's front."""
        return str(self._network.broadcast_address - self.services[service])

    def replica(self, service: str, taken: Iterable[str]) -> str:
        """Returns the lowest free address of the upper half; raises LimitExceeded."""
        busy = {*taken, *(self.front(each) for each in self.services)}
        first = self._network.network_address + self._network.num_addresses // 2
        for step in range(self._network.num_addresses // 2 - 1):
            if (address := str(first + step)) not in busy:
                return address
        raise LimitExceeded(f"the network {self.subnet} has no address left for {service}", hint="scale it down")

    @property
    def _network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.subnet)

    def including(self, services: Sequence[str]) -> NetworkPlaces:
        """Gives a place to each service that has none yet."""
        places = dict(self.services)
        for service in services:
            if service not in places:
                places[service] = max(places.values(), default=0) + 1
        if max(places.values(), default=0) > self._network.num_addresses // 4:
            raise LimitExceeded(f"more services than {self.subnet} has room for", hint="larger default-address-pools")
        return NetworkPlaces(self.subnet, places)


class Network:
    """The network of an environment on an engine."""

    def __init__(self, api: EngineApi, names: Names, paths: EnvironmentPaths) -> None:
        self._api = api
        self._names = names
        self._paths = paths

    def places(self, services: Sequence[str]) -> NetworkPlaces:
        """Returns the addresses with a place for each service; makes the network the first time."""
        known = read_json(self._paths.addresses) or {}
        if not services:
            return NetworkPlaces(str(known.get("subnet", "0.0.0.0/24")), known.get("services", {}))
        subnet = self._subnet() or self._make()
        places = {str(name): int(place) for name, place in known.get("services", {}).items()}
        full = NetworkPlaces(subnet, places if known.get("subnet") == subnet else {}).including(services)
        document = {"subnet": full.subnet, "services": dict(full.services)}
        if known != document:
            write_json(self._paths.addresses, document)
        return full

    def remove(self) -> None:
        """Removes the network, if nobody else joined it."""
        try:
            self._api.delete(f"/networks/{self._names.network}")
        except EngineRefused as error:
            if error.status != 403:
                raise

    def _subnet(self) -> str | None:
        try:
            found = self._api.get(f"/networks/{self._names.network}")
        except EngineRefused as error:
            if error.status == 404:
                return None
            raise
        return _subnet_of(found)

    def _make(self) -> str:
        """Lets the engine choose a subnet, then makes the network with it; another may be faster, so again."""
        for _ in range(_TRIES):
            self._create({})
            subnet = self._subnet()
            self.remove()
            if subnet is None:
                continue
            network = ipaddress.IPv4Network(subnet)
            lower = next(network.subnets(1))
            config = {"Subnet": subnet, "IPRange": str(lower), "Gateway": str(network.network_address + 1)}
            try:
                self._create({"Driver": "default", "Config": [config]})
            except EngineRefused as error:
                if "overlap" not in str(error).lower():
                    raise
            else:
                return subnet
        raise EngineUnavailable("the engine gave no subnet that stayed free", where=self._names.network)

    def _create(self, addresses: Mapping[str, Any]) -> None:
        body = {
            "Name": self._names.network,
            "Driver": "bridge",
            "CheckDuplicate": True,
            "Labels": self._names.labels(),
            **({"IPAM": addresses} if addresses else {}),
        }
        try:
            self._api.post("/networks/create", body)
        except EngineRefused as error:
            if error.status != 409:
                raise


def _subnet_of(network: Mapping[str, Any]) -> str | None:
    configs = network.get("IPAM", {}).get("Config") or []
    four = [str(each["Subnet"]) for each in configs if ":" not in str(each.get("Subnet", ":"))]
    return four[0] if four else None
