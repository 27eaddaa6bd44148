"""Envoy's configuration as data (v3 API, Envoy 1.40): pure; writing, running and reading it are elsewhere.

Rules
- One cluster per replica and port, its version's other replicas as priority 1: a retry stays in its weighted
  cluster, so without siblings a killed replica would fail requests.
- A file holds one route table or one cluster's endpoints: Envoy refuses a file with two for a single subscription.
- Endpoints come by EDS, so that siblings change without the cluster, its connections and its
  counters starting anew.
- Weights are integers by replica: percent x (least common multiple of pod counts) / pods, so shares are exact.
- Panic threshold 0, health checks every 0.5 s, retries on what never reached the program; `reset` for safe methods.
- A route never times out by itself: answers may stream. Upstream connections idle 3 s at most (uvicorn closes at 5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

POD_HEADER = "x-seaway-pod"
_API = "type.googleapis.com/envoy"
_HCM = f"{_API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_RETRY = "connect-failure,refused-stream,reset-before-request"
_SAFE = "^(GET|HEAD|OPTIONS)$"
_EDGES = (10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 25, 28, 30, 33, 36, 40, 44, 50, 55, 60, 66, 70, 75, 80, 83, 90)
LATENCY_EDGES = tuple(edge * 10**power / 10 for power in range(5) for edge in _EDGES)


@dataclass(frozen=True, slots=True)
class Front:
    """Where Envoy listens for one port of a service: its own address, and the published one if there is one.

    `names` are the service's other names, for places where a front is known by name.
    """

    service: str
    port: int
    address: str
    http: bool = True
    published: tuple[str, int] | None = None
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its listener and route table."""
        return f"{self.service}~{self.port}"


@dataclass(frozen=True, slots=True)
class Backend:
    """A replica that may serve."""

    pod: str
    service: str
    service_version: str
    address: str

    def cluster(self, port: int) -> str:
        """The name of its cluster for a port."""
        return f"{self.pod}~{port}"


def admin_socket(address: str, port: int) -> Json:
    """Returns an address of Envoy's own interface."""
    return _socket(address, port)


def admin_pipe(path: str) -> Json:
    """Returns a Unix socket as the address of Envoy's own interface: nobody else on the network reaches it."""
    return {"pipe": {"path": path, "mode": 0o600}}


def bootstrap(folder: str, admin: Json, node: str, edges: Sequence[float] = LATENCY_EDGES) -> Json:
    """Returns the file Envoy starts with; the rest is in `lds.json`, `cds.json`, `rds/`, `eds/`."""
    histogram = {"match": {"suffix": "upstream_rq_time"}, "buckets": list(edges)}
    return {
        "node": {"id": node, "cluster": node},
        "admin": {"address": admin},
        "dynamic_resources": {"lds_config": _path(folder, "lds"), "cds_config": _path(folder, "cds")},
        "stats_flush_interval": "1s",
        "stats_config": {"histogram_bucket_settings": [histogram]},
    }


def listeners(folder: str, fronts: Iterable[Front], routed: Mapping[str, Mapping[str, int]]) -> list[Json]:
    """Returns a listener for each front and each published port; `routed` are the weights of TCP fronts."""
    found = []
    for front in fronts:
        chain = _http_chain(folder, front) if front.http else _tcp_chain(front, routed.get(front.name, {}))
        found.append(_listener(front.name, (front.address, front.port), chain))
        if front.published:
            found.append(_listener(f"{front.name}~published", front.published, chain))
    return found


def clusters(folder: str, names: Iterable[str]) -> list[Json]:
    """Returns the clusters, each with its endpoints in `eds/<cluster>.json`."""
    return [_cluster(folder, name) for name in sorted(names)]


def endpoints(backends: Sequence[Backend], port: int) -> list[Json]:
    """Returns the endpoints of each replica's cluster for a port: itself, then its version's others."""
    found = []
    for own in backends:
        kin = [each for each in backends if each.service_version == own.service_version and each.pod != own.pod]
        groups = [_group(0, [own.address], port)]
        if kin:
            groups.append(_group(1, sorted(each.address for each in kin), port))
        found.append(
            _typed("config.endpoint.v3.ClusterLoadAssignment", cluster_name=own.cluster(port), endpoints=groups)
        )
    return found


