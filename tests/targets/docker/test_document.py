"""What a workload becomes on an engine, and what the engine says read back: pure."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.digest import Digest
from seaway.errors import EngineUnavailable, LimitExceeded, NotYet, TargetUnsupported
from seaway.targets.blueprint import Mount, Port, Probe, Workload
from seaway.targets.docker.archive import File, Stored, docker_archive, files_archive
from seaway.targets.docker.containers import read_cell
from seaway.targets.docker.document import Placing, container_document, owner_of
from seaway.targets.docker.frames import Frames
from seaway.targets.docker.host import USUAL, engine_host, socket_path
from seaway.targets.docker.names import Names, read_replica, replica_labels
from seaway.targets.docker.network import NetworkPlaces
from seaway.targets.docker.times import moment
from seaway.targets.process.cells import CellState, Replica
from tests.targets.docker.world import MemoryBlobs, make_image
from tests.targets.world import IMAGE, version_of, web

pytestmark = pytest.mark.rootless
REPLICA = Replica("web", "0123456789", 2, "198.18.0.70", run=3, fails=1)


def document(**fields: Any) -> dict[str, Any]:
    """Returns the body for a web service with these fields."""
    workload = web(user="65532:65532", **fields)
    placing = Placing(version_of(workload), {IMAGE: "sha256:abc"}, Names("shop-1", "dev"))
    return container_document(workload, REPLICA, placing)


def test_a_program_that_is_not_root_has_no_capability_and_gets_none() -> None:
    """Root keeps the engine's own set; new privileges are refused to both."""
    assert document()["HostConfig"]["CapDrop"] == ["ALL"]
    host = container_document(web(user="0"), REPLICA, Placing(version_of(web()), {IMAGE: "x"}, Names("shop-1", "dev")))[
        "HostConfig"
    ]
    assert "CapDrop" not in host and host["SecurityOpt"] == ["no-new-privileges"]


def test_a_container_is_made_from_the_engines_id_and_named_by_the_signed_digest() -> None:
    """A tag is in neither."""
    made = document()
    assert made["Image"] == "sha256:abc" and made["Labels"]["dev.seaway.image"] == str(IMAGE)


def test_an_image_that_the_engine_was_never_given_is_refused() -> None:
    """The hint brings it."""
    with pytest.raises(TargetUnsupported, match="never given") as caught:
        container_document(web(), REPLICA, Placing(version_of(web()), {}, Names("shop-1", "dev")))
    assert caught.value.hint == "run seaway up again"


@pytest.mark.parametrize(
    ("restart", "kind", "policy"),
    [
        ("always", "service", {"Name": "always"}),
        ("unless-stopped", "service", {"Name": "unless-stopped"}),
        ("no", "service", {"Name": "no"}),
        ("on-failure:4", "service", {"Name": "on-failure", "MaximumRetryCount": 4}),
        ("on-failure", "job", {"Name": "on-failure", "MaximumRetryCount": 0}),
        ("always", "job", {"Name": "no"}),
    ],
)
def test_a_restart_policy_is_the_engines_own(restart: str, kind: str, policy: Mapping[str, Any]) -> None:
    """A job that ends well is never started again."""
    assert document(restart=restart, kind=kind)["HostConfig"]["RestartPolicy"] == policy


def test_mounts_and_limits_are_carried_and_secrets_are_in_no_mount() -> None:
    """Volumes by the environment's name, tmpfs with size and mode, /dev/shm as the engine has it."""
    host = document(
        memory_limit=1 << 20,
        mounts=(
            Mount("volume", "data", "/data"),
            Mount("bind", "/srv", "/srv", read_only=True),
            Mount("tmpfs", "", "/scratch", size=4096, mode=0o700),
            Mount("tmpfs", "", "/dev/shm", size=8192),
            Mount("secret", "key", "/run/secrets/key"),
        ),
    )["HostConfig"]
    assert [each["Source"] for each in host["Mounts"]] == ["shop-1-dev_data", "/srv"]
    assert [each["ReadOnly"] for each in host["Mounts"]] == [False, True]
    assert host["Tmpfs"] == {"/scratch": "mode=700,size=4096"} and host["ShmSize"] == 8192
    assert host["Memory"] == host["MemorySwap"] == 1 << 20
    assert "key" not in json.dumps(host)


