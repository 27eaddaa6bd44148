"""The target as a whole: real cells, a real Envoy, real faults, and a client that logs every answer."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.errors import NameUnknown, OutageRefused, StaleEpoch, TargetUnsupported, UsageError
from seaway.targets.base import Retarget, Retire, RunJob, Scale, Seen, Shift
from seaway.targets.blueprint import Dependency, Port, Probe
from seaway.targets.process.cells import Cell, CellState
from seaway.targets.process.listeners import listeners, owner
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.target import ProcessTarget
from tests.targets.load import Load
from tests.targets.world import PORT, drive, envoy_of, go_live, version_of, web

pytestmark = pytest.mark.rootless


def front(target: ProcessTarget) -> tuple[str, int]:
    """Returns where the first front listens."""
    found = target.supervisor.look.fronts[0]
    return found.address, found.port


def cell_of(target: ProcessTarget, service_version: str, slot: int = 0) -> Cell:
    """Returns a running cell of a service's version."""
    return next(
        cell
        for cell in target.supervisor.cells.seen()
        if cell.replica.service_version == service_version and cell.replica.slot == slot
    )


def run_for(target: ProcessTarget, seconds: float) -> None:
    """Takes turns for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        target.supervisor.turn(time.time())
        time.sleep(0.1)


def test_killed_replica_fails_no_request(target: ProcessTarget, root: Path) -> None:
    """Under constant load: canary in, a replica of each version killed and replaced, canary out. No request fails."""
    old, new = version_of(web("one")), version_of(web("two"))
    stable, canary = old.service_versions["web"], new.service_versions["web"]
    go_live(target, old, root, web=3)
    with Load(*front(target), rate=80) as load:
        target.install(new, roots=lambda _digest: root)
        target.act(Scale(new.digest, {"web": 2}), 1)
        drive(target, lambda seen: sum(pod.ready for pod in seen.pods) == 5)
        assert set(load.words()) == {"one"}, "a version without weight was asked"
        target.act(Shift({old.digest: 60, new.digest: 40}), 1)
        drive(target, lambda seen: seen.weights["web"].get(canary) == 40.0)
        shifted = time.time()
        run_for(target, 2)
        os.kill(cell_of(target, stable).program, signal.SIGKILL)
        run_for(target, 0.5)
        life = cell_of(target, canary, 1).life
        assert life and life.send(signal.SIGKILL)
        drive(target, lambda seen: {pod.restarts for pod in seen.pods if pod.ready} == {0, 1})
        drive(target, lambda seen: sum(pod.ready for pod in seen.pods) == 5)
        words = load.words(shifted)
        assert 0.25 < words["two"] / words.total() < 0.55, words
        target.act(Shift({old.digest: 100}), 1)
        drive(target, lambda seen: not seen.weights["web"].get(canary))
        back = time.time() + 0.1
        drive(target, lambda seen: canary in seen.drained)
        target.act(Retire(new.digest), 1)
        drive(target, lambda seen: len(seen.pods) == 3)
        run_for(target, 1)
    assert load.failed() == []
    assert set(load.words(back)) == {"one"}
    assert len(load.log) > 300


def test_supervisor_death_stops_nothing(
    target: ProcessTarget, another: Callable[[], ProcessTarget], root: Path
) -> None:
    """The next supervisor finds the same processes and the same Envoy, and keeps serving without a gap."""
    version = version_of(web())
    go_live(target, version, root, web=2)
    programs = {cell.program for cell in target.supervisor.cells.seen()}
    envoy = envoy_of(target)
    with Load(*front(target), rate=40) as load:
        target.supervisor.close()
        time.sleep(0.5)
        second = another()
        drive(second, lambda seen: sum(pod.ready for pod in seen.pods) == 2)
        run_for(second, 1.5)
    assert {cell.program for cell in second.supervisor.cells.seen()} == programs
    assert envoy_of(second) == envoy is not None
    assert load.failed() == []
    os.kill(cell_of(second, version.service_versions["web"]).program, signal.SIGKILL)
    drive(second, lambda seen: {pod.restarts for pod in seen.pods} == {0, 1} and all(pod.ready for pod in seen.pods))


def test_a_killed_envoy_is_started_again(target: ProcessTarget, root: Path) -> None:
    """The cells go on, and the same fronts answer again."""
    go_live(target, version_of(web()), root, web=1)
    life = envoy_of(target)
    assert life and life.send(signal.SIGKILL)
    drive(target, lambda seen: bool(seen.weights.get("web")) and envoy_of(target) not in (None, life))
    with Load(*front(target), rate=20) as load:
        run_for(target, 1)
    assert load.failed() == []


def test_a_slow_answer_is_awaited(target: ProcessTarget, root: Path) -> None:
    """A pod that leaves is stopped only when no request is in flight there."""
    go_live(target, version := version_of(web()), root, web=2)
    with Load(*front(target), rate=40, clients=12, path="/slow") as load:
        run_for(target, 1)
        target.act(Scale(version.digest, {"web": 1}), 1)
        drive(target, lambda seen: len(seen.pods) == 1)
        run_for(target, 1)
    assert load.failed() == []
    assert max(answer.seconds for answer in load.log) > 0.3


def test_scaling_keeps_the_ready_pods(target: ProcessTarget, root: Path) -> None:
    """Of too many pods the broken one leaves, whatever its number."""
    probe = Probe(test=("CMD", "curl", f"http://localhost:{PORT}/"), interval=0.2, timeout=0.5, retries=2)
    go_live(target, version := version_of(web(probe=probe)), root, web=2)
    os.kill(cell_of(target, version.service_versions["web"], 0).program, signal.SIGSTOP)
    drive(target, lambda seen: not seen.pods[0].ready)
    target.act(Scale(version.digest, {"web": 1}), 1)
    seen = drive(target, lambda seen: len(seen.pods) == 1)
    assert seen.pods[0].id.endswith("-1")


def test_where_nobody_is_ready_those_who_were_serve_on(target: ProcessTarget, root: Path) -> None:
    """A machine too busy to answer checks answers requests late, not with "no healthy upstream"; new pods do not."""
    probe = Probe(test=("CMD", "curl", f"http://localhost:{PORT}/"), interval=0.2, timeout=0.4, retries=1)
    go_live(target, version := version_of(web(probe=probe)), root, web=2)
    programs = [cell_of(target, version.service_versions["web"], slot).program for slot in (0, 1)]
    with Load(*front(target), rate=40) as load:
        for program in programs:
            os.kill(program, signal.SIGSTOP)
        drive(target, lambda seen: not any(pod.ready for pod in seen.pods))
        run_for(target, 1)
        for program in programs:
            os.kill(program, signal.SIGCONT)
        drive(target, lambda seen: all(pod.ready for pod in seen.pods))
    assert load.failed() == []
    assert max(answer.seconds for answer in load.log) > 0.5


def test_an_unready_pod_gets_no_request(target: ProcessTarget, root: Path) -> None:
    """The service's own check decides: `curl` of itself becomes a question from outside, no shell needed."""
    probe = Probe(test=("CMD-SHELL", f"curl -f http://localhost:{PORT}/bad"), interval=0.2, timeout=1.0, retries=1)
    version = version_of(web(environment={"BREAKS": "1"}, probe=probe))
    target.install(version, roots=lambda _digest: root)
    target.act(Scale(version.digest, {"web": 1}), 1)
    target.act(Shift({version.digest: 100}), 1)
    run_for(target, 2)
    seen = target.observe(time.time())
    assert [pod.ready for pod in seen.pods] == [False]
    assert not seen.weights.get("web")


