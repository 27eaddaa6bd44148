"""Names and labels of what the target makes on an engine, and how they are read back.

Everything of an environment carries its project (app and clone) and its name, so that two clones and two
environments never meet. A container's labels say which replica it is: nothing else remembers that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.targets.process.cells import Replica
from seaway.targets.process.paths import EnvironmentPaths

PROJECT, ENVIRONMENT, ROLE = "dev.seaway.project", "dev.seaway.environment", "dev.seaway.role"
SERVICE, VERSION, SLOT = "dev.seaway.service", "dev.seaway.version", "dev.seaway.slot"
RUN, FAILS, JOB = "dev.seaway.run", "dev.seaway.fails", "dev.seaway.job"
ADDRESS, IMAGE, CONTENT = "dev.seaway.address", "dev.seaway.image", "dev.seaway.content"
REPLICA, FRONT, ERRAND = "replica", "front", "errand"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one environment of one project."""

    project: str
    environment: str

    @classmethod
    def of(cls, paths: EnvironmentPaths) -> Names:
        """Returns the names that belong to an environment's folder."""
        return cls(paths.folder.parent.parent.name, paths.environment)

    @property
    def network(self) -> str:
        """The environment's network."""
        return f"{self.project}-{self.environment}"

    def container(self, name: str) -> str:
        """A container: of a replica by its id, of a front by `front-<service>`."""
        return f"{self.network}-{name}"

    def volume(self, name: str) -> str:
        """A named volume; it outlives `down`."""
        return f"{self.network}_{name}"

    def labels(self, role: str = "") -> dict[str, str]:
        """The labels of everything here, or of all that has a role."""
        return {PROJECT: self.project, ENVIRONMENT: self.environment, **({ROLE: role} if role else {})}

    def filters(self, role: str) -> dict[str, list[str]]:
        """The engine's filter for what has a role here."""
        return {"label": [f"{key}={value}" for key, value in self.labels(role).items()]}


def replica_labels(replica: Replica) -> dict[str, str]:
    """Returns a replica as labels."""
    return {
        SERVICE: replica.service,
        VERSION: replica.service_version,
        SLOT: str(replica.slot),
        RUN: str(replica.run),
        FAILS: str(replica.fails),
        JOB: "1" if replica.job else "0",
        ADDRESS: replica.address,
    }


def read_replica(labels: Mapping[str, str], restarts: int) -> Replica:
    """Reads the labels of a container that the engine itself has started again `restarts` times."""
    return Replica(
        labels[SERVICE],
        labels[VERSION],
        int(labels[SLOT]),
        labels[ADDRESS],
        job=labels[JOB] == "1",
        run=int(labels[RUN]) + restarts,
        fails=int(labels[FAILS]),
    )
