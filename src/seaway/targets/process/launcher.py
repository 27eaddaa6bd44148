"""Starts a replica of an installed version, and joins a running one: the way cells are made here, applied."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from seaway.errors import TargetUnsupported
from seaway.targets.blueprint import Workload
from seaway.targets.cell.launch import borrow_command, enter_command
from seaway.targets.process.addresses import Places
from seaway.targets.process.cells import Cell, Cells
from seaway.targets.process.ladder import NAMESPACES, PROOT, Way, choose_way
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.plan import Start
from seaway.targets.process.proot import copy_root, under_proot
from seaway.targets.process.record import read_json
from seaway.targets.process.spec import Placing, cell_spec, numeric_user
from seaway.targets.process.store import Installed, Store


class Launcher:
    """Makes cells in one environment."""

    def __init__(self, paths: EnvironmentPaths, cells: Cells) -> None:
        self.paths = paths
        self.cells = cells
        self._store = Store(paths)

    @cached_property
    def way(self) -> Way:
        """How cells are made on this machine; raises TargetUnsupported."""
        return choose_way(self.paths.folder, self.paths.tools)

    @property
    def says(self) -> str:
        """How cells are made, for people."""
        return self.way.says

    @property
    def shares_network(self) -> bool:
        """Cells have the host's network."""
        return True

    def places(self, services: Sequence[str]) -> Places:
        """Returns loopback addresses with a place for each service, the same ones each time."""
        return self._store.addresses(tuple(services))

    def start(self, start: Start, installed: Installed, addresses: Places) -> None:
        """Puts a run on disk and starts it, at a free address if it has none yet."""
        replica, workload = start.replica, start.wanted.workload
        if not replica.address:
            taken = (cell.replica.address for cell in self.cells.seen())
            replica = replace(replica, address=addresses.replica(replica.service, taken))
        self.make_volumes(workload)
        version = installed.version
        roots = {workload.image: self._root(workload, installed)}
        placing = Placing(version.digest, version.blueprint, roots, self.paths, addresses, self.way)
        self.cells.start(replica, cell_spec(workload, replica, placing))

    def enter(self, cell: Cell, argv: tuple[str, ...]) -> list[str]:
        """Returns the command that executes argv in a running cell."""
        path = self.cells.path(cell.id) / "spec.json"
        if self.way.mode != PROOT:
            return enter_command(path, cell.program, argv)
        return borrow_command(path, under_proot({**(read_json(path) or {}), "argv": list(argv)}, self.way.proot))

    def asks(self, cell: Cell, argv: Sequence[str], seconds: float) -> bool:
        """Tells whether a command in a cell ends with 0 in time."""
        command = self.enter(cell, tuple(argv))
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def attend(self, cell: Cell, argv: Sequence[str]) -> int:
        """Runs a command in a cell on this terminal and returns its exit code."""
        return subprocess.call(self.enter(cell, tuple(argv)))

    def make_volumes(self, workload: Workload) -> None:
        """Creates the named volumes of a workload, writable for its user; what is in them stays as it is."""
        uid, gid = numeric_user(workload)
        for mount in workload.mounts:
            folder = self.paths.volumes / mount.source
            if mount.kind == "volume" and not folder.exists():
                folder.mkdir(parents=True, mode=0o755)
                if self.way.mode == NAMESPACES:
                    os.chown(folder, uid, gid)

    def _root(self, workload: Workload, installed: Installed) -> Path:
        root = installed.roots.get(workload.image)
        if root is None or not root.is_dir():
            raise TargetUnsupported(
                f"the root of image {workload.image.short} of {workload.service} is gone", hint="run seaway up again"
            )
        if self.way.mode == PROOT:
            return copy_root(root, self.paths.folder / "proot" / workload.image.hex)
        return root
