"""One walk of a supervisor, to be killed anywhere: live, a canary in, the canary out. Run again, it finishes.

python -m tests.targets.walk FOLDER ROOT
"""

from __future__ import annotations

import sys
from pathlib import Path

from seaway.targets.base import Retarget, Retire, Scale, Shift
from seaway.targets.process.target import ProcessTarget
from tests.targets.world import drive, is_live, place, version_of, web

OLD = version_of(web("one"))
NEW = version_of(web("two"))


def walk(folder: Path, root: Path) -> None:
    """Takes the environment to the end of the walk, from wherever it is; each wish is repeated as it stands."""
    target = ProcessTarget(place(folder))
    canary = NEW.service_versions["web"]
    for version in (OLD, NEW):
        target.install(version, roots=lambda _digest: root)
    target.act(Scale(OLD.digest, {"web": 1}), 1)
    target.act(Shift({OLD.digest: 100}), 1)
    target.act(Retarget(OLD.digest), 1)
    drive(target, seconds=60.0, holds=lambda seen: is_live(seen, OLD, {"web": 1}))
    target.act(Scale(NEW.digest, {"web": 1}), 1)
    drive(target, seconds=60.0, holds=lambda seen: sum(pod.ready for pod in seen.pods) == 2)
    target.act(Shift({OLD.digest: 50, NEW.digest: 50}), 1)
    drive(target, seconds=60.0, holds=lambda seen: seen.weights["web"].get(canary) == 50.0)
    target.act(Shift({OLD.digest: 100}), 1)
    drive(target, seconds=60.0, holds=lambda seen: canary in seen.drained)
    target.act(Retire(NEW.digest), 1)
    drive(
        target,
        seconds=60.0,
        holds=lambda seen: [pod.service_version for pod in seen.pods] == [OLD.service_versions["web"]],
    )
    target.supervisor.close()


if __name__ == "__main__":
    walk(Path(sys.argv[1]), Path(sys.argv[2]))
