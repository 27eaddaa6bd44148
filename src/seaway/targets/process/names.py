"""Names inside a cell: a hosts file with every service's front, and the host's own resolver file."""

from __future__ import annotations

from collections.abc import Iterable

from seaway.targets.blueprint import Workload
from seaway.targets.process.addresses import Places


def hosts_file(workloads: Iterable[Workload], addresses: Places, *, hostname: str, own: str) -> str:
    """Returns `/etc/hosts` of a replica: its own name is its own address, each service and alias a front."""
    lines = ["127.0.0.1 localhost", f"{own} {hostname}"]
    for workload in workloads:
        if workload.service in addresses.services:
            names = dict.fromkeys((workload.service, *workload.aliases))
            lines.append(f"{addresses.front(workload.service)} {' '.join(name for name in names if name != hostname)}")
    return "\n".join(line for line in lines if " " in line.strip()) + "\n"
