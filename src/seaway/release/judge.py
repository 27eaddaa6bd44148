"""The judge: integer counts in, a verdict out, the same bits at every replay.

`advance` multiplies one tick into the evidence; `verdict` reads it, first match: 1 rolled back by (a3) or collapse,
2 held blind, 3 held doubtful by (a2), 4 promoted when every criterion is certified, 5 held when the budget is spent,
6 continue. No data is never a rollback and never a promotion. (a2) alone holds; only pods that differ roll back.

Not here: which event a verdict becomes (`machine`), where counts come from (`telemetry.sources`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from seaway.release import sequential
from seaway.release.draws import Draws, threshold
from seaway.release.evidence import (
    COLLAPSE_SECONDS,
    SILENT_TICKS,
    Criterion,
    Evidence,
    Group,
    Permutation,
    Seat,
    Series,
    Spec,
    arm_totals,
)
from seaway.release.exposure import Arm, Arms, Count, dealt, equalised, full, lightened, pooled
from seaway.release.interval import Interval, difference
from seaway.telemetry.eprocess import Bets, total

_CROWDED = 5000  # bad outcomes in a tick beyond which (a2) thins both arms alike


class Outcome(StrEnum):
    """What a verdict asks for."""

    CONTINUE = "continue"
    PROMOTE = "promote"
    HOLD = "hold"
    ROLLBACK = "rollback"


class Reason(StrEnum):
    """Why a verdict rolls back or holds."""

    NONE = ""
    REGRESSED = "regressed"
    COLLAPSED = "collapsed"
    BLIND = "blind"
    DOUBTFUL = "doubtful"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one criterion stands: counts, difference of bad shares with a 99 % interval, and each E."""

    criterion: str
    canary: Seat
    stable: Seat
    effect: Interval
    regress: float
    relative: float
    absolute: float | None
    advice: float
    certificate: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says; `spent` is the least alpha at which it would roll back (1 / sup E, Ville)."""

    outcome: Outcome
    reason: Reason
    criterion: str
    says: str
    e: float
    spent: float
    standings: tuple[Standing, ...]
    requests: int
    ticks: int


def advance(evidence: Evidence, spec: Spec, group: Group) -> Evidence:
    """Returns the evidence after one more tick; a blind or dropped tick multiplies nothing."""
    ticks = evidence.ticks + 1
    if group.blind:
        return replace(evidence, ticks=ticks, through=group.at, blind=group.blind)
    if group.dropped:
        return replace(evidence, ticks=ticks, through=group.at, blind="")
    counts: dict[str, list[Count]] = {}
    for count in group.counts:
        counts.setdefault(count.signal, []).append(count)
    series, place = [], 0
    for criterion in spec.criteria:
        for signal in criterion.signals:
            before = evidence.series[place]
            tick = _Tick(spec, criterion, signal, ticks, group.compared)
            heard = group.covers is None or signal in group.covers
            series.append(tick.advance(before, tuple(counts.get(signal, ()))) if heard else before)
            place += 1
    return _summed(evidence, spec, group, tuple(series))


def _summed(evidence: Evidence, spec: Spec, group: Group, series: tuple[Series, ...]) -> Evidence:
    """Adds up the weighted E of all criteria, keeps the running maxima and looks for a collapse."""
    values, place = [], 0
    for criterion in spec.criteria:
        values.append(_average(series[place : place + len(criterion.signals)]) / len(spec.criteria))
        place += len(criterion.signals)
    since = group.at - COLLAPSE_SECONDS
    recent = (*[old for old in evidence.recent if old.at > since], group)
    suspect = any(2 * count.bad >= count.n > 0 and count.arm is Arm.CANARY for count in group.counts)
    suspected = group.at if suspect else evidence.suspected
    return Evidence(
        series=series,
        peaks=tuple([max(old, new) for old, new in zip(evidence.peaks, values, strict=True)]),
        ticks=evidence.ticks + 1,
        through=group.at,
        peak=max(evidence.peak, total(values)),
        collapsed=evidence.collapsed or (_collapse(spec, recent) if suspected > since else ""),
        recent=recent,
        suspected=suspected,
    )


def _average(series: tuple[Series, ...]) -> float:
    return total([one.e for one in series]) / len(series)


_Compared = tuple[Permutation, Permutation, tuple[Count, ...]]


@dataclass(frozen=True, slots=True)
class _Tick:
    """One signal in one tick: what is drawn is named by bundle, signal and tick number."""

    spec: Spec
    criterion: Criterion
    signal: str
    number: int
    compared: bool

    @property
    def name(self) -> tuple[object, ...]:
        return (self.spec.seed, self.signal, self.number)

    def advance(self, before: Series, counts: tuple[Count, ...]) -> Series:
        canary, stable = arm_totals(counts)
        silent = canary.n == 0 or (self.compared and stable.n == 0)
        regress, relative, pool = self._permutation(before, counts)
        return Series(
            e=before.e if regress is before.regress else regress.value,
            regress=regress,
            relative=relative,
            absolute=self._absolute(before.absolute, counts) if canary.n else before.absolute,
            advice=self._advice(before.advice, counts) if canary.bad + stable.bad else before.advice,
            pool=pool,
            canary=Seat(before.canary.n + canary.n, before.canary.bad + canary.bad),
            stable=Seat(before.stable.n + stable.n, before.stable.bad + stable.bad),
            silent=before.silent + 1 if silent else 0,
        )

    def _absolute(self, bets: Bets, counts: tuple[Count, ...]) -> Bets:
        limit = self.criterion.limit
        if limit is None:
            return bets
        for group in dealt([count for count in counts if count.arm is Arm.CANARY], self.name):
            bets = bets.times(sequential.absolute(tuple(group), limit, self.criterion.burst))
        return bets

    def _advice(self, bets: Bets, counts: tuple[Count, ...]) -> Bets:
        null = 1.0 if self.criterion.scaled else 1.0 + self.criterion.margin
        for stratum in sorted({count.stratum for count in counts}):
            here = tuple([count for count in counts if count.stratum == stratum])
            canary, stable = self._uncrowded(*arm_totals(here), stratum)
            if canary.n and stable.n and canary.bad + stable.bad:
                bets = bets.times(*sequential.fisher((canary.n, canary.bad), (stable.n, stable.bad), null))
        return bets

    def _uncrowded(self, canary: Seat, stable: Seat, stratum: str) -> tuple[Seat, Seat]:
        """Keeps bad outcomes of both arms with one probability where a tick has more than 5,000."""
        bad = canary.bad + stable.bad
        if bad <= _CROWDED:
            return canary, stable
        keep, draws = threshold(_CROWDED / bad), Draws(*self.name, stratum, "crowded")
        return Seat(canary.n, draws.kept(canary.bad, keep)), Seat(stable.n, draws.kept(stable.bad, keep))

    def _permutation(self, before: Series, counts: tuple[Count, ...]) -> _Compared:
        """Pools until pods can be compared; a pool whose pods have changed is compared as it stands."""
        regress, relative, pool = before.regress, before.relative, before.pool
        if pool and {count.pod for count in pool} != {count.pod for count in counts}:
            regress, relative = self._compare(regress, relative, pool, "carried")
            pool = ()
        pool = pooled(pool, counts)
        if not full(pool):
            return regress, relative, pool
        return (*self._compare(regress, relative, pool, "pooled"), ())

    def _compare(
        self, regress: Permutation, relative: Permutation, pool: tuple[Count, ...], which: str
    ) -> tuple[Permutation, Permutation]:
        """Bets on one pool, both ways: thinned by the margin against rollback, by the harm against promotion."""
        name = (*self.name, which)
        arms = equalised(pool, name)
        if not arms.comparable:
            return regress, relative
        margin = 0.0 if self.criterion.scaled else self.criterion.margin
        worse = lightened(arms, _keep(1.0 + margin), (*name, "margin")) if margin else arms
        better = lightened(arms, _keep(self.criterion.harm), (*name, "harm"))
        return _permuted(regress, worse, 1), _permuted(relative, better, -1)


@lru_cache(maxsize=64)
def _keep(ratio: float) -> int:
    return threshold(1.0 / ratio)


def _permuted(before: Permutation, arms: Arms, sign: int) -> Permutation:
    if not arms.comparable:
        return before
    linear, tilted = sequential.permutation(arms.canary, arms.stable, sign)
    return before.times(linear, tilted)


def _collapse(spec: Spec, recent: tuple[Group, ...]) -> str:
    """Names the criterion in which every canary pod is half bad on 20 requests while stable's median is at most 5 %."""
    for criterion in spec.criteria:
        if len(criterion.signals) == 1 and _collapsed(criterion, recent):
            return criterion.name
    return ""


