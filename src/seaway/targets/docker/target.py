"""`DockerTarget`: versions installed as images on an engine, kept by the same supervisor as processes.

`install` may be called by the typing command: it loads images and writes files, and starts nothing. Which engine an
environment lives on is written down then, so that the agent finds it whatever its own environment says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from seaway.blobs import BlobStore
from seaway.errors import EngineUnavailable, SourceError, TargetUnsupported
from seaway.targets.base import Version
from seaway.targets.blueprint import Workload
from seaway.targets.docker.api import EngineApi
from seaway.targets.docker.containers import Containers
from seaway.targets.docker.envoy_image import bring_envoy
from seaway.targets.docker.fronts import ServiceFronts, read_admin
from seaway.targets.docker.host import engine_host, socket_path
from seaway.targets.docker.images import bring
from seaway.targets.docker.logs import ContainerLogs
from seaway.targets.docker.once import run_errand
from seaway.targets.process.engine import Engine
from seaway.targets.process.logs import LogReader
from seaway.targets.process.once import Errand, Outcome
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.record import read_json, write_json
from seaway.targets.process.store import Installed
from seaway.targets.process.supervised import Blobs, SupervisedTarget


@dataclass(frozen=True, slots=True)
class Setting:
    """The engine of an environment: its address, its id of the image of Envoy, and the user Envoy runs as."""

    host: str
    envoy: str
    user: str

    @classmethod
    def known(cls, paths: EnvironmentPaths) -> Setting | None:
        """Returns what was written down when the environment was installed on an engine."""
        document = read_json(paths.engine)
        return cls(**{key: str(document[key]) for key in ("host", "envoy", "user")}) if document else None

    @classmethod
    def prepare(cls, paths: EnvironmentPaths, environ: Mapping[str, str]) -> Setting:
        """Finds the engine, brings it Envoy, and writes it down; raises EngineUnavailable."""
        host = engine_host(environ)
        api = EngineApi(socket_path(host))
        kinds = api.get("/info").get("SecurityOptions") or []
        rootless = any("rootless" in str(kind) for kind in kinds)  # there, root inside is the user outside
        user = "0:0" if rootless else f"{os.geteuid()}:{os.getegid()}"
        setting = cls(host, bring_envoy(api, environ), user)
        paths.make()
        if read_json(paths.engine) != asdict(setting):
            write_json(paths.engine, asdict(setting))
        return setting

    @property
    def api(self) -> EngineApi:
        """The engine itself."""
        return EngineApi(socket_path(self.host))


class DockerTarget(SupervisedTarget):
    """Runs versions of one app in one environment as containers of a Docker Engine."""

    name = "docker"
    one_proxy = False

    def __init__(self, paths: EnvironmentPaths, setting: Setting) -> None:
        self.setting = setting
        self.containers = Containers(setting.api, paths)
        fronts = ServiceFronts(setting.api, paths, setting.envoy, user=setting.user)
        super().__init__(paths, Engine(self.containers, self.containers, fronts))

    def install(self, version: Version, *, store: BlobStore | None = None, configs: Blobs | None = None) -> None:
        """Makes a version known with its images on the engine, configuration and secret values; starts nothing.

        Raises TargetUnsupported for what cannot run here, SourceMissing for a secret without a value.
        """
        workloads = version.blueprint.workloads
        for workload in workloads:
            _require_runnable(workload)
        known = self.store.installed().get(version.digest)
        images = dict(known.images) if known else {}
        if store is not None:
            api, app = self.setting.api, version.blueprint.app
            images = {image: bring(api, store, image, app) for image in sorted({each.image for each in workloads})}
        self.keep_configs(version, configs)
        self.keep_secrets(version)
        self.store.install(Installed(version, images=images))

    def logs(self) -> LogReader:
        """Returns what the containers wrote that are still there."""
        return ContainerLogs(self.setting.api, self.containers.names)

    def run_once(self, installed: Installed, errand: Errand) -> Outcome:
        """Runs a command to its end in a container of its own."""
        return run_errand(self.containers, installed, errand)

    def read_proxy(self, service: str, path: str) -> bytes:
        """Returns what a service's own Envoy answers on its interface; raises SourceError."""
        try:
            return read_admin(self.paths.envoy / service, path)
        except EngineUnavailable as error:
            raise SourceError(str(error), where=path) from error


def _require_runnable(workload: Workload) -> None:
    if workload.secret_environment:
        name = min(workload.secret_environment)
        raise TargetUnsupported(
            f"{workload.service} wants secret {name} as a variable, which docker inspect would show to everybody",
            hint=f"read it from /run/secrets/{workload.secret_environment[name]}",
        )
    for port in workload.ports:
        if port.protocol != "tcp":
            raise TargetUnsupported(
                f"{workload.service} listens on {port.target}/{port.protocol}; the target docker carries TCP",
                hint="leave the port out, or target: kubernetes",
            )
