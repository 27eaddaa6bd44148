"""What Envoy itself says it does: the routes it has accepted, its clusters, their hosts and requests in flight."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.errors import EngineUnavailable
from seaway.http import Client

PATIENCE = 1.0  # seconds: an Envoy that was stopped must not stop the turns
_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class View:
    """One look: weights by front and cluster, clusters with a healthy host, requests in flight by host address."""

    weights: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    clusters: frozenset[str] = frozenset()
    active: Mapping[str, int] = field(default_factory=dict)

    def routed(self) -> set[str]:
        """Returns the clusters some route names."""
        return {name for weights in self.weights.values() for name in weights}


class Admin:
    """Envoy's administration interface; `fetch` gets a path of it and raises EngineUnavailable."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self._fetch = fetch

    def view(self) -> View:
        """Looks once; raises EngineUnavailable when Envoy does not answer or answers nonsense."""
        clusters = self._get("/clusters?format=json")
        routes = self._get("/config_dump?resource=dynamic_route_configs")
        tcp = self._get("/config_dump?resource=dynamic_listeners")
        try:
            statuses = clusters.get("cluster_statuses", [])
            return View(
                {**_http_weights(routes), **_tcp_weights(tcp)},
                frozenset(str(status["name"]) for status in statuses if _serves(status)),
                _in_flight(statuses),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EngineUnavailable(f"envoy's answer has another form: {error!r}", where="envoy") from error

    def _get(self, path: str) -> dict[str, Any]:
        try:
            document = json.loads(self._fetch(path))
        except ValueError as error:
            raise EngineUnavailable("envoy's answer is not JSON", where=path) from error
        return document if isinstance(document, dict) else {}


def on_loopback(address: str, port: int) -> Callable[[str], bytes]:
    """Returns how Envoy's interface at an address is asked; one client is kept, since it costs more than a question."""
    client = Client(error=EngineUnavailable, tries=1, timeout=PATIENCE)

    def fetch(path: str) -> bytes:
        answer = client.get(f"http://{address}:{port}{path}", limit=_LIMIT)
        if answer.status == 404:  # a dump of which there is nothing yet
            return b"{}"
        if answer.status != 200:
            raise EngineUnavailable(f"envoy answered {answer.status}", where=path)
        return answer.body

    return fetch


def _http_weights(dump: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    found = {}
    for config in dump.get("configs", []):
        table = config["route_config"]
        found[str(table["name"])] = _weights(table["virtual_hosts"][0]["routes"][0].get("route", {}))
    return found


def _tcp_weights(dump: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    found = {}
    for config in dump.get("configs", []):
        for chain in config.get("active_state", {}).get("listener", {}).get("filter_chains", []):
            for each in chain.get("filters", []):
                if each["name"].endswith("tcp_proxy") and not str(config["name"]).endswith("~published"):
                    found[str(config["name"])] = _weights(each["typed_config"])
    return found


def _weights(holder: Mapping[str, Any]) -> dict[str, int]:
    clusters = holder.get("weighted_clusters", {}).get("clusters", [])
    return {str(each["name"]): int(each["weight"]) for each in clusters}


def _serves(status: Mapping[str, Any]) -> bool:
    health = [host.get("health_status", {}) for host in status.get("host_statuses", [])]
    return any(not each.get("failed_active_hc") and not each.get("pending_active_hc") for each in health)


def _in_flight(statuses: list[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in statuses:
        for host in status.get("host_statuses", []):
            address = str(host["address"]["socket_address"]["address"])
            counts = {stat["name"]: int(stat.get("value", 0)) for stat in host.get("stats", [])}
            found[address] = found.get(address, 0) + counts.get("rq_active", 0)
    return found
