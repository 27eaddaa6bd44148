"""What every `Target` keeps, asked of the real one and of the one in memory on which releases are tested."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seaway.errors import StaleEpoch
from seaway.targets.base import Action, Retarget, Retire, Scale, Seen, Shift, Target, Version
from seaway.targets.kubernetes.target import KubernetesTarget
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.target import ProcessTarget
from tests.fakes.api import FakeApi
from tests.fakes.target import FakeTarget
from tests.targets.kubernetes.world import exposed
from tests.targets.world import version_of, web

pytestmark = pytest.mark.rootless

ONE = version_of(web("one"), web(service="side"))
TWO = version_of(web("two"), web(service="side"))
OLD, NEW, SIDE = ONE.service_versions["web"], TWO.service_versions["web"], ONE.service_versions["side"]


class Subject:
    """A target under the contract, with its own way to install and to let time pass."""

    def __init__(self, target: Target, install: Callable[[Version], None], pause: float) -> None:
        self.target, self.install, self.pause = target, install, pause
        self.now = time.time()

    def act(self, *actions: Action, epoch: int = 1) -> None:
        """Carries out wishes, each twice: they are absolute."""
        for action in actions:
            self.target.act(action, epoch)
            self.target.act(action, epoch)

    def wait(self, holds: Callable[[Seen], bool]) -> Seen:
        """Observes until something holds."""
        for _ in range(400):
            self.now = time.time() if self.pause else self.now + 0.25
            seen = self.target.observe(self.now)
            if holds(seen):
                return seen
            time.sleep(self.pause)
        raise AssertionError(f"it never held: {seen}")


@pytest.fixture(params=["process", "memory", "kubernetes", pytest.param("docker", marks=pytest.mark.rig("docker"))])
def subject(request: pytest.FixtureRequest, paths: EnvironmentPaths, root: Path) -> Iterator[Subject]:
    """Returns each target in turn."""
    if request.param == "memory":
        fake = FakeTarget(now=time.time())
        yield Subject(fake, fake.install, 0.0)
    elif request.param == "kubernetes":
        place = KubernetesTarget(FakeApi(), "shop-dev", "shop")
        yield Subject(place, lambda version: place.store.install(exposed(version)), 0.0)
    elif request.param == "docker":
        engine = request.getfixturevalue("docker")
        box = engine.open()
        yield Subject(box, lambda version: box.install(version, store=engine.blobs), 0.1)
    else:
        real = ProcessTarget(paths)
        yield Subject(real, lambda version: real.install(version, roots=lambda _digest: root), 0.05)


def count(seen: Seen, name: str, *, ready: bool = True) -> int:
    """Counts the pods of a service version."""
    return sum(pod.service_version == name and (pod.ready or not ready) for pod in seen.pods)


def live(subject: Subject) -> None:
    """Takes the first version live."""
    subject.install(ONE)
    subject.install(TWO)
    subject.act(Scale(ONE.digest, {"web": 2, "side": 1}))
    subject.wait(lambda seen: count(seen, OLD) == 2 and count(seen, SIDE) == 1)
    subject.act(Shift({ONE.digest: 100}), Retarget(ONE.digest))
    subject.wait(lambda seen: seen.weights.get("web", {}).get(OLD) == 100.0 and seen.stable == ONE.digest)


def test_installing_starts_nothing(subject: Subject) -> None:
    """A version is known, and that is all."""
    subject.install(ONE)
    assert subject.target.observe(time.time()).pods == ()


def test_a_wish_twice_is_met_once_and_neighbours_are_not_forked(subject: Subject) -> None:
    """The canary has its own pods, the equal service keeps the ones it has, and the weight is as wished."""
    live(subject)
    before = {pod.id for pod in subject.target.observe(subject.now).pods}
    subject.act(Scale(TWO.digest, {"web": 1, "side": 1}))
    seen = subject.wait(lambda seen: count(seen, NEW) == 1)
    assert count(seen, SIDE, ready=False) == 1 and count(seen, OLD, ready=False) == 2
    assert before < {pod.id for pod in seen.pods}
    assert not seen.weights["web"].get(NEW)
    subject.act(Shift({ONE.digest: 75, TWO.digest: 25}))
    seen = subject.wait(lambda seen: seen.weights["web"].get(NEW) == 25.0)
    assert seen.weights["web"][OLD] == 75.0 and seen.weights["side"] == {SIDE: 100.0}


def test_what_lost_its_weight_drains_and_retires(subject: Subject) -> None:
    """Retiring the canary leaves what the stable version needs."""
    live(subject)
    subject.act(Scale(TWO.digest, {"web": 1, "side": 1}))
    subject.wait(lambda seen: count(seen, NEW) == 1)
    subject.act(Shift({ONE.digest: 50, TWO.digest: 50}))
    seen = subject.wait(lambda seen: seen.weights["web"].get(NEW) == 50.0)
    assert NEW not in seen.drained
    subject.act(Shift({ONE.digest: 100}))
    subject.wait(lambda seen: NEW in seen.drained)
    subject.act(Retire(TWO.digest))
    seen = subject.wait(lambda seen: count(seen, NEW, ready=False) == 0)
    assert count(seen, OLD) == 2 and count(seen, SIDE) == 1 and seen.stable == ONE.digest


def test_a_replaced_writer_is_refused(subject: Subject) -> None:
    """A lower epoch than one seen changes nothing."""
    subject.install(ONE)
    subject.act(Scale(ONE.digest, {"web": 1}), epoch=3)
    with pytest.raises(StaleEpoch):
        subject.target.act(Scale(ONE.digest, {"web": 0}), 2)
    subject.wait(lambda seen: count(seen, OLD, ready=False) == 1)