def test_behind_a_front_the_services_names_are_the_fronts() -> None:
    """A service without a port has no front, so its replicas have its names."""

    def aliases(workload: Workload) -> list[str]:
        placing = Placing(version_of(workload), {IMAGE: "x"}, Names("shop-1", "dev"))
        endpoints = container_document(workload, REPLICA, placing)["NetworkingConfig"]["EndpointsConfig"]
        return list(endpoints["shop-1-dev"]["Aliases"])

    assert aliases(web(ports=(Port(80),), aliases=("shop",))) == []
    assert aliases(web(ports=(), aliases=("shop",))) == ["web", "shop"]


def test_a_health_check_is_the_supervisors_alone() -> None:
    """The image's own check is turned off where the service has one, and stays where it has none."""
    assert document(probe=Probe(("CMD", "true")))["Healthcheck"] == {"Test": ["NONE"]}
    assert "Healthcheck" not in document()


def test_what_only_an_engine_understands_reaches_it() -> None:
    """Compose's forms become the API's; ours stay where they are stricter."""
    knobs = {
        "cap_add": ["NET_ADMIN"],
        "cap_drop": ["CHOWN"],
        "cpus": 0.5,
        "devices": [{"source": "/dev/null", "target": "/dev/x", "permissions": "r"}],
        "domainname": "shop.example",
        "extra_hosts": ["db=10.0.0.1", "six=fd00::1"],
        "labels": {"a": "b", "dev.seaway.slot": "9"},
        "memswap_limit": "-1",
        "security_opt": ["seccomp=unconfined"],
        "ulimits": {"nofile": {"soft": 10, "hard": 20}, "nproc": 5},
    }
    made = document(knobs=knobs)
    host = made["HostConfig"]
    assert made["Domainname"] == "shop.example"
    assert made["Labels"]["a"] == "b" and made["Labels"]["dev.seaway.slot"] == "2", "ours tell who it is"
    assert host["CapAdd"] == ["NET_ADMIN"] and host["CapDrop"] == ["ALL", "CHOWN"]
    assert host["NanoCpus"] == 500_000_000 and host["MemorySwap"] == -1
    assert host["Devices"] == [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}]
    assert host["ExtraHosts"] == ["db:10.0.0.1", "six:fd00::1"]
    assert host["SecurityOpt"] == ["no-new-privileges", "seccomp=unconfined"]
    assert host["Ulimits"] == [
        {"Name": "nofile", "Soft": 10, "Hard": 20},
        {"Name": "nproc", "Soft": 5, "Hard": 5},
    ]


def test_a_privileged_container_is_one() -> None:
    """What it asks for by name would mean nothing beside our own restrictions."""
    host = document(knobs={"privileged": True})["HostConfig"]
    assert host["Privileged"] is True and "CapDrop" not in host and host["SecurityOpt"] == []


@pytest.mark.parametrize(("user", "owner"), [("65532", (65532, 65532)), ("7:8", (7, 8)), ("node", (0, 0))])
def test_files_belong_to_the_services_user(user: str, owner: tuple[int, int]) -> None:
    """A name that only the image knows cannot be given a file."""
    assert owner_of(web(user=user)) == owner


def test_a_replica_is_read_back_from_its_labels() -> None:
    """Runs that the engine began by itself are added."""
    assert read_replica(replica_labels(REPLICA), 0) == REPLICA
    assert read_replica(replica_labels(REPLICA), 2) == replace(REPLICA, run=5)


def said(status: str, code: int = 0, *, error: str = "", policy: str = "no", killed: bool = False) -> dict[str, Any]:
    """Returns what an engine says of a container."""
    return {
        "State": {
            "Status": status,
            "ExitCode": code,
            "Error": error,
            "Pid": 7,
            "OOMKilled": killed,
            "StartedAt": "2026-01-01T00:00:01.5Z" if status != "created" else "0001-01-01T00:00:00Z",
            "FinishedAt": "2026-01-01T00:00:03Z",
        },
        "Config": {"Labels": replica_labels(REPLICA)},
        "HostConfig": {"RestartPolicy": {"Name": policy}},
        "RestartCount": 0,
    }


