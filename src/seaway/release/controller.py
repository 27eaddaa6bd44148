"""The loop of a release: reads, judges, stores the intention, acts, tells the ledger. It decides nothing.

The order of a turn is what makes a crash harmless: the intention is stored before anything moves, wishes are derived
from the stored position and may be repeated, ledger entries are fixed with the intention and wait in the outbox until
acknowledged. Forward (more weight, another stable, live) needs the ledger; back never does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from seaway.errors import IllegalEvent, LedgerUnavailable
from seaway.release import counts, entries
from seaway.release.asked import VERBS
from seaway.release.events import Look, event_of, leads_nowhere, weight_of
from seaway.release.evidence import Evidence, Group
from seaway.release.invariants import guard
from seaway.release.judge import Verdict, advance, verdict
from seaway.release.machine import ENDS, TRANSITIONS, Event, Position, State, step
from seaway.release.record import record
from seaway.release.steps import Plan, Retire, Shift
from seaway.release.store import Ask, Conflict, Pending, Row, Store, Stored, planned
from seaway.release.wishes import wishes
from seaway.targets import base
from seaway.telemetry.sources.interface import Source

BACK = frozenset({State.RETURNING, State.RESTORING, State.ROLLED_BACK, State.STRANDED})
JUDGED = frozenset(
    {State.PREPARING, State.SHIFTING, State.JUDGING, State.HELD, State.PAUSED, State.AWAITING, State.BAKING}
)
DRAIN = 60.0  # seconds after which a version without weight counts as drained
Append = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did: the row after it, the event if there was one, the verdict it was made by, what was seen."""

    row: Row
    event: Event | None
    verdict: Verdict | None
    seen: base.Seen


class Controller:
    """Runs the releases of one store on one target.

    `append` records a statement's payload in the ledger, once for equal bytes, and raises LedgerUnavailable until it
    has; `epoch` is the one `Store.take` gave this agent.
    """

    def __init__(self, store: Store, target: base.Target, sources: Sequence[Source], append: Append) -> None:
        self._store = store
        self._target = target
        self._sources = tuple(sources)
        self._append = append

    def turn(self, key: str, now: float) -> Turn:
        """Takes one release one turn further; raises StaleEpoch and TargetError; a conflict ends the turn."""
        stored = self._store.read(key)
        seen = self._target.observe(now)
        row = stored.row
        if settled(row, seen) and row.following is None:
            self._flush(key)
            return Turn(row, None, None, seen)
        groups = self._groups(row, seen, now)
        evidence = _advanced(row, groups)
        said = verdict(evidence, row.plan.judge) if evidence.ticks else None
        look = _look(row, seen, said, now, evidence)
        event = self._permitted(key, look, event_of(look))
        after, told = _next(row, look, event, now, evidence)
        self._begin_counting(row, after, now)
        try:
            stored = self._store.swap(key, stored, after, groups, told) if after != row else stored
        except Conflict:
            return Turn(row, None, said, seen)
        self._carry_out(key, stored, seen, now)
        return Turn(after, event, said, seen)

    def _begin_counting(self, before: Row, after: Row, now: float) -> None:
        """Has sources note where their counters stand when judging begins; cumulative counters need a start."""
        if after.evidence.through and not before.evidence.through:
            for source in self._sources:
                source.read(now, now)

    def _groups(self, row: Row, seen: base.Seen, now: float) -> tuple[Group, ...]:
        """Reads the sources once a tick while there is something to judge."""
        state, through = row.position.state, row.evidence.through
        if state not in JUDGED or not through or now - through < row.plan.judge.tick:
            return ()
        readings = [source.read(through, now) for source in self._sources]
        window = counts.Window(through, now, row.shifted, state is State.SHIFTING, wanted_weight(row.position) < 100)
        return counts.groups(readings, row.plan, seen, window)

    def _permitted(self, key: str, look: Look, event: Event | None) -> Event | None:
        """Lets no release become live or change stable while the ledger has not acknowledged what came before."""
        if event is None:
            return None
        leads = step(look.position, event).state
        if leads in (State.SHIFTING, State.RETARGETING, State.LIVE) and not self._flush(key):
            return None
        return event

    def _carry_out(self, key: str, stored: Stored, seen: base.Seen, now: float) -> None:
        """Acts on the wishes; forward the ledger is told first, back it is told after."""
        row = stored.row
        back = row.position.state in BACK
        told = back or self._flush(key)
        drained = _drained(row, now)
        for action in guard(wishes(row.plan, row.position), seen, row.plan, drained=drained):
            if told or not _forward(action, row.plan, seen):
                self._target.act(action, stored.epoch)
        if back:
            self._flush(key)

    def _flush(self, key: str) -> bool:
        """Offers the ledger what it has not acknowledged, oldest first; whether nothing is left."""
        for entry in self._store.outbox(key):
            try:
                self._append(entry.body)
            except LedgerUnavailable:
                return False
            self._store.acknowledge(key, entry.sequence)
        return True


