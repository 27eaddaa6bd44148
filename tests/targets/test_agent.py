"""The agent: one per project, asked over a socket, killed for real, and taken over by the next one."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.errors import AgentMissing, NameUnknown, UsageError
from seaway.targets.process.agent import Agent, run_agent
from seaway.targets.process.client import ensure_agent
from seaway.targets.process.life import Life, start_of
from seaway.targets.process.logs import Logs
from seaway.targets.process.paths import ProjectPaths
from seaway.targets.process.target import ProcessTarget
from tests.targets.conftest import end_all
from tests.targets.load import Load
from tests.targets.world import version_of, web

pytestmark = pytest.mark.rootless


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectPaths]:
    """Returns a project in a folder too deep for a socket's name; its agent and cells end with the test."""
    deep = tmp_path / "a-folder-with-a-long-name-that-does-not-fit" / "into-the-hundred-and-eight-bytes-of-a-socket"
    paths = ProjectPaths(deep / "shop-1", "shop")
    yield paths
    if paths.folder.exists():
        while agent := agent_of(paths):  # one that lost the race may come up late
            agent.send(signal.SIGTERM)
            time.sleep(0.05)
        end_all(paths.environment("dev"))


def agent_of(paths: ProjectPaths) -> Life | None:
    """Returns the running agent, known by who holds the socket's folder as its argument."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"seaway.targets.process" in words and str(paths.folder).encode() in words:
                pid = int(entry.name)
                return Life(pid, start_of(pid) or 0)
    return None


def wait_for(holds: object, seconds: float = 20.0) -> None:
    """Waits until something holds."""
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never held"
        time.sleep(0.05)


def test_the_command_only_asks(project: ProjectPaths, root: Path) -> None:
    """Install, scale and shift by asking; ps, logs and status tell; the agent is killed, the next adopts; down."""
    version = version_of(web())
    ProcessTarget(project.environment("dev")).install(version, roots=lambda _digest: root)
    client = ensure_agent(project)
    about = {"environment": "dev", "version": str(version.digest)}
    client.ask("scale", **about, replicas={"web": 2})
    client.ask("shift", environment="dev", weights={str(version.digest): 100})
    client.ask("retarget", **about)
    wait_for(lambda: [row["ready"] for row in client.ask("ps", environment="dev")] == [True, True])
    wait_for(lambda: client.ask("observe", environment="dev")["weights"].get("web"))
    rows = client.ask("ps", environment="dev")
    first = client.ask("status", environment="dev")
    front = first["fronts"][0]
    with Load(front["address"], front["port"], rate=40) as load:
        before = agent_of(project)
        assert before and before.send(signal.SIGKILL)
        wait_for(lambda: not before.alive)
        with pytest.raises(AgentMissing):
            client.ask("ping")
        client = ensure_agent(project)
        wait_for(lambda: [row["ready"] for row in client.ask("ps", environment="dev")] == [True, True])
    assert load.failed() == []
    assert [row["program"] for row in client.ask("ps", environment="dev")] == [row["program"] for row in rows]
    assert client.ask("status", environment="dev")["wishes"] == first["wishes"]
    assert {line.text.split(" ")[0] for line in Logs(project.environment("dev").cells).lines()} == {"listening"}
    client.ask("restart", environment="dev", service="web")
    wait_for(lambda: [row["restarts"] for row in client.ask("ps", environment="dev")] == [1, 1])
    client.ask("down", environment="dev")
    wait_for(lambda: {row["state"] for row in client.ask("ps", environment="dev")} == {"ended"})
    wait_for(lambda: not ProcessTarget(project.environment("dev")).supervisor.fronts.runs())


def test_a_command_runs_in_a_pod(project: ProjectPaths, root: Path) -> None:
    """`exec` is executed by the typing command itself, in the pod's cell."""
    version = version_of(web(ports=(), command=("python3", "-c", "import time; time.sleep(60)"), stop_grace=0.1))
    target = ProcessTarget(project.environment("dev"))
    target.install(version, roots=lambda _digest: root)
    client = ensure_agent(project)
    client.ask("scale", environment="dev", version=str(version.digest), replicas={"web": 1})
    wait_for(lambda: any(row["program"] for row in client.ask("ps", environment="dev")))
    pod = client.ask("ps", environment="dev")[0]["pod"]
    command = target.exec_command(pod, ("python3", "-c", "import os; print(os.environ['SEAWAY_REPLICA'])"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout.strip()) == (0, pod), done.stderr
    with pytest.raises(NameUnknown):
        target.exec_command("web-nothing-0", ("true",))


def test_two_commands_at_once_start_one_agent(project: ProjectPaths) -> None:
    """The lock decides; both commands are answered by the one that got it."""
    code = (
        "import sys; from pathlib import Path; from seaway.targets.process.client import ensure_agent;"
        "from seaway.targets.process.paths import ProjectPaths;"
        "ensure_agent(ProjectPaths(Path(sys.argv[1]), 'shop')).ask('ping')"
    )
    racers = [subprocess.Popen([sys.executable, "-c", code, str(project.folder)]) for _ in range(3)]
    assert [racer.wait(60) for racer in racers] == [0, 0, 0]
    assert ensure_agent(project).ask("ping")
    assert run_agent(Agent(project)) is False


def test_the_socket_is_the_owners_alone(project: ProjectPaths) -> None:
    """Mode 0600 from the first moment on, in a folder nobody else may enter."""
    ensure_agent(project)
    assert stat.S_IMODE(project.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(project.folder.stat().st_mode) == 0o700


def test_an_error_crosses_as_itself(project: ProjectPaths) -> None:
    """Class, place and hint of the agent's errors are those of the command; nonsense is a usage error."""
    client = ensure_agent(project)
    with pytest.raises(NameUnknown, match="no service"):
        client.ask("stop", environment="dev", service="web")
    for question in ({"verb": "nothing"}, {"verb": "scale", "environment": "dev"}):
        with pytest.raises(UsageError):
            client.ask(**question)


def test_rude_clients_cost_only_their_connection(project: ProjectPaths) -> None:
    """Lines without end, no JSON and half a question leave the agent answering."""
    client = ensure_agent(project)
    for data in (b"x" * (3 << 20), b"no json\n", b'{"verb":', b'["ping"]\n'):
        folder = os.open(project.folder, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as rude:
            rude.connect(f"/proc/self/fd/{folder}/agent.sock")
            rude.settimeout(5)
            try:
                rude.sendall(data)
            except OSError:
                pass
        os.close(folder)
    assert client.ask("ping")


def test_an_agent_that_cannot_start_says_why(project: ProjectPaths) -> None:
    """The last line of its log is the error."""
    with pytest.raises(AgentMissing, match="no reason at all"):
        ensure_agent(project, [sys.executable, "-c", "exit('no reason at all')"])


def test_a_member_that_fails_holds_back_no_other(tmp_path: Path) -> None:
    """The release controller's bug is written down; the cells are still looked after."""
    agent = Agent(ProjectPaths(tmp_path / "p", "shop"))
    turns: list[float] = []

    def broken(_now: float) -> None:
        raise RuntimeError("a bug")

    def counting(now: float) -> None:
        turns.append(now)
        if len(turns) == 3:
            agent.quit()

    agent.register("count", lambda _question: len(turns))
    assert run_agent(agent, [broken, counting], every=0.01) is True
    assert len(turns) == 3
    assert agent.answer(b'{"verb": "count"}') == {"answer": 3}


def test_the_agent_gets_no_passphrase(project: ProjectPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases in the typing command's environment are not in the agent's, which lives on."""
    monkeypatch.setenv("SEAWAY_PASSPHRASE_ALICE", "planted in the environment")
    monkeypatch.setenv("SEAWAY_SEEN", "as a control")
    ensure_agent(project)
    agent = agent_of(project)
    assert agent is not None
    environ = Path(f"/proc/{agent.pid}/environ").read_bytes()
    assert b"SEAWAY_SEEN" in environ and b"planted" not in environ
