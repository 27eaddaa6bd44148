"""Runs one command to its end in a container of a service's image, beside what runs; at no front, and removed after."""

from __future__ import annotations

import secrets
from dataclasses import replace

from seaway.errors import EngineUnavailable, NameUnknown
from seaway.targets.docker.containers import Containers
from seaway.targets.docker.document import Placing, container_document
from seaway.targets.docker.logs import read_log
from seaway.targets.docker.names import ERRAND
from seaway.targets.docker.times import moment
from seaway.targets.docker.volumes import remove
from seaway.targets.process.cells import Replica
from seaway.targets.process.logs import LogLine
from seaway.targets.process.once import TIMED_OUT, Errand, Outcome, errand_workload
from seaway.targets.process.store import Installed


def run_errand(containers: Containers, installed: Installed, errand: Errand) -> Outcome:
    """Runs an errand and waits for its end; raises NameUnknown for a service that the version lacks."""
    version = installed.version
    found = {each.service: each for each in version.blueprint.workloads}
    if errand.service not in found:
        raise NameUnknown(f'the version has no service "{errand.service}"', hint=" or ".join(sorted(found)))
    workload = replace(errand_workload(found[errand.service], errand), restart="no")
    name = version.service_versions[errand.service]
    replica = Replica(errand.service, name, int(secrets.randbits(24)), "", job=True)
    placing = Placing(version, installed.images, containers.names)
    containers.places(tuple(version.service_versions))
    try:
        containers.create(workload, replica, container_document(workload, replica, placing, ERRAND), placing)
        containers.begin(replica.id)
        code = _wait(containers, replica.id, errand.seconds)
        lines = read_log(containers.api, containers.names.container(replica.id))
    finally:
        remove(containers.api, containers.names.container(replica.id))
    return Outcome(
        code, tuple(LogLine(moment(at), replica.id, errand.service, stream, text) for stream, at, text in lines)
    )


def _wait(containers: Containers, replica_id: str, seconds: float) -> int:
    path = f"/containers/{containers.names.container(replica_id)}/wait"
    try:
        return int(containers.api.post(path, seconds=seconds)["StatusCode"])
    except EngineUnavailable as error:
        if isinstance(error.__cause__, TimeoutError):
            return TIMED_OUT
        raise