def _advanced(row: Row, groups: Sequence[Group]) -> Evidence:
    evidence = row.evidence
    for group in groups:
        evidence = advance(evidence, row.plan.judge, group)
    return evidence


def _look(row: Row, seen: base.Seen, said: Verdict | None, now: float, evidence: Evidence) -> Look:
    asked = tuple(ask.verb for ask in row.asked)
    watched = evidence.requests - row.mark
    followed = row.following is not None
    elapsed = max(0.0, now - row.since)
    return Look(row.plan, row.position, seen, said, asked, elapsed, watched, followed, row.waived)


def _next(row: Row, look: Look, event: Event | None, now: float, evidence: Evidence) -> tuple[Row, tuple[Pending, ...]]:
    """Returns the row to store and the statements that go with it."""
    row = replace(row, evidence=evidence)
    if event is None:
        return row, ()
    if event is Event.BEGIN and row.following is not None and row.position.state in ENDS:
        return planned(row.following, now, sequence=row.sequence), ()
    after = step(row.position, event)
    ask = next((ask for ask in row.asked if _is_answered(row, ask, event)), None)
    told = entries.pending(entries.Transition(row, event, after, now, look.seen, look.verdict, ask))
    moved = event is Event.WEIGHT_SEEN
    begins = after.state is State.JUDGING and not evidence.through
    row = replace(
        row,
        position=after,
        since=now,
        mark=evidence.requests,
        shifted=now if moved else row.shifted,
        evidence=replace(evidence, through=now) if begins else evidence,
        asked=tuple(other for other in row.asked if other is not ask),
        sequence=row.sequence + len(told),
        waived=row.waived or event is Event.WAIVE,
    )
    return row, told


def _is_answered(row: Row, ask: Ask, event: Event) -> bool:
    """Whether an event is what was asked for, or says that it cannot be: an ask that stays would be answered again."""
    wanted = VERBS[ask.verb]
    if event is Event.CONDEMNED:
        return (row.position.state, wanted) in TRANSITIONS and leads_nowhere(row.plan, row.position, wanted)
    return wanted is event


def _drained(row: Row, now: float) -> bool:
    """Whether the drain's deadline is over: its step is behind, or the return was long ago."""
    if row.position.state is State.ROLLED_BACK:
        return now - row.since >= DRAIN
    return isinstance(row.position.step, Retire) and row.position.state is State.DRAINING


def _forward(action: base.Action, plan: Plan, seen: base.Seen) -> bool:
    """Whether an action gives the canary more than it has: what waits for the ledger."""
    match action:
        case base.Shift(weights):
            weight = weights.get(plan.canary.digest, 0)
            return any(weight > (weight_of(seen, service, version) or 0.0) for service, version in plan.forked.items())
        case base.Retarget(version):
            return version == plan.canary.digest and seen.stable != version
        case _:
            return False


def wanted_weight(position: Position) -> int:
    """Returns the canary's share at a position: that of the last Shift so far."""
    done = position.steps[: position.cursor + 1]
    return next((each.weight for each in reversed(done) if isinstance(each, Shift)), 0)


def settled(row: Row, seen: base.Seen) -> bool:
    """Whether a release has ended and left nothing to clear away."""
    if row.position.state is not State.ROLLED_BACK:
        return row.position.state in ENDS
    return not any(row.plan.forked.get(pod.service) == pod.service_version for pod in seen.pods)


def hold(store: Store, key: str, error: IllegalEvent, now: float) -> None:
    """Holds a release that met a fault of the machine, so that the others go on."""
    stored = store.read(key)
    position = replace(stored.row.position, state=State.HELD, reason=str(error))
    store.swap(key, stored, replace(stored.row, position=position, since=now))


def evidence_file(store: Store, key: str) -> bytes:
    """Returns the evidence file of a release: its spec, ticks, state and verdict, replayable offline."""
    row = store.read(key).row
    about = {
        "environment": row.plan.environment,
        "release": str(row.plan.release),
        "bundle": str(row.plan.bundle),
        "canary": str(row.plan.canary.digest),
        "stable": str(row.plan.stable.digest) if row.plan.stable else "",
    }
    return record(row.plan.judge, Evidence.start(row.plan.judge), store.ticks(key, row.plan.release), about)
