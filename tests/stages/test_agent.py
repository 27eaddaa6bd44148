"""The releases an agent keeps, on a place in memory: nothing is recorded without a key, everything comes back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import seaway.agent
from seaway.agent import Releases, papers
from seaway.errors import KeyRefused, LedgerUnavailable, NoWayBack
from seaway.evidence.keys import new_key
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from seaway.release.document import encode
from seaway.release.machine import State
from seaway.release.store import Store
from seaway.targets.process.agent import Agent
from seaway.targets.process.paths import ProjectPaths
from tests.evidence.world import World as Ledger
from tests.fakes.target import FakeTarget
from tests.release.world import ENVIRONMENT, ONE, START, TWO, plan

pytestmark = pytest.mark.rootless
PASSPHRASE = "operator of the test"


class Place:
    """An agent whose one environment is a place in memory, and a ledger with an operator."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.target = FakeTarget(now=START)
        self.target.run(ONE)
        self.target.install(TWO)
        self.ledger = Ledger(tmp_path)
        self.downs: list[object] = []
        public = new_key(tmp_path / "keys", "olga", PASSPHRASE.encode())
        with self.ledger.found() as notary:
            newcomer = Newcomer(person="p-olga", roles=(Role.OPERATOR,), emails=("olga@acme.example",))
            notary.enrol(self.ledger.owner, public, newcomer)
        self.key = f"file:{tmp_path / 'keys' / 'olga.pem'}"
        monkeypatch.setattr(seaway.agent, "_sources", lambda target, plan: ())
        monkeypatch.setattr(seaway.agent, "down", self.downs.append)
        paths = ProjectPaths(tmp_path / "project", "shop")
        paths.folder.mkdir(parents=True)
        agent = cast(Agent, SimpleNamespace(paths=paths, target=lambda name: self.target))
        self.releases = Releases(agent, self.ledger.place, Store(paths.folder / "releases.sqlite"))
        self.now = START

    def unlock(self) -> None:
        self.releases.unlock({"uri": self.key, "passphrase": PASSPHRASE})

    def submit(self, first: bool = False) -> None:
        asked = plan(TWO, None if first else ONE)
        self.releases.release({"plan": encode(asked), "now": self.now})

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.releases.turn(self.now)
            self.now += 0.25

    @property
    def state(self) -> State:
        return self.releases.store.read(ENVIRONMENT).row.position.state

    def recorded(self) -> list[dict[str, Any]]:
        """The release events in the ledger."""
        with self.ledger.read() as notary:
            found = notary.verified(predicate_type=PredicateType.RELEASE_EVENT)
            return [dict(verified.statement.predicate) for verified in found]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place where version one runs."""
    return Place(tmp_path, monkeypatch)


def test_a_wrong_passphrase_unlocks_nothing(place: Place) -> None:
    """And says so to whoever typed it."""
    with pytest.raises(KeyRefused):
        place.releases.unlock({"uri": place.key, "passphrase": "another one altogether"})
    assert place.releases.signer is None


def test_without_a_key_a_release_waits_before_its_first_share_of_requests(place: Place) -> None:
    """Forward needs the ledger: pods may be there, requests still all go to stable, entries wait."""
    place.submit()
    place.turns(60)
    assert place.target.shares["api"] == {"v1": 100.0}
    assert place.releases.store.outbox(ENVIRONMENT)
    assert place.recorded() == []


def test_once_unlocked_what_waited_is_recorded_in_its_order(place: Place) -> None:
    """Nothing of what happened before is lost."""
    place.submit()
    place.turns(20)
    place.unlock()
    place.turns(20)
    sequences = [event["sequence"] for event in place.recorded()]
    assert sequences and sequences == sorted(sequences)
    assert place.releases.store.outbox(ENVIRONMENT) == ()


def test_appending_without_a_key_is_told_with_what_helps(place: Place) -> None:
    """The controller takes it as: not now."""
    with pytest.raises(LedgerUnavailable, match="no operator's key"):
        place.releases.append(b"{}")


def test_down_gives_a_release_up_on_the_record(place: Place) -> None:
    """The ledger says that it ended because the environment was taken down; the store forgets it."""
    place.unlock()
    place.submit()
    place.turns(30)
    place.releases.down({"environment": ENVIRONMENT})
    last = place.recorded()[-1]
    assert (last["event"], last["reason"]) == ("abort", "the environment was taken down")
    assert place.releases.store.keys() == ()
    assert place.downs == [place.target]


def held_first(place: Place) -> None:
    """A first release whose requests never arrive where they were sent: held, with nothing to return to."""
    place.target = FakeTarget(now=START, lag=1e9)
    place.target.install(TWO)
    place.unlock()
    place.submit(first=True)
    place.turns(4 * 70)
    assert place.state is State.HELD


def test_down_takes_away_a_first_release_that_is_held(place: Place) -> None:
    """What abort cannot do for want of a version before, down does, on the record."""
    held_first(place)
    size = len(place.recorded())
    for ask in ({"ask": "abort", "by": "p-olga"}, {"ask": "supersede", "by": "seaway"}):
        with pytest.raises(NoWayBack, match="is its first"):
            place.releases.may({"environment": ENVIRONMENT, **ask})
        with pytest.raises(NoWayBack):
            place.releases.steer({"environment": ENVIRONMENT, **ask})
    with pytest.raises(NoWayBack):
        place.releases.release({"plan": encode(plan(TWO, None, release=2)), "now": place.now})
    place.turns(8)
    assert (place.state, len(place.recorded())) == (State.HELD, size)
    place.releases.down({"environment": ENVIRONMENT})
    assert (place.recorded()[-1]["from"], place.recorded()[-1]["to"]) == ("held", "rolled-back")
    assert place.releases.store.keys() == () and place.downs == [place.target]
    place.turns(4)
    place.releases.may({"environment": ENVIRONMENT, "ask": "supersede"})


def test_down_without_a_key_still_takes_everything_down(place: Place) -> None:
    """What cannot be recorded stops nobody from stopping."""
    place.submit()
    place.turns(3)
    place.releases.down({"environment": ENVIRONMENT})
    assert place.downs == [place.target]


def test_a_release_that_ended_leaves_its_papers(place: Place) -> None:
    """The evidence file always, a runbook where somebody has to act."""
    place.unlock()
    place.target.broken = {"v2"}
    place.submit()
    place.releases.steer({"environment": ENVIRONMENT, "ask": "abort", "by": "p-olga"})
    place.turns(60)
    folder = papers(place.releases.agent.paths, ENVIRONMENT, 1)
    assert place.state is State.ROLLED_BACK
    assert json.loads((folder / "evidence.json").read_text())
    assert "aborted" in (folder / "runbook.md").read_text().lower()


def test_watching_tells_the_release_as_it_stands(place: Place) -> None:
    """Also that no key is unlocked and that entries wait for one."""
    place.submit()
    place.turns(20)
    seen = cast(dict[str, Any], place.releases.watch({"environment": ENVIRONMENT}))
    assert (seen["release"], seen["unlocked"], seen["bundle"]) == (1, False, str(TWO.bundle))
    assert seen["waiting"] > 0
    assert seen["canary"] == {"api": "v2", "worker": "w1"}