@pytest.mark.parametrize(
    ("document", "state", "code", "asked", "reason"),
    [
        (said("running"), CellState.RUNNING, 0, False, ""),
        (said("restarting", 3), CellState.STARTING, 0, False, "ended with 3"),
        (said("created"), CellState.STARTING, 0, False, ""),
        (said("created", 127, error="no such file"), CellState.ENDED, 127, False, "no such file"),
        (said("created", error="no such file", policy="always"), CellState.ENDED, 127, False, "no such file"),
        (said("exited", 1), CellState.ENDED, 1, False, ""),
        (said("exited", 0, policy="always"), CellState.ENDED, 0, True, ""),
        (said("exited", 137, killed=True), CellState.ENDED, 137, False, "out of memory"),
    ],
)
def test_what_the_engine_says_is_read(
    document: dict[str, Any], state: CellState, code: int, asked: bool, reason: str
) -> None:
    """One that the engine would keep up and that is down was stopped by somebody; one it could not start has ended."""
    cell = read_cell(document)
    assert (cell.state, cell.code, cell.asked, cell.reason) == (state, code, asked, reason)


def test_times_are_read_to_the_fraction() -> None:
    """Zone and fraction as the engine writes them; never is 0."""
    assert moment("2026-01-01T00:00:01.5Z") == 1_767_225_601.5
    assert moment("2026-01-01T00:00:01Z") == 1_767_225_601.0
    assert moment("0001-01-01T00:00:00Z") == moment("soon") == 0.0


def test_addresses_are_from_the_upper_half_and_fronts_from_the_top() -> None:
    """Nobody gets an address that somebody has; a full network says so."""
    places = NetworkPlaces("198.18.0.0/28").including(["a", "b"])
    assert (places.front("a"), places.front("b")) == ("198.18.0.14", "198.18.0.13")
    taken: list[str] = []
    for _ in range(5):
        taken.append(places.replica("a", taken))
    assert taken == [f"198.18.0.{last}" for last in (8, 9, 10, 11, 12)]
    with pytest.raises(LimitExceeded):
        places.replica("a", taken)
    with pytest.raises(LimitExceeded):
        NetworkPlaces("198.18.0.0/28").including([f"s{number}" for number in range(5)])


def test_the_engine_is_the_one_that_the_docker_command_means(tmp_path: Path) -> None:
    """DOCKER_HOST, then the context, then the usual socket; another machine's is not carried yet."""
    assert engine_host({"HOME": str(tmp_path)}) == USUAL
    (tmp_path / ".docker/contexts/meta").mkdir(parents=True)
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "mine"}')
    with pytest.raises(EngineUnavailable, match="mine"):
        engine_host({"HOME": str(tmp_path)})
    folder = tmp_path / ".docker/contexts/meta" / Digest.of(b"mine").hex
    folder.mkdir()
    (folder / "meta.json").write_text('{"Endpoints": {"docker": {"Host": "unix:///mine.sock"}}}')
    assert engine_host({"HOME": str(tmp_path)}) == "unix:///mine.sock"
    assert engine_host({"HOME": str(tmp_path), "DOCKER_HOST": "unix:///own.sock"}) == "unix:///own.sock"
    assert socket_path("unix:///own.sock") == Path("/own.sock")
    with pytest.raises(NotYet):
        socket_path("ssh://shop.example")


def test_frames_are_cut_wherever_the_stream_was() -> None:
    """Every split of the bytes gives the same frames."""
    stream = b"\x01\0\0\0\0\0\0\x05hello" + b"\x02\0\0\0\0\0\0\x00" + b"\x02\0\0\0\0\0\0\x03bad"
    for size in range(1, len(stream) + 1):
        frames = Frames()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [each for piece in pieces for each in frames.feed(piece)] == [(1, b"hello"), (2, b""), (2, b"bad")]


def test_an_archive_holds_the_very_blobs(tmp_path: Path) -> None:
    """Config and layers are those of the store, so what runs has the digests that were signed."""
    (tmp_path / "file").write_text("x")
    blobs = MemoryBlobs()
    image = Stored.of(blobs, make_image(blobs, tmp_path))
    data = b"".join(docker_archive(blobs, image, ["a:b"]))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        held = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
    entry = json.loads(held["manifest.json"])[0]
    assert entry["RepoTags"] == ["a:b"]
    assert Digest.of(held[entry["Config"]]) == image.config
    assert [Digest.of(held[name]) for name in entry["Layers"]] == [digest for digest, _ in image.layers]


def test_files_are_put_in_with_owner_and_mode() -> None:
    """A folder is handed over without what is in it."""
    data = files_archive([File("/run/secrets/key", b"s", 7, 8, 0o400), File("/data", None, 9, 9, 0o755)])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        key, folder = archive.getmembers()
    assert (key.name, key.uid, key.gid, key.mode, key.size) == ("run/secrets/key", 7, 8, 0o400, 1)
    assert folder.isdir() and (folder.uid, folder.mode) == (9, 0o755)
