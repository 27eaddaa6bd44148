"""What to do with the cells that are there: pure, from wishes, versions and what was seen.

A slot is filled while it is wished for; what ended is started again by its policy, later each time it fails early
(0.1 s doubled to 60 s, as Docker does; ten good seconds forgive). Of too many pods those not ready leave first, so a
scale-down never keeps a broken pod for a good one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from seaway.targets.base import Version
from seaway.targets.blueprint import Dependency, Workload
from seaway.targets.process.cells import Cell, CellState, Replica
from seaway.targets.process.wishes import Versions, Wishes

LONGEST_WAIT = 60.0
GOOD_RUN = 10.0
JOB = "job"


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many pods of a service's version, or one run of a job, by the version it is rendered in."""

    workload: Workload
    service_version: str
    version: Version
    count: int

    @property
    def job(self) -> bool:
        """Whether it runs to an end."""
        return self.workload.kind == JOB

    def holds(self, cell: Cell) -> bool:
        """Tells whether a cell is one of these pods."""
        own = cell.replica
        return own.service == self.workload.service and own.service_version == self.service_version


@dataclass(frozen=True, slots=True)
class Start:
    """Start a replica, new or again; the address of a new one is chosen later."""

    wanted: Wanted
    replica: Replica


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows: cells to start, to let go, what each service waits for, and the pods that hold a wished place."""

    start: tuple[Start, ...]
    leave: tuple[Cell, ...]
    waits: Mapping[str, str]
    held: frozenset[str] = frozenset()


def wanted_of(wishes: Wishes, versions: Versions) -> list[Wanted]:
    """Returns what is wished for, jobs that services wait for included."""
    if wishes.down:
        return []
    active = [versions[each] for each in wishes.active if each in versions]
    found: dict[tuple[str, str], Wanted] = {}
    for version in active:
        for workload in version.blueprint.workloads:
            key = (workload.service, version.service_versions[workload.service])
            count = wishes.pods.get(key[0], {}).get(key[1], 0)
            asked = f"{key[0]}/{key[1]}" in wishes.jobs
            if workload.kind == JOB:
                count = 1 if asked or count or _awaited(workload.service, version, wishes) else 0
            if count:
                found[key] = Wanted(workload, key[1], version, count)
    return list(found.values())


def _awaited(job: str, version: Version, wishes: Wishes) -> bool:
    """Tells whether a wished pod of this version waits for the job's success, directly or through another job."""
    for workload in version.blueprint.workloads:
        if any(each.service == job and _completes(each) for each in workload.depends_on):
            if wishes.pods.get(workload.service, {}).get(version.service_versions[workload.service], 0):
                return True
            if workload.kind == JOB and workload.service != job and _awaited(workload.service, version, wishes):
                return True
    return False


def _completes(dependency: Dependency) -> bool:
    return dependency.condition == "service_completed_successfully"


def decide(wanted: Sequence[Wanted], cells: Sequence[Cell], ready: Collection[str], now: float) -> Plan:
    """Returns the plan for what was seen at `now`; `ready` are the ids of pods that pass their probes."""
    start: list[Start] = []
    leave = [cell for cell in cells if not any(each.holds(cell) for each in wanted)]
    waits: dict[str, str] = {}
    held: set[str] = set()
    for each in wanted:
        own = sorted((cell for cell in cells if each.holds(cell)), key=lambda cell: _worth(cell, ready))
        leave += own[each.count :]
        kept = own[: each.count]
        held |= {cell.id for cell in kept}
        start += [Start(each, again) for cell in kept if (again := _again(each, cell, now))]
        missing = each.count - len(kept)
        if missing and (reason := _waits_for(each, cells, ready)):
            waits[each.workload.service] = reason
        elif missing:
            start += [Start(each, replica) for replica in _fresh(each, own, missing)]
    going = tuple(cell for cell in leave if cell.state is not CellState.ENDED)
    return Plan(tuple(start), going, waits, frozenset(held))


def _worth(cell: Cell, ready: Collection[str]) -> tuple[int, int]:
    order = {CellState.RUNNING: 1, CellState.STARTING: 2, CellState.ENDED: 3}
    return (0 if cell.id in ready else order[cell.state], cell.replica.slot)


def _fresh(wanted: Wanted, own: Sequence[Cell], count: int) -> list[Replica]:
    used = {cell.replica.slot for cell in own}
    slots = [slot for slot in range(len(used) + count) if slot not in used][:count]
    name = wanted.workload.service
    return [Replica(name, wanted.service_version, slot, "", job=wanted.job) for slot in slots]


def _again(wanted: Wanted, cell: Cell, now: float) -> Replica | None:
    """Returns the next run of a cell that ended, once its policy and its back-off allow one."""
    if cell.state is not CellState.ENDED or not _may_restart(wanted, cell):
        return None
    fails = 0 if cell.asked or (cell.since and cell.ended - cell.since >= GOOD_RUN) else cell.replica.fails + 1
    wait = min(LONGEST_WAIT, 0.1 * 2 ** (fails - 1)) if fails else 0.0
    if 0 <= now - cell.ended < wait:  # a clock set back does not wait
        return None
    return replace(cell.replica, run=cell.replica.run + 1, fails=fails)


def _may_restart(wanted: Wanted, cell: Cell) -> bool:
    policy, _, most = wanted.workload.restart.partition(":")
    if cell.asked and not wanted.job:
        return True
    if policy == "on-failure":
        return cell.code != 0 and (not most or cell.replica.fails < int(most))
    return policy in ("always", "unless-stopped") and not wanted.job


def _waits_for(wanted: Wanted, cells: Sequence[Cell], ready: Collection[str]) -> str:
    for dependency in wanted.workload.depends_on:
        names = wanted.version.service_versions
        if dependency.service not in names:
            continue
        key = (dependency.service, names[dependency.service])
        own = [cell for cell in cells if (cell.replica.service, cell.replica.service_version) == key]
        if not _is_met(dependency, own, ready) and (dependency.required or own):
            return f"{dependency.service}: {dependency.condition.removeprefix('service_')}"
    return ""


def _is_met(dependency: Dependency, own: Sequence[Cell], ready: Collection[str]) -> bool:
    if dependency.condition == "service_healthy":
        return any(cell.id in ready for cell in own)
    if _completes(dependency):
        return any(cell.state is CellState.ENDED and cell.code == 0 for cell in own)
    return any(cell.state is not CellState.STARTING for cell in own)


def job_state(cell: Cell, wanted: Wanted | None) -> str:
    """Returns running, succeeded or failed; a job that will be tried again is running."""
    if cell.state is not CellState.ENDED:
        return "running"
    if cell.code == 0:
        return "succeeded"
    return "running" if wanted and _may_restart(wanted, cell) else "failed"