def _collapsed(criterion: Criterion, recent: tuple[Group, ...]) -> bool:
    pods: dict[tuple[Arm, str], Seat] = {}
    for group in recent:
        for count in group.counts:
            if count.signal == criterion.signals[0]:
                seat = pods.get((count.arm, count.pod), Seat())
                pods[count.arm, count.pod] = Seat(seat.n + count.n, seat.bad + count.bad)
    canary = [seat for (arm, _), seat in pods.items() if arm is Arm.CANARY]
    stable = sorted([seat.bad / seat.n for (arm, _), seat in pods.items() if arm is Arm.STABLE and seat.n])
    if not canary or not all(seat.n >= 20 and 2 * seat.bad >= seat.n for seat in canary):
        return False
    if stable:
        return stable[len(stable) // 2] <= 0.05
    return not recent[-1].compared and criterion.bound is not None and criterion.bound <= 0.05


def verdict(evidence: Evidence, spec: Spec, *, spent: bool = False) -> Verdict:
    """Returns what the evidence asks for, first match; `spent` says that the judge's time is over."""
    standings = tuple([_standing(evidence, spec, criterion) for criterion in spec.criteria])
    outcome, reason, name, says = _decided(evidence, spec, standings, spent)
    alpha = min(1.0, 1.0 / evidence.peak)
    return Verdict(outcome, reason, name, says, evidence.peak, alpha, standings, evidence.requests, evidence.ticks)


_Decision = tuple[Outcome, Reason, str, str]


def _decided(evidence: Evidence, spec: Spec, standings: tuple[Standing, ...], spent: bool) -> _Decision:
    if evidence.peak >= 1.0 / spec.alpha:
        guilty = max(zip(evidence.peaks, standings, strict=True), key=lambda pair: pair[0])[1]
        return Outcome.ROLLBACK, Reason.REGRESSED, guilty.criterion, f"worse than stable: {described(guilty)}"
    if evidence.collapsed:
        return Outcome.ROLLBACK, Reason.COLLAPSED, evidence.collapsed, "every canary pod fails half of its requests"
    if why := _blindness(evidence, spec):
        return Outcome.HOLD, Reason.BLIND, "", why
    weighted = total([standing.advice for standing in standings]) / len(standings)
    if weighted >= 1.0 / spec.alpha:
        worst = max(standings, key=lambda standing: standing.advice)
        return Outcome.HOLD, Reason.DOUBTFUL, worst.criterion, f"requests differ, pods not yet: {described(worst)}"
    missing = [standing.criterion for standing in standings if standing.certificate < 1.0 / spec.beta]
    if not missing:
        return Outcome.PROMOTE, Reason.NONE, "", "every criterion is certified"
    if spent:
        return Outcome.HOLD, Reason.BUDGET, missing[0], f"not certified in time: {', '.join(missing)}"
    return Outcome.CONTINUE, Reason.NONE, missing[0], f"not yet certified: {', '.join(missing)}"


def _blindness(evidence: Evidence, spec: Spec) -> str:
    if evidence.blind:
        return evidence.blind
    for criterion in spec.criteria:
        for signal, series in zip(criterion.signals, evidence.of(spec, criterion), strict=True):
            if series.silent >= SILENT_TICKS:
                return f"no sample of {signal} from both arms for {series.silent} ticks"
    return "" if evidence.requests else "no sample yet" if evidence.ticks >= SILENT_TICKS else ""


def _standing(evidence: Evidence, spec: Spec, criterion: Criterion) -> Standing:
    series = evidence.of(spec, criterion)
    relative = total([one.relative.value for one in series]) / len(series)
    absolute = series[0].absolute.mean(sequential.ABSOLUTE) if criterion.limit is not None else None
    canary, stable = series[-1].canary, series[-1].stable
    return Standing(
        criterion=criterion.name,
        canary=canary,
        stable=stable,
        effect=difference(canary.bad, canary.n, stable.bad, stable.n),
        regress=_average(series),
        relative=relative,
        absolute=absolute,
        advice=total([one.advice.mean() for one in series]) / len(series),
        certificate=relative if absolute is None else (relative + absolute) / 2.0,
    )


def described(standing: Standing) -> str:
    """Returns `helpful: bad 58.0% / 37.3%  E 184`, the line people read."""
    return f"{standing.criterion}: bad {_share(standing.canary)} / {_share(standing.stable)}  E {standing.regress:.3g}"


def _share(seat: Seat) -> str:
    return f"{100 * seat.bad / seat.n:.1f}%" if seat.n else "unknown"
