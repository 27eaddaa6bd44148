"""What a version has on a real engine: files, volumes, ports, commands, logs; and what `down` leaves."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.digest import Digest
from seaway.errors import DigestMismatch, OutageRefused, SourceMissing, TargetUnsupported
from seaway.targets.base import Retarget, RunJob, Scale, Shift, Version
from seaway.targets.blueprint import Mount, Port, Probe
from seaway.targets.docker.target import DockerTarget
from seaway.targets.opening import claim, open_target, target_name
from seaway.targets.process.once import OUTPUT, Errand
from seaway.targets.process.paths import EnvironmentPaths
from tests.targets.docker.fixtures import Docker
from tests.targets.world import IMAGE, PORT, drive, is_live, version_of, web

pytestmark = pytest.mark.rig("docker")
READ = "import os,sys; print(os.getuid(), open(sys.argv[1]).read(), oct(os.stat(sys.argv[1]).st_mode & 0o777))"


def go_live(target: DockerTarget, docker: Docker, version: Version) -> None:
    """Makes a version live with one replica of the service web."""
    target.install(version, store=docker.blobs)
    target.act(Scale(version.digest, {"web": 1}), 1)
    target.act(Shift({version.digest: 100}), 1)
    target.act(Retarget(version.digest), 1)
    drive(target, lambda seen: is_live(seen, version, {"web": 1}), seconds=60)


def pod(target: DockerTarget) -> str:
    """Returns the name of the one replica's container."""
    return target.containers.names.container(target.supervisor.cells.seen()[0].id)


def inside(target: DockerTarget, version: Version, *command: str, output: Path | None = None) -> tuple[int, list[str]]:
    """Runs a command beside what runs, in the image and with the volumes of the service web."""
    errand = Errand("web", command, {"SAID": "so"}, output, 60.0)
    outcome = target.run_once(target.store.installed()[version.digest], errand)
    return outcome.code, [line.text for line in outcome.lines]


