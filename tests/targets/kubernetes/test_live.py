"""The cluster target on real nodes: what it runs answers, with nothing but the digests that were asked for."""

from __future__ import annotations

import http.client
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from seaway.app.extension import GatewayKeys
from seaway.digest import Digest
from seaway.errors import ClusterRefused
from seaway.targets.base import Retarget, Retire, Scale, Seen, Shift, Version
from seaway.targets.blueprint import Blueprint, Mount, Port, Probe, Workload
from seaway.targets.kubernetes.cluster import DEPLOYMENTS, Cluster, Item
from seaway.targets.kubernetes.execution import execute
from seaway.targets.kubernetes.manifest import documents
from seaway.targets.kubernetes.render import render, version_of
from seaway.targets.kubernetes.setting import Claim, Exposure, Place, Setting
from seaway.targets.kubernetes.store import Installed
from seaway.targets.kubernetes.target import KubernetesTarget
from tests.rig.session import Rig
from tests.targets.kubernetes.live import namespace_of, opened, until
from tests.targets.kubernetes.world import CONFIGS, SETTING, SHOP

pytestmark = [pytest.mark.rig("cluster", "gateway"), pytest.mark.root]

PORT = 8080
TOOLS = "rig.internal/tools"


def web(word: str, **fields: object) -> Workload:
    """Returns a service of the rig's busybox that answers a word over HTTP."""
    serve = f"mkdir -p /tmp/www && echo {word} > /tmp/www/index.html && exec httpd -f -p {PORT} -h /tmp/www"
    base = Workload(
        "web",
        Digest.of(b"busybox"),
        command=("/bin/sh", "-c", serve),
        replicas=2,
        ports=(Port(PORT),),
        probe=Probe(("CMD-SHELL", f"wget -q -O /dev/null http://127.0.0.1:{PORT}/"), interval=1, timeout=10),
        stop_grace=2.0,
        restart="always",
    )
    return replace(base, **fields)  # type: ignore[arg-type]  # fields are Workload's own


@dataclass
class Town:
    """An app in a namespace of the rig's cluster."""

    cluster: Cluster
    namespace: str
    gateway: str

    def __post_init__(self) -> None:
        self.target = KubernetesTarget(self.cluster, self.namespace, "shop")

    def install(self, *workloads: Workload, exposed: bool = False) -> Version:
        """Installs a version; the rig's image has a tag and no registry, so it is named by that."""
        places = {"web": Place(expose=Exposure(f"{self.namespace}.example", "/", PORT, 10.0))} if exposed else {}
        gateway = GatewayKeys("rig", "gateway-system")
        setting = Setting(self.namespace, TOOLS, places, {"data": Claim(16 << 20)}, gateway=gateway)
        blueprint = Blueprint("shop", "test", workloads)
        made = render(blueprint, setting, {})
        plain = Version(Digest.of(b""), Digest.of(b"bundle"), "test", blueprint, {})
        version = version_of(plain, made)
        running = {service: local(item) for service, item in made.running.items()}
        self.target.store.install(Installed(version, made.app, running))
        return version

    def live(self, version: Version) -> None:
        """Takes a version live at once."""
        counts = {each.service: each.replicas for each in version.blueprint.workloads}
        self.target.act(Scale(version.digest, counts), 0)
        self.until(lambda seen: len(ready(seen, version)) == sum(counts.values()))
        self.target.act(Shift({version.digest: 100}), 0)
        self.target.act(Retarget(version.digest), 0)
        name = version.service_versions["web"]
        self.until(lambda seen: seen.weights.get("web") == {name: 100.0})

    def until(self, holds: Callable[[Seen], bool], seconds: float = 240.0) -> Seen:
        """Looks until something holds."""
        end = time.monotonic() + seconds
        while True:
            seen = self.target.observe(time.time())
            if holds(seen):
                return seen
            assert time.monotonic() < end, [
                (pod.id, pod.ready, pod.reason, self.target.why(pod.id)) for pod in seen.pods
            ]
            time.sleep(0.5)

    def ask(self) -> str:
        """Asks through the gateway; empty for anything but an answer."""
        connection = http.client.HTTPConnection(self.gateway.removeprefix("http://"), timeout=10)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/", headers={"Host": f"{self.namespace}.example"})
            answer = connection.getresponse()
            return answer.read().decode().strip() if answer.status == 200 else ""
        return ""


def local(item: Mapping[str, object]) -> Item:
    """Returns a workload whose image is the one that lies on the rig's node."""
    made: Item = dict(item)
    spec = made["spec"]["template"]["spec"]
    spec["containers"] = [{**each, "image": f"{TOOLS}:1", "imagePullPolicy": "Never"} for each in spec["containers"]]
    return made