def weigh(backends: Sequence[Backend], shares: Mapping[str, int], port: int) -> dict[str, int]:
    """Returns the weight of each replica's cluster: each version's percent, shared equally by its replicas.

    A version without replicas here leaves its share to the others.
    """
    pods: dict[str, list[Backend]] = {}
    for backend in backends:
        if shares.get(backend.service_version, 0) > 0:
            pods.setdefault(backend.service_version, []).append(backend)
    scale = math.lcm(*(len(group) for group in pods.values())) if pods else 1
    return {
        backend.cluster(port): shares[version] * scale // len(group)
        for version, group in sorted(pods.items())
        for backend in group
    }


def route_table(front: Front, weights: Mapping[str, int]) -> Json:
    """Returns the routes of an HTTP front; without a replica every request is answered 503 at once."""
    return _typed(
        "config.route.v3.RouteConfiguration",
        name=front.name,
        virtual_hosts=[{"name": front.service, "domains": ["*"], "routes": _routes(front, weights)}],
        response_headers_to_add=[
            {
                "header": {"key": POD_HEADER, "value": "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                "keep_empty_value": False,
            }
        ],
    )


def _routes(front: Front, weights: Mapping[str, int]) -> list[Json]:
    if not weights:
        body = {"inline_string": f"no replica of {front.service} is ready\n"}
        return [{"match": {"prefix": "/"}, "direct_response": {"status": 503, "body": body}}]
    safe = {"name": ":method", "string_match": {"safe_regex": {"regex": _SAFE}}}
    return [
        {"match": {"prefix": "/", "headers": [safe]}, "route": _route(weights, f"{_RETRY},reset")},
        {"match": {"prefix": "/"}, "route": _route(weights, _RETRY)},
    ]


def _route(weights: Mapping[str, int], retry_on: str) -> Json:
    priorities = _typed("extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", update_frequency=1)
    return {
        "weighted_clusters": {
            "clusters": [{"name": name, "weight": weight} for name, weight in sorted(weights.items()) if weight]
        },
        "timeout": "0s",
        "retry_policy": {
            "retry_on": retry_on,
            "num_retries": 4,
            "retry_priority": {"name": "envoy.retry_priorities.previous_priorities", "typed_config": priorities},
            "host_selection_retry_max_attempts": 4,
            "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
        },
    }


def _cluster(folder: str, name: str) -> Json:
    protocol = _typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        common_http_protocol_options={"idle_timeout": "3s"},
        explicit_http_config={"http_protocol_options": {}},
    )
    limits = {"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096, "max_retries": 4096}
    return _typed(
        "config.cluster.v3.Cluster",
        name=name,
        type="EDS",
        connect_timeout="1s",
        eds_cluster_config={"eds_config": _path(f"{folder}/eds", name), "service_name": name},
        common_lb_config={"healthy_panic_threshold": {"value": 0}},
        circuit_breakers={"thresholds": [{"priority": each, **limits} for each in ("DEFAULT", "HIGH")]},
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol},
        health_checks=[
            {
                "timeout": "1s",
                "interval": "0.5s",
                "no_traffic_interval": "0.5s",
                "unhealthy_threshold": 1,
                "healthy_threshold": 1,
                "tcp_health_check": {},
            }
        ],
    )


def _http_chain(folder: str, front: Front) -> Json:
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{_API}.extensions.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": _HCM,
        "stat_prefix": front.name,
        "rds": {"route_config_name": front.name, "config_source": _path(f"{folder}/rds", front.name)},
        "http_filters": [router],
        "use_remote_address": True,
        "server_header_transformation": "PASS_THROUGH",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    return {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}


def _tcp_chain(front: Front, weights: Mapping[str, int]) -> Json:
    if not weights:
        return {"filters": []}
    proxy = _typed(
        "extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=front.name,
        weighted_clusters={
            "clusters": [{"name": name, "weight": weight} for name, weight in sorted(weights.items()) if weight]
        },
        max_connect_attempts=4,
    )
    return {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}


def _listener(name: str, at: tuple[str, int], chain: Json) -> Json:
    return _typed("config.listener.v3.Listener", name=name, address=_socket(*at), filter_chains=[chain])


def _group(priority: int, addresses: Sequence[str], port: int) -> Json:
    return {
        "priority": priority,
        "lb_endpoints": [{"endpoint": {"address": _socket(address, port)}} for address in addresses],
    }


def _path(folder: str, name: str) -> Json:
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": f"{folder}/{name}.json"},
    }


def _socket(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}


def _typed(kind: str, /, **fields: Any) -> Json:
    return {"@type": f"{_API}.{kind}", **fields}
