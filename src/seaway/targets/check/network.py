"""Network: published ports, neighbours' ports, addresses, names, networks of others."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from seaway.app.model import App, Service
from seaway.targets.check.remark import Remark, Row, entries, keys, rows, text
from seaway.targets.check.repair import append, drop, put

_ROWS = (
    Row("mac_address", "SW-406", "the MAC address of {service} is lost", "delete mac_address"),
    Row("domainname", "SW-410", "the domain {value} is lost", "delete domainname"),
    Row("external_links", "SW-412", "{service} links to containers of other apps", "networks.<name>.x-seaway.peers"),
)
_ATTACHMENT = (
    "ipv4_address",
    "ipv6_address",
    "link_local_ips",
    "mac_address",
    "priority",
    "gw_priority",
    "interface_name",
    "driver_opts",
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?([A-Za-z0-9._-]+):(\d{1,5})", re.IGNORECASE)


def ports(service: Service, _: App) -> Iterator[Remark]:
    """SW-401 for a port that is published and not exposed, SW-402 for one of the host."""
    for index, port in enumerate(entries(service, "ports")):
        if port.get("mode") == "host":
            yield Remark(
                "SW-402",
                f"port {port.get('target')} is bound on the host",
                ("ports", index),
                "delete mode",
                drop("ports", index, "mode"),
            )
        if service.extension.expose is None and port.get("published") and not _is_local(port.get("host_ip")):
            says = f"port {port['published']} is published, and nothing exposes it outside a cluster"
            hint = "x-seaway: {expose: {host: <name>}}, or {expose: none}"
            yield Remark("SW-401", says, ("ports", index), hint, put("x-seaway", "expose", to="none"))


def _is_local(address: object) -> bool:
    return isinstance(address, str) and ipaddress.ip_address(address).is_loopback


def neighbours(service: Service, app: App) -> Iterator[Remark]:
    """SW-404 for a URL that points to a port its service does not list."""
    for name, value in keys(service, "environment").items():
        for host, port in _URL.findall(value or ""):
            other = app.services.get(host)
            listed = _listed(other) if other else set()
            if listed and int(port) not in listed:
                says = f"{name} points to port {port} of {host}, which lists {', '.join(map(str, sorted(listed)))}"
                fix = append("", "services", host, "expose", to=port)
                yield Remark("SW-404", says, ("environment", name), f'services.{host}.expose: ["{port}"]', fix)


def _listed(service: Service) -> set[int]:
    found = {int(port["target"]) for port in entries(service, "ports")}
    for entry in entries(service, "expose"):
        first, _, last = str(entry).partition("/")[0].partition("-")
        if first.isdigit():
            found |= set(range(int(first), int(last or first) + 1))
    return found


def attachments(service: Service, app: App) -> Iterator[Remark]:
    """SW-405 for an alias that two services share, SW-406 for what an attachment loses."""
    for network, attachment in keys(service, "networks").items():
        for key in _ATTACHMENT:
            if (attachment or {}).get(key):
                says = f"{key} on {network} is lost"
                yield Remark("SW-406", says, ("networks", network, key), f"delete {key}")
        for number, alias in enumerate((attachment or {}).get("aliases") or ()):
            other = _also_called(alias, service, network, app)
            if other:
                says = f'"{alias}" on {network} answers for {service.name} and {other}'
                path = ("networks", network, "aliases")
                yield Remark("SW-405", says, path, "give each its own alias", drop(*path, number))


def _also_called(alias: str, service: Service, network: str, app: App) -> str | None:
    for other in app.services.values():
        joined = keys(other, "networks")
        called = (other.name, *((joined.get(network) or {}).get("aliases") or ()))
        if other.name != service.name and network in joined and alias in called:
            return other.name
    return None


def modes(service: Service, _: App) -> Iterator[Remark]:
    """SW-409, SW-410, SW-411, SW-412 for names and networks that only a Docker host has."""
    mode = text(service, "network_mode")
    if mode.startswith("container:"):
        says = f"{service.name} uses the network of {mode}"
        yield Remark("SW-409", says, ("network_mode",), "network_mode: service:<name>")
    for index, entry in enumerate(entries(service, "extra_hosts")):
        if str(entry).endswith("=host-gateway"):
            says = f"{str(entry).partition('=')[0]} is the Docker host's own address"
            yield Remark("SW-411", says, ("extra_hosts", index), "name the real address")
    yield from rows(service, _ROWS)


def networks(app: App) -> Iterator[Remark]:
    """SW-407 for an external network without peers, SW-408 for drivers, SW-406 for addresses."""
    used = {name for service in app.services.values() for name in keys(service, "networks")}
    for name, network in app.networks.items():
        if name not in used:
            continue
        extension = app.network_extensions.get(name)
        if network.get("external") and not (extension and extension.peers):
            hint = f"networks: {{{name}: {{x-seaway: {{peers: {{<app>: {{}}}}}}}}}}"
            peers = ("networks", name, "x-seaway", "peers")
            fix = put(*peers, to={"<app>": {}}, decide="which apps are reached over it")
            yield Remark("SW-407", f"{name} is external and names no peers", ("networks", name), hint, fix)
        if network.get("driver") not in (None, "bridge", "overlay"):
            says = f"{name} needs the driver {network['driver']}"
            yield Remark(
                "SW-408",
                says,
                ("networks", name, "driver"),
                "driver: bridge",
                put("networks", name, "driver", to="bridge"),
            )
        for key in ("ipam", "enable_ipv4", "enable_ipv6", "attachable", "driver_opts"):
            if network.get(key):
                yield Remark("SW-406", f"{key} of {name} is lost", ("networks", name, key), f"delete {key}")
