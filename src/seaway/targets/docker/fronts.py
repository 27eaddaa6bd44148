"""An Envoy a service, in a container that has the service's names on the network and its published ports.

One for each, since an engine gives no running container a new name or port: a version that adds a service must not
end the connections of the others. Envoy reads files from the environment's folder, which the agent replaces by rename,
and its own interface is a socket there, so nobody on the network can steer it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seaway.digest import Digest
from seaway.errors import AddressTaken, EngineUnavailable
from seaway.targets.docker.api import EngineApi, EngineRefused, UnixConnection
from seaway.targets.docker.envoy_image import PROGRAM
from seaway.targets.docker.names import CONTENT, FRONT, ROLE, SERVICE, Names
from seaway.targets.docker.volumes import remove
from seaway.targets.envoy import Front, admin_pipe, bootstrap
from seaway.targets.process.addresses import Places
from seaway.targets.process.admin import Admin, View
from seaway.targets.process.fronts import FLAGS, Fronts, Traffic
from seaway.targets.process.paths import EnvironmentPaths

INSIDE = "/front"
SOCKET = "admin.sock"
_LARGEST = 16 << 20
_WILDCARD = "0.0.0.0"
_PATIENCE = 1.0


class ServiceFronts:
    """The fronts of one environment: each service's own, and together a supervisor's proxy."""

    def __init__(self, api: EngineApi, paths: EnvironmentPaths, image: str, *, user: str) -> None:
        self._api = api
        self._paths = paths
        self._names = Names.of(paths)
        self._image = image
        self._user = user

    def turn(self, traffic: Traffic, addresses: Places) -> View:
        """Does what is due at each service's front and returns what all of them said."""
        there = self._containers()
        views = []
        for service in sorted({front.service for front in traffic.fronts}):
            own = Traffic(
                tuple(_inside(front) for front in traffic.fronts if front.service == service),
                tuple(each for each in traffic.backends if each.service == service),
                traffic.shares,
            )
            published = [front for front in traffic.fronts if front.service == service]
            views.append(self._front(service, published, there, addresses).turn(own, addresses))
        for service in there.keys() - {front.service for front in traffic.fronts}:
            remove(self._api, str(there[service]["Id"]))
        return _joined(views)

    def stop(self) -> None:
        """Removes every front, what is left of replicas that ended, and the network."""
        everything = {"label": [f"{key}={value}" for key, value in self._names.labels().items()]}
        for entry in self._api.get("/containers/json", all=1, filters=everything):
            if entry["Labels"][ROLE] == FRONT or entry["State"] in ("exited", "created", "dead"):
                remove(self._api, str(entry["Id"]))
        try:
            self._api.delete(f"/networks/{self._names.network}")
        except EngineRefused as error:
            if error.status != 403:  # somebody else is on it
                raise

    def runs(self) -> bool:
        """Tells whether any front is there."""
        return bool(self._containers())

    def routed_pods(self) -> set[str]:
        """Returns the pods that the routes on disk name."""
        found: set[str] = set()
        for folder in self._paths.envoy.iterdir():
            if (folder / "rds").is_dir():
                found |= Fronts(folder, "").routed_pods()
        return found

    def _front(
        self, service: str, published: Sequence[Front], there: Mapping[str, Any], addresses: Places
    ) -> _ServiceFront:
        folder = self._paths.envoy / service
        for place in (folder / "eds", folder / "rds"):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        document = self._document(service, folder, published, addresses)
        return _ServiceFront(self._api, folder, document, there.get(service))

    def _document(self, service: str, folder: Path, published: Sequence[Front], addresses: Places) -> dict[str, Any]:
        ports: dict[str, list[dict[str, str]]] = {}
        for front in published:
            if front.published:
                host, port = front.published
                ports[f"{front.port}/tcp"] = [{"HostIp": host, "HostPort": str(port)}]
        names = sorted({name for front in published for name in front.names} | {service})
        endpoint = {"IPAMConfig": {"IPv4Address": addresses.front(service)}, "Aliases": names}
        document: dict[str, Any] = {
            "Image": self._image,
            "Entrypoint": [PROGRAM],
            "Cmd": ["-c", f"{INSIDE}/bootstrap.json", *FLAGS],
            "User": self._user,
            "Hostname": service[:63],
            "ExposedPorts": {port: {} for port in sorted(ports)},
            "HostConfig": {
                "NetworkMode": self._names.network,
                "PortBindings": ports,
                "Mounts": [{"Type": "bind", "Source": str(folder.resolve()), "Target": INSIDE}],
                "RestartPolicy": {"Name": "unless-stopped"},
                "SecurityOpt": ["no-new-privileges"],
                "CapDrop": ["ALL"],
                "ReadonlyRootfs": True,
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
            },
            "NetworkingConfig": {"EndpointsConfig": {self._names.network: endpoint}},
        }
        labels = {**self._names.labels(FRONT), SERVICE: service, CONTENT: Digest.of_json(document).short}
        return {**document, "Labels": labels, "name": self._names.container(f"front-{service}")}

    def _containers(self) -> dict[str, Any]:
        listed = self._api.get("/containers/json", all=1, filters=self._names.filters(FRONT))
        return {str(entry["Labels"][SERVICE]): entry for entry in listed}