def test_a_secret_is_a_file_of_its_user_and_nowhere_else(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the environment, not in what inspect shows; a version keeps the value it was installed with."""
    target, mount = docker.open(), Mount("secret", "key", "/run/secrets/key", read_only=True)
    secrets = {"key": {"environment": "SHOP_KEY"}}
    one = version_of(web("one", user="65532:65532", mounts=(mount,)), secrets=secrets)
    two = version_of(web("two", user="65532:65532", mounts=(mount,)), secrets=secrets)
    with pytest.raises(SourceMissing):
        target.install(one, store=docker.blobs)
    monkeypatch.setenv("SHOP_KEY", "hush-one")
    go_live(target, docker, one)
    monkeypatch.setenv("SHOP_KEY", "hush-two")
    target.install(two, store=docker.blobs)
    shown = json.dumps(target.setting.api.get(f"/containers/{pod(target)}/json"))
    assert "hush" not in shown
    for version, value in ((one, "hush-one"), (two, "hush-two")):
        assert inside(target, version, "python3", "-c", READ, "/run/secrets/key") == (0, [f"65532 {value} 0o400"])


def test_a_secret_as_a_variable_is_refused(docker: Docker) -> None:
    """The engine would show it to everybody who may ask it."""
    target = docker.open()
    with pytest.raises(TargetUnsupported, match="docker inspect"):
        target.install(version_of(web(secret_environment={"KEY": "key"})), store=docker.blobs)
    with pytest.raises(TargetUnsupported, match="53/udp"):
        target.install(version_of(web(ports=(Port(53, "udp"),))), store=docker.blobs)
    assert not target.store.installed()


def test_a_new_volume_is_its_users_and_what_is_in_it_stays(docker: Docker) -> None:
    """65532 writes to it from the first start, on every later version too, and after `down`."""
    target = docker.open()
    write = "open('/index/a', 'a').write('x'); print(open('/index/a').read())"
    version = version_of(web(user="65532:65532", mounts=(Mount("volume", "index", "/index"),)))
    go_live(target, docker, version)
    assert inside(target, version, "python3", "-c", write) == (0, ["x"])
    assert inside(target, version, "python3", "-c", write) == (0, ["xx"])
    target.store.keep(replace(target.store.wishes(), down=True))
    drive(target, lambda seen: not seen.pods and not target.supervisor.fronts.runs(), seconds=60)
    labels = {"label": [f"{key}={value}" for key, value in target.containers.names.labels().items()]}
    assert target.setting.api.get("/containers/json", all=1, filters=labels) == []
    assert target.setting.api.get("/networks", filters=labels) == []
    assert len(target.setting.api.get("/volumes", filters=labels)["Volumes"]) == 1
    assert inside(target, version, "python3", "-c", write) == (0, ["xxx"])


def test_an_errand_leaves_its_files_and_is_gone(docker: Docker, tmp_path: Path) -> None:
    """It reaches services by name, its code and lines are told, and nothing of it stays."""
    target, version = docker.open(), version_of(web(user="65532:65532"))
    go_live(target, docker, version)
    output = tmp_path / "output"
    output.mkdir(mode=0o777)
    output.chmod(0o777)
    ask = (
        f"import urllib.request as u, os; print(os.environ['SAID'], u.urlopen('http://web:{PORT}/').read().decode()); "
    )
    code, lines = inside(
        target, version, "python3", "-c", f"{ask} open('{OUTPUT}/junit.xml', 'w').write('x'); raise SystemExit(3)",
        output=output,
    )  # fmt: skip
    assert (code, lines[0].split()[:2]) == (3, ["so", "one"])
    assert (output / "junit.xml").read_text() == "x"
    assert len(target.supervisor.cells.seen()) == 1
    errand = Errand("web", ("python3", "-c", "import time; time.sleep(60)"), {}, None, 1.0)
    assert target.run_once(target.store.installed()[version.digest], errand).timed_out


def free_port() -> int:
    """Returns a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_published_port_answers_and_one_that_is_taken_is_named(docker: Docker) -> None:
    """What the engine refuses is a fault that names the service; it goes when the port is free."""
    target, port = docker.open(), free_port()
    version = version_of(web(ports=(Port(PORT, published=port),)))
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", port))
        rival.listen()
        target.install(version, store=docker.blobs)
        target.act(Scale(version.digest, {"web": 1}), 1)
        target.act(Shift({version.digest: 100}), 1)
        target.act(Retarget(version.digest), 1)
        seen = drive(target, lambda seen: bool(seen.faults), seconds=60)
        assert any(fault.startswith("web: ") and str(port) in fault for fault in seen.faults), seen.faults
    drive(target, lambda seen: is_live(seen, version, {"web": 1}), seconds=60)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.read().split()[0]) == (200, b"one")
    assert answer.headers["x-seaway-pod"] == target.supervisor.cells.seen()[0].replica.address


def test_a_program_that_cannot_start_says_why(docker: Docker) -> None:
    """It is tried again later each time, and never counts as ready."""
    target, version = docker.open(), version_of(web(command=("/no/such/program",)))
    target.install(version, store=docker.blobs)
    target.act(Scale(version.digest, {"web": 1}), 1)
    seen = drive(target, lambda seen: any(pod.restarts for pod in seen.pods), seconds=60)
    assert "no such file" in seen.pods[0].reason and not seen.pods[0].ready


def test_a_check_is_executed_in_the_container(docker: Docker) -> None:
    """`localhost` there is the container's own; a check that fails keeps a pod from being ready."""
    target = docker.open()
    look = f"import socket; socket.create_connection(('127.0.0.1', {PORT})).close()"
    good = version_of(web(probe=Probe(("CMD", "python3", "-c", look), interval=1.0, timeout=20.0)))
    go_live(target, docker, good)
    bad = version_of(
        web("two", probe=Probe(("CMD", "python3", "-c", "raise SystemExit(1)"), interval=1.0, timeout=20.0))
    )
    target.install(bad, store=docker.blobs)
    target.act(Scale(bad.digest, {"web": 1}), 1)
    seen = drive(target, lambda seen: len(seen.pods) == 2 and all(pod.since for pod in seen.pods), seconds=60)
    time.sleep(3)
    seen = drive(target, lambda seen: True)
    assert {pod.service_version: pod.ready for pod in seen.pods}[bad.service_versions["web"]] is False