def test_a_check_in_the_cell_decides(target: ProcessTarget, root: Path) -> None:
    """A command check runs inside the cell and reaches the program where it listens."""
    code = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{PORT}/')"
    probe = Probe(test=("CMD", "python3", "-c", code), interval=0.5, timeout=5.0, retries=1)
    go_live(target, version_of(web(probe=probe)), root, web=1)


def test_a_wildcard_bind_is_moved(target: ProcessTarget, root: Path) -> None:
    """A Python program that binds every address without saying so in its command gets its replica's own."""
    code = "import os, runpy, sys; sys.argv = ['s', '', '8000']; runpy.run_path('/app/server.py', run_name='__main__')"
    go_live(target, version_of(web(command=("python3", "-u", "-c", code))), root, web=2)
    heard = {each.address for each in listeners() if each.port == PORT}
    addresses = {cell.replica.address for cell in target.supervisor.cells.seen()}
    assert addresses <= heard and not heard & {"0.0.0.0", "::"}


def test_a_job_comes_first_and_runs_once(target: ProcessTarget, root: Path, paths: EnvironmentPaths) -> None:
    """A service waits for the job it depends on; a job that succeeded is not run again by the next version."""
    (paths.folder).mkdir(parents=True, exist_ok=True)
    job = replace(web(), service="index", kind="job", ports=(), restart="no", command=("python3", "-c", "print(1)"))
    needs = (Dependency("index", "service_completed_successfully"),)
    version = version_of(job, web(depends_on=needs))
    seen = go_live(target, version, root, web=1)
    assert [(each.name, each.state) for each in seen.jobs] == [("index", "succeeded")]
    ended = next(cell.ended for cell in target.supervisor.cells.seen() if cell.replica.job)
    assert ended < seen.pods[0].since
    following = version_of(job, web("two", depends_on=needs))
    seen = go_live(target, following, root, web=1)
    assert {each.state for each in seen.jobs} == {"succeeded"} and len(seen.jobs) == 2
    assert [cell.replica.run for cell in target.supervisor.cells.seen() if cell.replica.job] == [1]


