"""The program that keeps a project's environments and its releases going, until it is told to end.

It is the target's agent with one more member, the releases, and verbs to steer them. It signs as operator with a key
that a typing command unlocks over the socket and that is kept in memory alone: without it a release goes no further,
for forward needs the ledger, but it can still come back. Run as `python -m seaway.agent FOLDER APP DATA STATE ORIGIN`.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seaway.errors import (
    ClusterRefused,
    ClusterUnreachable,
    EvidenceError,
    IllegalEvent,
    LedgerUnavailable,
    StaleEpoch,
    TargetError,
)
from seaway.evidence.keys import Signer, open_key
from seaway.evidence.notary import Notary
from seaway.evidence.place import Place
from seaway.evidence.progress import ReleaseEvent, ReleaseRequest
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType, Statement
from seaway.release.asked import require_askable
from seaway.release.controller import Controller, Turn, evidence_file, hold
from seaway.release.document import decode
from seaway.release.granted import promotion_of
from seaway.release.judge import Verdict
from seaway.release.lost import Lost, find_lost, returning
from seaway.release.machine import ENDS, FORWARD, Event, State
from seaway.release.resource import told
from seaway.release.runbook import exit_of, runbook
from seaway.release.steps import Judge, Party, Plan
from seaway.release.store import Ask, Row, Store
from seaway.targets.kubernetes import counts
from seaway.targets.kubernetes.clusters import Clusters
from seaway.targets.kubernetes.target import KubernetesTarget
from seaway.targets.opening import open_target
from seaway.targets.process.agent import Agent, run_agent
from seaway.targets.process.counts import Counted
from seaway.targets.process.counts import sources as on_machine
from seaway.targets.process.paths import ProjectPaths
from seaway.targets.process.record import write_bytes
from seaway.targets.process.supervised import SupervisedTarget
from seaway.targets.process.verbs import down
from seaway.telemetry.sources.interface import Source

Question = Mapping[str, Any]


@dataclass
class Releases:
    """The releases of a project: a controller an environment, all on one store."""

    agent: Agent
    place: Place
    store: Store
    signer: Signer | None = None
    controllers: dict[str, tuple[int, Controller]] = field(default_factory=dict)
    last: dict[str, Turn] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)
    told: dict[str, object] = field(default_factory=dict)
    clusters: Clusters = field(init=False)

    def __post_init__(self) -> None:
        self.clusters = Clusters(self.agent.paths.folder)

    def target(self, key: str) -> SupervisedTarget | KubernetesTarget:
        """Returns the target of an environment: on a cluster, else on this machine."""
        return self.clusters.find(key) or self.agent.target(key)

    def turn(self, now: float) -> None:
        """Takes each release a turn further; a fault of one is recorded there and holds back no other."""
        self._find_lost(now)
        environments = self.store.keys()
        away: list[TargetError] = []
        for key in environments:
            try:
                self.last[key] = self._controller(key).turn(key, now)
                self._tell(key)
            except IllegalEvent as error:
                hold(self.store, key, error, now)
            except StaleEpoch:
                self.controllers.pop(key, None)
            except (ClusterUnreachable, ClusterRefused) as error:
                away.append(error)  # the others go on; this one waits where it is
            self._keep_papers(key)
        if away:
            raise away[0]

    def _tell(self, key: str) -> None:
        """Says on its cluster how a release stands, whenever that has changed."""
        target = self.clusters.find(key)
        if target is None:
            return
        row, waiting = self.store.read(key).row, len(self.store.outbox(key))
        said = (row.plan.release, row.position, waiting)
        if self.told.get(key) != said:
            target.tell(*told(row, waiting))
            self.told[key] = said

    def _find_lost(self, now: float) -> None:
        """Takes back, once, each release that the ledger shows begun and not ended and that the store has lost."""
        fresh = {*self.agent.paths.environments(), *self.clusters.environments()} - self.looked
        self.looked |= fresh
        unknown = fresh.difference(self.store.keys())
        if not unknown or not self.place.ledger.is_dir():
            return
        with Notary.reading(self.place) as notary:
            events = [
                (each.statement.subject, ReleaseEvent.of(each.statement))
                for each in notary.verified(predicate_type=PredicateType.RELEASE_EVENT)
            ]
            asked = notary.verified(predicate_type=PredicateType.RELEASE_REQUEST)
            requests = [ReleaseRequest.of(each.statement) for each in asked]
        for environment in sorted(unknown):
            if lost := find_lost(environment, events, requests):
                self._take_back(lost, now)

    def _take_back(self, lost: Lost, now: float) -> None:
        """Gives a lost release's requests back to the version that was stable; without one all stays as it is."""
        target = self.target(lost.environment)
        wishes, installed = target.store.wishes(), target.store.installed()
        if wishes.down or lost.canary not in installed:
            return
        others = [each for each in wishes.active if each != lost.canary and each in installed]
        stable = wishes.stable if wishes.stable != lost.canary else next(reversed(others), None)
        if stable is None or stable not in installed:
            return
        canary, before = (Party.of(installed[each].version) for each in (lost.canary, stable))
        plan = lost.plan(canary, before, target.features, f"{target.name}:{socket.gethostname()}")
        self.store.submit(lost.environment, plan, now, position=returning(plan), sequence=lost.sequence)

    def append(self, payload: bytes) -> None:
        """Signs and records a payload; raises LedgerUnavailable while that cannot be done."""
        if self.signer is None:
            raise LedgerUnavailable("no operator's key is unlocked", hint="seaway status unlocks it")
        try:
            with Notary.open(self.place) as notary:
                notary.append(Statement.parse(payload), self.signer)
        except EvidenceError as error:
            raise LedgerUnavailable(f"not recorded: {error}", where=error.where, hint=error.hint) from error

    def _controller(self, key: str) -> Controller:
        """Returns the controller of a release; a new release, or a new agent, takes it over with fresh sources."""
        release = self.store.read(key).row.plan.release
        known = self.controllers.get(key)
        if known is None or known[0] != release:
            target = self.target(key)
            self.store.take(key)
            made = Controller(self.store, target, tuple(_sources(target, self.store.read(key).row.plan)), self.append)
            known = self.controllers[key] = (release, made)
        return known[1]

    def _keep_papers(self, key: str) -> None:
        """Writes evidence file and runbook once a release has ended or waits."""
        row = self.store.read(key).row
        folder = papers(self.agent.paths, key, row.plan.release)
        done = row.position.state in ENDS | {State.HELD}
        mark = folder / f"{row.position.state}"
        if not done or mark.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "evidence.json", evidence_file(self.store, key))
        if leaves := exit_of(row.position):
            turn = self.last.get(key)
            file = folder / "evidence.json"
            page = runbook(row.plan, leaves, turn.verdict if turn else None, row.evidence, str(file))
            write_bytes(folder / "runbook.md", page.text().encode())
        write_bytes(mark, b"")

    # -- verbs -----------------------------------------------------------------------------------------------------

    def verbs(self) -> dict[str, Any]:
        """Returns what can be asked of the releases."""
        return {
            "unlock": self.unlock,
            "may": self.may,
            "release": self.release,
            "steer": self.steer,
            "watch": self.watch,
            "down": self.down,
        }

    def unlock(self, question: Question) -> object:
        """Keeps the operator's key in memory."""
        passphrase = str(question["passphrase"]).encode()
        self.signer = open_key(str(question["uri"]), lambda _: passphrase, roles=(Role.OPERATOR,))
        return {"unlocked": self.signer.public.digest.short}

    def may(self, question: Question) -> object:
        """Refuses what cannot be asked of a release as it stands, before anybody signs that it is asked."""
        self._require(str(question["environment"]), str(question["ask"]))
        return {"may": question["ask"]}

    def _require(self, key: str, verb: str) -> None:
        """Raises what `require_askable` does; no release, or one that ended, may be followed by another."""
        known = self.store.keys()
        if key not in known:
            return
        row = self.store.read(key).row
        if verb != "supersede" or row.position.state in FORWARD:
            require_askable(row.plan, row.position, verb)

    def release(self, question: Question) -> object:
        """Plans a release; one that runs is superseded first."""
        plan = decode(Plan, question["plan"])
        self._require(plan.environment, "supersede")
        self._grant(plan)
        self.store.submit(plan.environment, plan, float(question["now"]))
        return {"release": plan.release}

    def _grant(self, plan: Plan) -> None:
        """Lets the images of a bundle that was promoted into its governed namespace; the promotion is verified here."""
        target = self.clusters.find(plan.environment)
        if target is None or not self.place.ledger.is_dir():
            return
        with Notary.reading(self.place) as notary:
            found = promotion_of(notary, plan.environment, plan.bundle)
        if found is not None:
            target.grant(plan.canary.images.values(), *found)

    def steer(self, question: Question) -> object:
        """Asks a release to pause, resume, abort, approve, deny or waive."""
        ask = Ask(str(question["ask"]), str(question["by"]), str(question.get("reason", "")), question.get("leaf"))
        self.store.ask(str(question["environment"]), ask)
        return {"asked": ask.verb}

    def down(self, question: Question) -> object:
        """Ends a release that is under way where it stands, then wishes that nothing runs."""
        key = str(question["environment"])
        known = self.store.keys()
        if key in known:
            row = self.store.read(key).row
            if row.position.state not in ENDS:
                self._give_up(row)
            self.store.remove(key)
            self.controllers.pop(key, None)
        if cluster := self.clusters.find(key):
            cluster.down()
        else:
            down(self.agent.target(key))
        return {"down": key}

    def _give_up(self, row: Row) -> None:
        """Records that a release ended because its environment was taken down, if that can be recorded now."""
        event = ReleaseEvent(
            environment=row.plan.environment,
            release=str(row.plan.release),
            sequence=row.sequence + 1,
            at=datetime.now(UTC).replace(microsecond=0),
            event=Event.ABORT,
            source=row.position.state,
            target=State.ROLLED_BACK,
            cursor=row.position.cursor,
            weights={},
            reason="the environment was taken down",
        )
        with suppress(LedgerUnavailable):  # without a key nobody can sign; what is missing shows as state lost
            self.append(event.about(row.plan.bundle).payload)

    def watch(self, question: Question) -> object:
        """Returns a release as it stands: plan, position, verdict, weights."""
        key = str(question["environment"])
        row, turn = self.store.read(key).row, self.last.get(key)
        return {
            "release": row.plan.release,
            "bundle": str(row.plan.bundle),
            "version": str(row.plan.canary.digest),
            "judged": any(isinstance(each, Judge) for each in row.plan.steps),
            "state": str(row.position.state),
            "reason": row.position.reason,
            "cursor": row.position.cursor,
            "steps": len(row.plan.steps),
            "since": row.since,
            "begun": row.begun,
            "requests": row.evidence.requests,
            "unlocked": self.signer is not None,
            "waiting": len(self.store.outbox(key)),
            "verdict": _told(turn.verdict) if turn and turn.verdict else None,
            "canary": dict(row.plan.canary.services),
            "weights": {service: dict(shares) for service, shares in turn.seen.weights.items()} if turn else {},
            "faults": list(turn.seen.faults) if turn else [],
            "papers": str(papers(self.agent.paths, key, row.plan.release)),
        }