def ready(seen: Seen, version: Version) -> list[str]:
    """Returns the ready pods of a version."""
    names = version.service_versions
    return [pod.id for pod in seen.pods if pod.ready and names.get(pod.service) == pod.service_version]


@pytest.fixture(scope="module")
def cluster(rig: Rig) -> Cluster:
    """Returns the rig's cluster."""
    return opened(rig)


@pytest.fixture
def town(rig: Rig, cluster: Cluster) -> Iterator[Town]:
    """Returns an empty namespace, and the gateway."""
    for name in namespace_of(cluster):
        yield Town(cluster, name, rig.environ["SEAWAY_RIG_GATEWAY"])


def test_the_server_takes_what_is_rendered(rig: Rig, town: Town, tmp_path: Path) -> None:
    """Every object of the shop, by `kubectl` itself: server-side, strict, dry."""
    made = render(SHOP, replace(SETTING, namespace=town.namespace), CONFIGS)
    file = tmp_path / "app.yaml"
    file.write_text(documents(made.app))
    words = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", str(file))
    done = subprocess.run(["kubectl", *words], env=rig.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr
    assert len(done.stdout.splitlines()) == len(made.app)


def test_an_unknown_field_is_refused(town: Town) -> None:
    """What the server would drop in silence is an error."""
    item = render(SHOP, replace(SETTING, namespace=town.namespace), CONFIGS).running["worker"]
    with pytest.raises(ClusterRefused, match="replica"):
        town.cluster.apply({**item, "spec": {**item["spec"], "replica": 1}})  # type: ignore[dict-item]


def test_an_app_runs_answers_and_goes(town: Town) -> None:
    """Up, a file in its volume, a question through the gateway, a command inside, what it wrote, down."""
    version = town.install(web("one", mounts=(Mount("volume", "data", "/data"),), replicas=1), exposed=True)
    town.live(version)
    until(lambda: town.ask() == "one")
    (pod,) = ready(town.target.observe(time.time()), version)
    access = town.cluster.access
    assert (
        execute(
            access, town.namespace, pod, ("/bin/sh", "-c", "echo kept > /data/x && id -u | grep -q 65532"), (0, 1, 2)
        )
        == 0
    )
    assert execute(access, town.namespace, pod, ("/bin/sh", "-c", "exit 7"), (0, 1, 2)) == 7
    town.target.down()
    town.until(lambda seen: not seen.pods)
    assert town.cluster.find(DEPLOYMENTS, town.namespace) == []
    town.live(town.install(web("two", mounts=(Mount("volume", "data", "/data"),), replicas=1), exposed=True))
    (pod,) = [each.id for each in town.target.observe(time.time()).pods]
    assert execute(access, town.namespace, pod, ("grep", "kept", "/data/x"), (0, 1, 2)) == 0


def test_shares_are_those_of_the_gateway_and_no_request_is_lost(town: Town) -> None:
    """A quarter to the new version, then all, then the old one goes: each question is answered."""
    one, two = town.install(web("one"), exposed=True), town.install(web("two"), exposed=True)
    town.live(one)
    until(lambda: town.ask() == "one")
    town.target.act(Scale(two.digest, {"web": 2}), 0)
    town.until(lambda seen: len(ready(seen, two)) == 2)
    assert {town.ask() for _ in range(20)} == {"one"}
    town.target.act(Shift({one.digest: 75, two.digest: 25}), 0)
    town.until(lambda seen: seen.weights.get("web", {}).get(two.service_versions["web"]) == 25.0)
    until(lambda: town.ask() == "two")
    answers = [town.ask() for _ in range(200)]
    assert set(answers) == {"one", "two"} and 30 <= answers.count("two") <= 70
    town.target.act(Shift({one.digest: 0, two.digest: 100}), 0)
    town.target.act(Retarget(two.digest), 0)
    town.until(lambda seen: seen.weights.get("web", {}).get(two.service_versions["web"]) == 100.0)
    town.until(lambda seen: one.service_versions["web"] in seen.drained)
    town.target.act(Retire(one.digest), 0)
    lost = 0
    while len(town.target.observe(time.time()).pods) > 2:
        lost += town.ask() != "two"
    assert not lost


def test_a_pod_that_cannot_run_says_why(town: Town) -> None:
    """From its own status, or from the newest warning about it."""
    version = town.install(web("one", command=("/bin/none",), replicas=1))
    town.target.act(Scale(version.digest, {"web": 1}), 0)
    seen = town.until(lambda seen: any(pod.reason for pod in seen.pods))
    assert "none" in seen.pods[0].reason or "none" in town.target.why(seen.pods[0].id)
