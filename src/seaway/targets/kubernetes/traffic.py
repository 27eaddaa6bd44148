"""Who reaches a workload: Services, routes of the gateway, and policies that isolate what comes in.

Rules: a Service is called as its service, so names in the compose file keep working; nothing is reachable from outside
the cluster unless the app says `expose`; pods accept their own networks alone. What goes out is cut nowhere here.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.errors import NotYet
from seaway.targets.blueprint import Blueprint, Workload
from seaway.targets.kubernetes.names import NETWORK, PART_OF, Object, label, labels, metadata, selector
from seaway.targets.kubernetes.pods import Frame, port_name
from seaway.targets.kubernetes.setting import Exposure
from seaway_sdk.conventions import TELEMETRY_PORT

ROUTE = "gateway.networking.k8s.io/v1"


def service_objects(workload: Workload, frame: Frame) -> Iterator[Object]:
    """Yields the Service of a workload and one for each other name it has."""
    if workload.kind == "job" and not workload.ports:
        return
    for name in dict.fromkeys((workload.service, *workload.aliases)):
        yield service_object(workload, frame, name)


def service_object(workload: Workload, frame: Frame, name: str, version: str = "") -> Object:
    """Returns a Service of a workload's pods, of one version or of all; without ports it is but a name."""
    spec: Object = {"selector": selector(frame.app, workload.service, version), "type": "ClusterIP"}
    if workload.ports:
        spec["ports"] = [
            {
                "name": port_name(port.target, port.protocol),
                "port": port.target,
                "protocol": port.protocol.upper(),
                "targetPort": port.target,
            }
            for port in workload.ports
        ]
    else:
        spec["clusterIP"] = "None"
    marks = labels(frame.app, workload.service, frame.environment)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(label(name), frame.setting.namespace, marks),
        "spec": spec,
    }


def route_object(workload: Workload, frame: Frame, expose: Exposure) -> Object:
    """Returns the route from the gateway to an exposed workload; raises NotYet where no gateway is named."""
    gateway = frame.setting.gateway
    if gateway is None:
        raise NotYet(
            f"{workload.service} exposed without a gateway",
            hint="x-seaway: {kubernetes: {gateway: {name: edge, namespace: gateway}}}",
        )
    parent: Object = {"name": gateway.name}
    if gateway.namespace:
        parent["namespace"] = gateway.namespace
    rule: Object = {
        "matches": [{"path": {"type": "PathPrefix", "value": expose.path}}],
        "backendRefs": [backend(label(workload.service), expose.port)],
        "timeouts": {"request": f"{expose.timeout:g}s"},
    }
    spec: Object = {"parentRefs": [parent], "rules": [rule]}
    if expose.host:
        spec["hostnames"] = [expose.host]
    marks = labels(frame.app, workload.service, frame.environment)
    about = metadata(label(workload.service), frame.setting.namespace, marks)
    return {"apiVersion": ROUTE, "kind": "HTTPRoute", "metadata": about, "spec": spec}


def backend(service: str, port: int, weight: int = 1) -> Object:
    """Returns a reference of a route to a Service, with its share."""
    return {"name": service, "port": port, "weight": weight}


def policy_objects(blueprint: Blueprint, frame: Frame) -> Iterator[Object]:
    """Yields what isolates an app's pods: nothing comes in but from their networks, the gateway, and for metrics."""
    app = {"matchLabels": {PART_OF: label(frame.app)}}
    yield _policy("isolated", app, [], frame)
    networks = {name for each in blueprint.workloads for name in frame.place(each).networks}
    for name in sorted(networks):
        peers = {"matchLabels": {PART_OF: label(frame.app), f"{NETWORK}{label(name)}": ""}}
        yield _policy(f"network-{name}", peers, [{"from": [{"podSelector": peers}]}], frame)
    anywhere: Object = {"from": [{"namespaceSelector": {}}], "ports": [{"port": TELEMETRY_PORT, "protocol": "TCP"}]}
    yield _policy("metrics", app, [anywhere], frame)
    for workload in blueprint.workloads:
        expose = frame.place(workload).expose
        if expose is not None:
            yield _gate(workload, expose, frame)


def _gate(workload: Workload, expose: Exposure, frame: Frame) -> Object:
    gateway = frame.setting.gateway
    namespace = (gateway.namespace if gateway else None) or frame.setting.namespace
    source = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    rule: Object = {"from": [source], "ports": [{"port": expose.port, "protocol": "TCP"}]}
    chosen = {"matchLabels": selector(frame.app, workload.service)}
    return _policy(f"exposed-{workload.service}", chosen, [rule], frame)


def _policy(name: str, pods: object, ingress: list[Object], frame: Frame) -> Object:
    about = metadata(label(name), frame.setting.namespace, labels(frame.app, environment=frame.environment))
    spec: Object = {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": ingress}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": about, "spec": spec}
