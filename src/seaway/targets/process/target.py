"""`ProcessTarget`: versions installed as unpacked image roots, and Envoy asked where its counters are.

`install` may be called by the typing command, since it only writes files by digest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import NameUnknown, TargetUnsupported
from seaway.targets.base import Version
from seaway.targets.blueprint import Workload
from seaway.targets.process.cells import Cells, CellState
from seaway.targets.process.launcher import Launcher
from seaway.targets.process.spec import numeric_user
from seaway.targets.process.store import Installed
from seaway.targets.process.supervised import SupervisedTarget

_LOWEST_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")

Roots = Callable[[Digest], Path]
Blobs = Callable[[Digest], bytes]


class ProcessTarget(SupervisedTarget):
    """Runs versions of one app in one environment as processes on this machine."""

    name = "process"

    def install(self, version: Version, *, roots: Roots | None = None, configs: Blobs | None = None) -> None:
        """Makes a version known with its image roots, configuration and secret values; starts nothing.

        `roots` gives an image's root by its manifest digest, `configs` a configuration's bytes by content digest.
        Raises TargetUnsupported for what cannot run here, SourceMissing for a secret without a value.
        """
        workloads = version.blueprint.workloads
        for workload in workloads:
            _require_runnable(workload)
        known = self.store.installed().get(version.digest)
        found = {each.image: roots(each.image) for each in workloads} if roots else dict(known.roots if known else {})
        self.keep_configs(version, configs)
        self._keep_secrets(version)
        self.store.install(Installed(version, found))

    def exec_command(self, pod: str, argv: tuple[str, ...]) -> list[str]:
        """Returns the command that executes argv in a running pod, for the typing command; raises NameUnknown."""
        cells = Cells(self.paths.cells)
        for cell in cells.seen():
            if cell.id == pod and cell.state is CellState.RUNNING:
                return Launcher(self.paths, cells).enter(cell, argv)
        raise NameUnknown(f'no pod "{pod}" runs here', hint="seaway ps")

    def _keep_secrets(self, version: Version) -> None:
        owner = {mount.source: each for each in version.blueprint.workloads for mount in each.mounts}
        for name, path in self.keep_secrets(version).items():
            if os.geteuid() == 0 and name in owner:
                os.chown(path, *numeric_user(owner[name]))


def _require_runnable(workload: Workload) -> None:
    numeric_user(workload)
    lowest = int(_LOWEST_PORT.read_text()) if _LOWEST_PORT.exists() else 1024
    for port in workload.ports:
        if port.target < lowest:
            raise TargetUnsupported(
                f"{workload.service} listens on port {port.target}, which an ordinary user may not on this machine",
                hint=f"let it listen on {lowest} or above, or: sysctl net.ipv4.ip_unprivileged_port_start=0",
            )
        if port.protocol != "tcp":
            raise TargetUnsupported(
                f"{workload.service} publishes {port.target}/{port.protocol}; the target process carries TCP",
                hint="set target: docker",
            )