def test_a_failed_job_holds_its_service(target: ProcessTarget, root: Path) -> None:
    """It is tried as often as its policy says, then it has failed, and what waits for it does not start."""
    job = replace(web(), service="index", kind="job", ports=(), command=("python3", "-c", "exit(3)"))
    job = replace(job, restart="on-failure:1")
    version = version_of(job, web(depends_on=(Dependency("index", "service_completed_successfully"),)))
    target.install(version, roots=lambda _digest: root)
    target.act(Scale(version.digest, {"web": 1}), 1)
    target.act(RunJob(version.digest, "index"), 1)
    seen = drive(target, lambda seen: [each.state for each in seen.jobs] == ["failed"])
    assert seen.pods == ()
    assert target.supervisor.look.plan.waits == {"web": "index: completed_successfully"}
    assert [cell.replica.run for cell in target.supervisor.cells.seen()] == [2]


def test_a_crash_is_tried_again_and_again_later(target: ProcessTarget, root: Path) -> None:
    """The pause doubles; the reason is shown."""
    version = version_of(web(command=("python3", "-c", "exit(9)"), ports=()))
    target.install(version, roots=lambda _digest: root)
    target.act(Scale(version.digest, {"web": 1}), 1)
    seen = drive(target, lambda seen: bool(seen.pods) and seen.pods[0].restarts >= 3)
    assert not seen.pods[0].ready
    seen = drive(target, lambda seen: "ended with 9" in seen.pods[0].reason)
    cell = target.supervisor.cells.seen()[0]
    assert cell.replica.fails >= 3


def test_foreign_wildcard_listener_is_named(target: ProcessTarget, root: Path) -> None:
    """A program that holds the port on all addresses is named with its pid, and nothing is started there."""
    with socket.socket() as foreign:
        foreign.bind(("0.0.0.0", 0))
        foreign.listen()
        port = foreign.getsockname()[1]
        version = version_of(web(ports=(Port(PORT, published=port),)))
        target.install(version, roots=lambda _digest: root)
        target.act(Scale(version.digest, {"web": 1}), 1)
        seen = drive(target, lambda seen: bool(seen.faults))
        assert f"pid {os.getpid()}" in seen.faults[0] and f":{port}" in seen.faults[0]
        inode = next(each.inode for each in listeners() if each.port == port and each.address == "0.0.0.0")
        assert owner(inode).startswith(f"pid {os.getpid()} ")
    target.act(Shift({version.digest: 100}), 1)
    drive(target, lambda seen: not seen.faults and bool(seen.weights.get("web")))


