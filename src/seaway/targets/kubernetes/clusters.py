"""The clusters that a project's agent works on: which environment is where, kept beside what runs on this machine.

One JSON file an environment: kubeconfig, context, namespace, app. No credential is in it; those stay in the kubeconfig,
or in the one that `seaway agent install` writes for the agent's own account.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from seaway.targets.kubernetes.cluster import Cluster
from seaway.targets.kubernetes.kubeconfig import find_access
from seaway.targets.kubernetes.target import KubernetesTarget
from seaway.targets.process.record import read_json, write_json


@dataclass(frozen=True, slots=True)
class Reach:
    """The way to an environment on a cluster."""

    kubeconfig: str
    context: str
    namespace: str
    app: str

    def target(self, environ: Mapping[str, str]) -> KubernetesTarget:
        """Returns the target there; raises ClusterUnreachable or NameUnknown."""
        known = {**environ, "KUBECONFIG": self.kubeconfig} if self.kubeconfig else dict(environ)
        return KubernetesTarget(Cluster(find_access(self.context, known)), self.namespace, self.app)


@dataclass
class Clusters:
    """The environments of a project that are on clusters; `folder` is the project's state."""

    folder: Path
    _targets: dict[str, tuple[Reach, KubernetesTarget]] = field(default_factory=dict)

    def keep(self, environment: str, reach: Reach) -> None:
        """Remembers where an environment is."""
        path = self._path(environment)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_json(path, asdict(reach))

    def find(self, environment: str) -> KubernetesTarget | None:
        """Returns an environment's target, opened once; None for one that is on this machine."""
        document = read_json(self._path(environment))
        if document is None:
            return None
        reach = Reach(**document)
        known = self._targets.get(environment)
        if known is None or known[0] != reach:
            known = self._targets[environment] = (reach, reach.target(os.environ))
        return known[1]

    def environments(self) -> list[str]:
        """Returns the environments that are on clusters."""
        return sorted(path.stem for path in (self.folder / "clusters").glob("*.json"))

    def own_kubeconfig(self, environment: str) -> Path:
        """Returns where the agent's own kubeconfig is kept, once it was installed."""
        return self.folder / "clusters" / f"{environment}.kubeconfig"

    def _path(self, environment: str) -> Path:
        return self.folder / "clusters" / f"{environment}.json"