def _told(verdict: Verdict) -> dict[str, Any]:
    """Returns a verdict for people and programs that watch: plain numbers, rounded nowhere but on a screen."""
    standings = [
        {
            "criterion": one.criterion,
            "canary": {"n": one.canary.n, "bad": one.canary.bad},
            "stable": {"n": one.stable.n, "bad": one.stable.bad},
            "effect": {"low": one.effect.low, "high": one.effect.high},
            "regress": one.regress,
            "certificate": one.certificate,
        }
        for one in verdict.standings
    ]
    return {
        "outcome": str(verdict.outcome),
        "reason": str(verdict.reason),
        "criterion": verdict.criterion,
        "says": verdict.says,
        "e": verdict.e,
        "standings": standings,
    }


def papers(paths: ProjectPaths, environment: str, release: int) -> Path:
    """Returns where a release's evidence file and runbook are kept."""
    return paths.folder / "releases" / f"{environment}-{release}"


def _sources(target: SupervisedTarget | KubernetesTarget, plan: Plan) -> Iterator[Source]:
    """Yields what counts for a plan: Envoy for errors and latency, the app for every other outcome; there, the app."""
    if isinstance(target, KubernetesTarget):
        judged = {signal.partition("/")[0] for criterion in plan.judge.criteria for signal in criterion.signals}
        yield from counts.sources(target, judged, plan.budgets, plan.judge.tick)
        return
    routed = frozenset(plan.canary.routed) | frozenset(plan.stable.routed if plan.stable else ())
    signals = tuple(signal for criterion in plan.judge.criteria for signal in criterion.signals)
    yield from on_machine(target, Counted(routed, plan.budgets, signals, plan.judge.tick))


def main(folder: str, name: str, data: str, state: str, origin: str) -> None:
    """Runs the agent of one project until it is asked to quit."""
    paths = ProjectPaths(Path(folder), name)
    agent = Agent(paths, open_target)
    releases = Releases(agent, Place(Path(data), Path(state), origin), Store(paths.folder / "releases.sqlite"))
    for verb, answer in releases.verbs().items():
        agent.register(verb, answer)
    run_agent(agent, [releases.turn])


if __name__ == "__main__":
    main(*sys.argv[1:6])
