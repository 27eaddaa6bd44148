"""The short spellings of volumes, ports and devices, read into their long forms.

Pure. Each function raises ValueError with what is wrong. Oddities of Compose stay: the volume `a:/d` is one target,
because `a:` could be a Windows drive.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import Any

PROPAGATIONS = frozenset(("rprivate", "private", "rshared", "shared", "rslave", "slave"))


def parse_mount(spec: str) -> dict[str, Any]:
    """Reads `[source:]target[:options]` as a service volume."""
    if not spec:
        raise ValueError("invalid empty volume spec")
    if len(spec) <= 2:
        return {"type": "volume", "target": spec}
    parts = _sections(spec)
    if not all(parts):
        raise ValueError(f"invalid spec: {spec}: empty section between colons")
    if len(parts) > 3:
        raise ValueError(f"invalid spec: {spec}: too many colons")
    mount: dict[str, Any] = {"source": parts[0], "target": parts[1]} if len(parts) > 1 else {"target": parts[0]}
    bind = _is_path(mount.get("source", ""))
    mount["type"] = "bind" if bind else "volume"
    for option in parts[2].split(",") if len(parts) == 3 else ():
        _option(mount, option)
    if bind:
        mount.setdefault("bind", {})["create_host_path"] = True
    else:
        mount.setdefault("volume", {})
    return mount


def _option(mount: dict[str, Any], option: str) -> None:
    if option == "ro":
        mount["read_only"] = True
    elif option == "rw":
        mount.pop("read_only", None)
    elif option == "nocopy":
        mount["volume"] = {"nocopy": True}
    elif option in PROPAGATIONS:
        mount.setdefault("bind", {})["propagation"] = option
    elif option in ("z", "Z"):
        mount.setdefault("bind", {})["selinux"] = option


def _sections(spec: str) -> list[str]:
    parts, buffer, depth = [], "", 0
    for index, char in enumerate(spec):
        if spec.startswith("${", index):
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif char == ":" and not depth and not (len(buffer) == 1 and buffer.isalpha()):
            parts.append(buffer)
            buffer = ""
            continue
        buffer += char
    return [*parts, buffer]


def _is_path(source: str) -> bool:
    return (
        (source[:1] in (".", "/", "~") and bool(source))
        or source.startswith("\\\\")
        or bool(re.match(r"[^\W\d_]:", source))
    )


def clean(path: str) -> str:
    """Returns a path as Go's `path.Clean` does."""
    if not path:
        return "."
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def parse_device(spec: str) -> dict[str, Any]:
    """Reads `source[:target[:permissions]]` as a device."""
    parts = spec.split(":")
    if len(parts) > 3:
        raise ValueError(f"confusing device mapping, please use long syntax: {spec}")
    target = parts[1] if len(parts) > 1 and parts[1] else parts[0]
    return {"source": parts[0], "target": target, "permissions": parts[2] if len(parts) == 3 else "rwm"}


def parse_ports(spec: str) -> list[dict[str, Any]]:
    """Reads `[[host:]published:]target[/protocol]`, with ranges, as ports in Compose's order."""
    head, _, last = spec.rpartition(":")
    host, published = _host(head)
    target, _, protocol = last.partition("/")
    protocol = (protocol or "tcp").lower()
    if not target:
        raise ValueError(f"no port specified: {spec}<empty>")
    if protocol not in ("tcp", "udp", "sctp"):
        raise ValueError(f"invalid proto: {protocol}")
    start, end = _range(target, "containerPort")
    outside = _range(published, "hostPort") if published else None
    if outside and end - start != outside[1] - outside[0] and end != start:
        raise ValueError(f"invalid ranges specified for container and host Ports: {target} and {published}")
    ports = [_entry(host, protocol, (start, end, number), outside) for number in range(end - start + 1)]
    return sorted(ports, key=lambda port: f"{port['target']}/{protocol}")


def _entry(host: str, protocol: str, inside: tuple[int, int, int], outside: tuple[int, int] | None) -> dict[str, Any]:
    start, end, number = inside
    port: dict[str, Any] = {"mode": "ingress", "target": start + number, "protocol": protocol}
    if host:
        port["host_ip"] = host
    if outside:
        port["published"] = str(outside[0] + number)
        # One port inside and a range outside: the engine picks a free one of the range.
        if start == end and outside[0] != outside[1]:
            port["published"] += f"-{outside[1]}"
    return port


def _host(head: str) -> tuple[str, str]:
    host, _, published = head.rpartition(":")
    if host.startswith("["):
        if not host.endswith("]"):
            raise ValueError(f"invalid IP address: {host}")
        host = host[1:-1]
    if host:
        try:
            ipaddress.ip_address(host)
        except ValueError as problem:
            raise ValueError(f"invalid IP address: {host}") from problem
    return host, published


def _range(text: str, what: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not re.fullmatch(r"[0-9]{1,20}", first) or (dash and not re.fullmatch(r"[0-9]{1,20}", last)):
        raise ValueError(f"invalid {what}: {text[:100]}")
    start, end = int(first), int(last) if dash else int(first)
    if end > 65535 or end < start:
        raise ValueError(f"invalid {what}: {text}")
    return start, end
