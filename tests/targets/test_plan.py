"""Wishes and the plan: pure, so every case is a value."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import OutageRefused
from seaway.targets.base import Action, Retarget, Retire, RunJob, Scale, Shift, Version
from seaway.targets.blueprint import Dependency, Workload
from seaway.targets.process.cells import Cell, CellState, Replica
from seaway.targets.process.life import Life
from seaway.targets.process.plan import Plan, Wanted, decide, job_state, wanted_of
from seaway.targets.process.wishes import Wishes
from tests.targets.world import version_of, web

pytestmark = pytest.mark.rootless

NOW = 1_000_000.0
WORKER = replace(web("same"), service="worker", ports=())
ONE = version_of(web("one"), WORKER)
TWO = version_of(web("two"), WORKER)
VERSIONS = {each.digest: each for each in (ONE, TWO)}
NAME = ONE.service_versions["web"]


def cell(slot: int, state: CellState = CellState.RUNNING, *, name: str = NAME, **fields: object) -> Cell:
    """Returns a cell of the service web."""
    own = {key: fields.pop(key) for key in ("run", "fails", "job") if key in fields}
    replica = Replica("web", name, slot, f"127.64.1.{10 + slot}", **own)  # type: ignore[arg-type]
    life = Life(1, 1) if state is CellState.RUNNING else None
    return Cell(replica, state, life=life, **fields)  # type: ignore[arg-type]


def plan_for(count: int, cells: list[Cell], ready: set[str] | None = None, workload: Workload | None = None) -> Plan:
    """Decides for one service with so many pods wished."""
    wanted = Wanted(workload or web("one"), NAME, ONE, count)
    return decide([wanted], cells, ready or set(), NOW)


def slots(plan: Plan) -> list[tuple[int, int]]:
    """Returns slot and run of what is started."""
    return [(start.replica.slot, start.replica.run) for start in plan.start]


def test_missing_pods_get_the_lowest_free_slots() -> None:
    """Two of four are there."""
    assert slots(plan_for(4, [cell(0), cell(2)])) == [(1, 1), (3, 1)]


def test_too_many_pods_leave_unready_ones_first() -> None:
    """Readiness goes before number; among equals the highest number leaves."""
    cells = [cell(0), cell(1), cell(2)]
    assert [each.replica.slot for each in plan_for(1, cells, {cells[2].id}).leave] == [0, 1]
    assert [each.replica.slot for each in plan_for(2, cells, {each.id for each in cells}).leave] == [2]


def test_what_nobody_wishes_leaves() -> None:
    """A cell of another version is let go, one that has ended is left alone."""
    cells = [cell(0), cell(0, name="f" * 10), cell(1, CellState.ENDED, name="f" * 10)]
    assert [each.replica.service_version for each in plan_for(1, cells).leave] == ["f" * 10]


@pytest.mark.parametrize(
    ("policy", "code", "asked", "again"),
    [
        ("always", 0, False, True),
        ("unless-stopped", 1, False, True),
        ("no", 1, False, False),
        ("no", 0, True, True),
        ("on-failure", 0, False, False),
        ("on-failure", 2, False, True),
        ("on-failure:3", 2, False, True),
    ],
)
def test_the_policy_decides_over_another_run(policy: str, code: int, asked: bool, again: bool) -> None:
    """What was stopped by us and is wished for again is started whatever the policy."""
    ended = cell(0, CellState.ENDED, code=code, asked=asked, since=NOW - 100, ended=NOW - 70)
    assert bool(plan_for(1, [ended], workload=web("one", restart=policy)).start) is again


def test_a_policy_with_a_number_ends() -> None:
    """Three failures in a row are enough."""
    ended = cell(0, CellState.ENDED, code=2, ended=NOW - 90, fails=3)
    assert plan_for(1, [ended], workload=web("one", restart="on-failure:3")).start == ()


@pytest.mark.parametrize(("fails", "wait"), [(0, 0.1), (1, 0.2), (4, 1.6), (30, 60.0)])
def test_each_failure_waits_twice_as_long(fails: int, wait: float) -> None:
    """0.1 s, doubled up to a minute; the count goes on."""
    early = cell(0, CellState.ENDED, code=1, since=NOW - wait - 1, ended=NOW - wait + 0.01, fails=fails)
    late = replace(early, ended=NOW - wait - 0.01)
    assert plan_for(1, [early]).start == ()
    (start,) = plan_for(1, [late]).start
    assert (start.replica.fails, start.replica.run) == (fails + 1, 2)


def test_ten_good_seconds_forgive() -> None:
    """A pod that ran well is started again at once and its failures are forgotten."""
    ended = cell(0, CellState.ENDED, code=1, since=NOW - 10.0, ended=NOW, fails=9)
    assert [start.replica.fails for start in plan_for(1, [ended]).start] == [0]


def test_a_clock_set_back_does_not_wait() -> None:
    """An end in the future is no reason to wait an hour."""
    ended = cell(0, CellState.ENDED, code=1, ended=NOW + 3600, fails=9)
    assert plan_for(1, [ended]).start != ()


@pytest.mark.parametrize(
    ("condition", "state", "code", "ready", "met"),
    [
        ("service_started", CellState.STARTING, 0, False, False),
        ("service_started", CellState.RUNNING, 0, False, True),
        ("service_healthy", CellState.RUNNING, 0, False, False),
        ("service_healthy", CellState.RUNNING, 0, True, True),
        ("service_completed_successfully", CellState.RUNNING, 0, True, False),
        ("service_completed_successfully", CellState.ENDED, 1, False, False),
        ("service_completed_successfully", CellState.ENDED, 0, False, True),
    ],
)
def test_a_service_waits_for_what_it_depends_on(
    condition: str, state: CellState, code: int, ready: bool, met: bool
) -> None:
    """Each condition means what it means in Compose; only the first start waits."""
    late = version_of(web("one", depends_on=(Dependency("db", condition),)), replace(WORKER, service="db"))
    wanted = Wanted(late.blueprint.workloads[0], late.service_versions["web"], late, 1)
    other = Cell(Replica("db", late.service_versions["db"], 0, "127.64.2.10"), state, code=code)
    plan = decide([wanted], [other], {other.id} if ready else set(), NOW)
    assert bool(plan.start) is met
    assert ("web" in plan.waits) is not met


def test_a_dependency_that_may_be_missing_is_not_awaited() -> None:
    """`required: false` waits for what is there, not for what nobody wished for."""
    needs = (Dependency("db", "service_healthy", required=False),)
    late = version_of(web("one", depends_on=needs), replace(WORKER, service="db"))
    wanted = Wanted(late.blueprint.workloads[0], late.service_versions["web"], late, 1)
    assert decide([wanted], [], set(), NOW).start


def test_a_job_tried_again_is_running() -> None:
    """It has failed only when its policy is through."""
    job = web("one", kind="job", restart="on-failure:1")
    wanted = Wanted(job, NAME, ONE, 1)
    assert job_state(cell(0, job=True), wanted) == "running"
    assert job_state(cell(0, CellState.ENDED, code=0, job=True), wanted) == "succeeded"
    assert job_state(cell(0, CellState.ENDED, code=1, job=True), wanted) == "running"
    assert job_state(cell(0, CellState.ENDED, code=1, job=True, fails=1), wanted) == "failed"


def test_versions_share_what_is_equal() -> None:
    """The worker is the same in both versions and has its pods once; retiring one keeps what the other needs."""
    wishes = Wishes()
    actions: tuple[Action, ...] = (
        Scale(ONE.digest, {"web": 3, "worker": 1}),
        Retarget(ONE.digest),
        Scale(TWO.digest, {"web": 2, "worker": 1}),
        Shift({ONE.digest: 60, TWO.digest: 40}),
    )
    for action in actions:
        wishes = wishes.apply(action, VERSIONS)
    counts = {(each.workload.service, each.service_version): each.count for each in wanted_of(wishes, VERSIONS)}
    assert sorted(counts.values()) == [1, 2, 3]
    assert sorted(wishes.share("web", VERSIONS).values()) == [40, 60]
    assert wishes.share("worker", VERSIONS) == {ONE.service_versions["worker"]: 100}
    for version in (ONE, TWO):
        with pytest.raises(OutageRefused):
            wishes.apply(Retire(version.digest), VERSIONS)
    wishes = wishes.apply(Shift({ONE.digest: 100}), VERSIONS).apply(Retire(TWO.digest), VERSIONS)
    assert {each.workload.service: each.count for each in wanted_of(wishes, VERSIONS)} == {"web": 3, "worker": 1}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([ONE, TWO]), max_size=6), st.data())
def test_a_wish_twice_is_a_wish_once(order: list[Version], data: st.DataObject) -> None:
    """Whatever came before, repeating an action changes nothing; and wishes survive their file."""
    wishes = Wishes()
    for version in order:
        count = data.draw(st.integers(0, 3))
        choices: list[Action] = [
            Scale(version.digest, {"web": count}),
            Shift({version.digest: 100}),
            Retarget(version.digest),
            Retire(version.digest),
            RunJob(version.digest, "worker"),
        ]
        action = data.draw(st.sampled_from(choices))
        try:
            after = wishes.apply(action, VERSIONS)
        except OutageRefused:
            continue
        assert after.apply(action, VERSIONS) == after
        assert Wishes.read(after.document()) == after
        wishes = after