def test_a_job_runs_once_to_its_end(docker: Docker) -> None:
    """Its code decides; the engine never starts it again."""
    target = docker.open()
    jobs = [
        web(service=name, kind="job", command=("python3", "-c", f"raise SystemExit({code})"), restart="no", ports=())
        for name, code in (("good", 0), ("bad", 4))
    ]
    version = version_of(*jobs)
    target.install(version, store=docker.blobs)
    for name in ("good", "bad"):
        target.act(RunJob(version.digest, name), 1)
    seen = drive(target, lambda seen: sorted(job.state for job in seen.jobs) == ["failed", "succeeded"], seconds=60)
    assert {job.name: job.state for job in seen.jobs} == {"good": "succeeded", "bad": "failed"}
    runs = [cell.replica.run for cell in target.supervisor.cells.seen()]
    assert runs == [1, 1]


EXEC = """
import sys
from tests.targets.docker.world import open_docker
from tests.targets.world import place
from pathlib import Path
target = open_docker(place(Path(sys.argv[1])), sys.argv[2])
cell = target.supervisor.cells.seen()[0]
sys.exit(target.containers.attend(cell, sys.argv[3:]))
"""


def test_a_command_in_a_container_has_this_programs_streams(docker: Docker) -> None:
    """Input, output and errors apart, and its exit code; logs come apart too, and only once."""
    target = docker.open()
    go_live(target, docker, version_of(web(user="65532:65532")))
    echo = "import sys; print(sys.stdin.read().upper()); print('bad', file=sys.stderr); sys.exit(5)"
    done = subprocess.run(
        [sys.executable, "-c", EXEC, str(docker.folder), docker.host, "python3", "-c", echo],
        input="some words", capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3], timeout=100,
        env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (5, "SOME WORDS\n", "bad\n")
    logs = target.logs()
    first = [(line.stream, line.text.split()[0]) for line in logs.lines(("web",))]
    assert first == [("stdout", "listening")]
    assert list(logs.lines()) == [] and list(target.logs().lines(("other",))) == []


def test_other_layers_under_an_images_name_are_refused(docker: Docker) -> None:
    """A tag is moved by anybody; what runs is what was signed."""
    target, version = docker.open(), version_of(web())
    target.install(version, store=docker.blobs)
    forged: dict[Digest, Any] = dict(docker.blobs.blobs)
    manifest = json.loads(forged[IMAGE])
    config = json.loads(forged[Digest.parse(manifest["config"]["digest"])])
    config["rootfs"]["diff_ids"] = [str(Digest.of(b"another layer"))]
    manifest["config"]["digest"] = str(Digest.of(json.dumps(config).encode()))
    forged[Digest.parse(manifest["config"]["digest"])] = json.dumps(config).encode()
    forged[IMAGE] = json.dumps(manifest).encode()
    with pytest.raises(DigestMismatch):
        target.install(version, store=type(docker.blobs)(forged))


def test_an_environment_moves_to_another_target_only_when_it_is_down(docker: Docker) -> None:
    """What runs on one target would be forgotten by the other."""
    target, version = docker.open(), version_of(web())
    paths: EnvironmentPaths = target.paths
    go_live(target, docker, version)
    assert target_name(paths) == "docker" and isinstance(open_target(paths), DockerTarget)
    with pytest.raises(OutageRefused, match="runs on target docker"):
        claim(paths, "process")
    target.store.keep(replace(target.store.wishes(), down=True))
    drive(target, lambda seen: not seen.pods and not target.supervisor.fronts.runs(), seconds=60)
    claim(paths, "process")
    assert target_name(paths) == "process"