def test_a_published_port_answers(target: ProcessTarget, root: Path) -> None:
    """It is the same front on 127.0.0.1; plain TCP services have one too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    version = version_of(web(ports=(Port(PORT, published=port, http=False),)))
    go_live(target, version, root, web=2)
    with Load("127.0.0.1", port, rate=20) as load:
        run_for(target, 1)
    assert load.failed() == [] and len(load.log) > 5


def test_services_reach_each_other_by_name(target: ProcessTarget, root: Path) -> None:
    """Inside a cell a service's name is its front."""
    caller = replace(
        web(),
        service="caller",
        ports=(),
        command=(
            "python3",
            "-u",
            "-c",
            f"import urllib.request as u; print(u.urlopen('http://shopfront:{PORT}/').read().decode(), flush=True);"
            "import time; time.sleep(60)",
        ),
        depends_on=(Dependency("web", "service_healthy"),),
    )
    version = version_of(caller, web(aliases=("shopfront",)))
    go_live(target, version, root, web=1, caller=1)
    log = target.paths.cells / f"caller-{version.service_versions['caller']}-0" / "log.jsonl"

    def said(_seen: Seen) -> bool:
        return log.exists() and "one web-" in log.read_text()

    drive(target, said)


def test_what_contradicts_is_refused_and_changes_nothing(target: ProcessTarget, root: Path) -> None:
    """Unknown versions and services, weights that do not sum, old epochs, retiring what serves."""
    go_live(target, version := version_of(web()), root, web=1)
    target.act(Scale(version.digest, {"web": 1}), 5)
    before = target.store.wishes()
    other = version_of(web("two")).digest
    for action, error in (
        (Scale(other, {"web": 1}), NameUnknown),
        (Scale(version.digest, {"nothing": 1}), NameUnknown),
        (Scale(version.digest, {"web": -1}), UsageError),
        (Shift({version.digest: 90}), UsageError),
        (Retarget(other), NameUnknown),
        (RunJob(version.digest, "nothing"), NameUnknown),
        (Retire(version.digest), OutageRefused),
    ):
        with pytest.raises(error):
            target.act(action, 5)
    with pytest.raises(StaleEpoch):
        target.act(Scale(version.digest, {"web": 0}), 4)
    assert target.store.wishes() == before


def test_what_cannot_run_here_is_refused_before_anything_starts(target: ProcessTarget, root: Path) -> None:
    """Root images, names for users, low ports: each with a hint."""
    for broken in (web(user="0:0"), web(user="postgres"), web(ports=(Port(80),)), web(ports=(Port(53, "udp"),))):
        with pytest.raises(TargetUnsupported) as refused:
            target.install(version_of(broken), roots=lambda _digest: root)
        assert refused.value.hint
    assert target.store.installed() == {}


def test_ended_pods_are_forgotten_in_time(target: ProcessTarget, root: Path) -> None:
    """The last few logs of a service are kept, the rest goes."""
    worker = web(ports=(), command=("python3", "-c", "import time; time.sleep(60)"), stop_grace=0.1)
    version = version_of(worker)
    target.install(version, roots=lambda _digest: root)
    target.act(Scale(version.digest, {"web": 7}), 1)
    drive(target, lambda seen: sum(pod.ready for pod in seen.pods) == 7)
    target.act(Scale(version_of(worker).digest, {"web": 0}), 1)
    drive(target, lambda seen: not seen.pods)
    target.supervisor.turn(time.time())
    left = target.supervisor.cells.seen()
    assert len(left) == 5 and {cell.state for cell in left} == {CellState.ENDED}