class _ServiceFront(Fronts):
    """One service's Envoy: its files are those of every Envoy here, its process is a container."""

    def __init__(self, api: EngineApi, folder: Path, document: Mapping[str, Any], there: Any) -> None:
        super().__init__(folder, folder.name, seen_as=INSIDE)
        self._api = api
        self._document = document
        self._there = there

    def runs(self) -> bool:
        """Tells whether the container is there, running, and made as it is wanted now."""
        if self._there is None or self._there["State"] not in ("running", "restarting"):
            return False
        return bool(self._there["Labels"].get(CONTENT) == self._document["Labels"][CONTENT])

    def launch(self, traffic: Traffic, addresses: Places) -> None:  # noqa: ARG002
        """Makes the container in place of one that is gone or made otherwise; raises AddressTaken."""
        self.prepare(traffic, bootstrap(INSIDE, admin_pipe(f"{INSIDE}/{SOCKET}"), self.node))
        name = str(self._document["name"])
        remove(self._api, name)
        (self.folder / SOCKET).unlink(missing_ok=True)
        body = {key: value for key, value in self._document.items() if key != "name"}
        self._api.post("/containers/create", body, name=name)
        try:
            self._api.post(f"/containers/{name}/start")
        except EngineRefused as error:
            if "address already in use" in str(error) or "already allocated" in str(error):
                hint = "stop what has the port, or publish another one"
                raise AddressTaken(f"{self.node}: {error.says}", where=self.node, hint=hint) from error
            raise

    def look(self, addresses: Places) -> View:  # noqa: ARG002
        """Asks Envoy over its socket in the folder; one that is still coming up has nothing to say yet."""
        if self._there["State"] == "restarting":
            name = str(self._document["name"])
            raise EngineUnavailable(f"the front of {self.folder.name} ends again and again", hint=f"docker logs {name}")
        if not (self.folder / SOCKET).exists():
            return View()
        return Admin(fetch=lambda path: read_admin(self.folder, path)).view()

    def require_free(self, fronts: Sequence[Front]) -> None:
        """Nothing else listens in the front's own network; published ports are the engine's to refuse."""


def read_admin(folder: Path, path: str) -> bytes:
    """Returns what the Envoy of a folder answers on its own interface; raises EngineUnavailable."""
    connection = UnixConnection(folder / SOCKET, _PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(_LARGEST)
    except OSError as error:
        raise EngineUnavailable(f"the front of {folder.name} does not answer: {error}", where=path) from error
    finally:
        connection.close()
    if answer.status not in (200, 404):
        raise EngineUnavailable(f"the front of {folder.name} answered {answer.status}", where=path)
    return body if answer.status == 200 else b"{}"


def _inside(front: Front) -> Front:
    """Returns a front as its container sees it: on every address of its own network, published by the engine."""
    return Front(front.service, front.port, _WILDCARD, http=front.http)


def _joined(views: Sequence[View]) -> View:
    active: dict[str, int] = {}
    for view in views:
        for address, count in view.active.items():
            active[address] = active.get(address, 0) + count
    weights = {name: shares for view in views for name, shares in view.weights.items()}
    return View(weights, frozenset(name for view in views for name in view.clusters), active)
