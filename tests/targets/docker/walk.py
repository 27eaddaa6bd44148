"""One canary on an engine, to be killed anywhere: in, and out again. Run again, it finishes from wherever it stands.

python -m tests.targets.docker.walk FOLDER HOST OLD NEW
"""

from __future__ import annotations

import sys
from pathlib import Path

from seaway.digest import Digest
from seaway.targets.base import Retire, Scale, Seen, Shift
from seaway.targets.docker.target import DockerTarget
from tests.targets.docker.world import open_docker
from tests.targets.world import drive, place


def walk(target: DockerTarget, old: Digest, new: Digest) -> Seen:
    """Takes a live environment through a canary of `new` and back to `old`; each wish is repeated as it stands."""
    installed = target.store.installed()
    stable, canary = (installed[each].version.service_versions["web"] for each in (old, new))
    target.act(Scale(new, {"web": 1}), 1)
    drive(target, lambda seen: any(pod.ready and pod.service_version == canary for pod in seen.pods))
    target.act(Shift({old: 50, new: 50}), 1)
    drive(target, lambda seen: seen.weights["web"].get(canary) == 50.0)
    target.act(Shift({old: 100}), 1)
    drive(target, lambda seen: canary in seen.drained)
    target.act(Retire(new), 1)
    return drive(target, lambda seen: {pod.service_version for pod in seen.pods} == {stable})


if __name__ == "__main__":
    walk(open_docker(place(Path(sys.argv[1])), sys.argv[2]), Digest.parse(sys.argv[3]), Digest.parse(sys.argv[4]))
