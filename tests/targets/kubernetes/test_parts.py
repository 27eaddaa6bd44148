"""The small parts of the cluster target: frames, credentials, reasons, shares, grants, rights."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import ClusterRefused, ClusterUnreachable, NameUnknown
from seaway.targets.kubernetes import facts, grants
from seaway.targets.kubernetes.cluster import Kind
from seaway.targets.kubernetes.execution import exit_code
from seaway.targets.kubernetes.kubeconfig import find_access
from seaway.targets.kubernetes.rights import RULES
from seaway.targets.kubernetes.websocket import BINARY, Broken, accepts, frame, read_frame, upgrade

pytestmark = pytest.mark.rootless

TODAY = date(2026, 6, 1)


def reader(data: bytes) -> Any:
    """Returns what reads exactly so many bytes of `data`."""
    left = bytearray(data)

    def read(size: int) -> bytes:
        taken, left[:size] = bytes(left[:size]), b""
        return taken

    return read


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300) | st.integers(65_530, 65_540).map(bytes), st.binary(min_size=4, max_size=4))
def test_a_frame_is_what_was_said_under_its_mask(payload: bytes, mask: bytes) -> None:
    """Unmasked, a client's frame is the server's, whatever its size."""
    sent = frame(BINARY, payload, mask)
    at = sent.index(mask, 2) if payload else len(sent) - 4
    length = sent[1] & 0x7F
    head = 2 if length < 126 else 4 if length == 126 else 10
    body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(sent[head + 4 :]))
    found = read_frame(reader(bytes([sent[0], length]) + sent[2:head] + body))
    assert (found.opcode, found.payload) == (BINARY, payload) and at >= 2


def test_a_masked_frame_of_a_server_is_refused() -> None:
    """RFC 6455, section 5.1."""
    with pytest.raises(Broken):
        read_frame(reader(frame(BINARY, b"x", b"1234")))


def test_the_handshake_is_that_of_the_standard() -> None:
    """The key and answer of RFC 6455, section 1.3."""
    key, answer = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    head = f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {answer}".encode()
    assert accepts(head, key) and not accepts(head.replace(b"s3p", b"S3p"), key)
    assert not accepts(head.replace(b"101", b"200"), key)
    assert b"Sec-WebSocket-Key: " + key.encode() in upgrade("h", "/", key, ("p",), {})


def test_a_commands_end_is_its_exit_code() -> None:
    """Success is 0; what never began is an error and no code."""
    failed = {"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}}
    assert exit_code({"status": "Success"}) == 0 and exit_code(failed) == 7
    with pytest.raises(ClusterRefused, match="no such file"):
        exit_code({"status": "Failure", "message": "no such file"})


# -- the way in ------------------------------------------------------------------------------------------------------


def written(tmp_path: Path, user: Mapping[str, object], **cluster: object) -> dict[str, str]:
    """Writes a kubeconfig and returns the environment that names it."""
    document = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443/", **cluster}}],
        "users": [{"name": "u", "user": dict(user)}],
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(document))
    return {"KUBECONFIG": f"{tmp_path / 'none'}:{file}"}


def test_a_token_stands_in_the_file_or_beside_it(tmp_path: Path) -> None:
    """And is read again each time: it is renewed there."""
    access = find_access("current", written(tmp_path, {"token": "t"}))
    assert access.server == "https://api.example:6443" and access.headers(0.0) == {"Authorization": "Bearer t"}
    (tmp_path / "t").write_text("first\n")
    access = find_access("one", written(tmp_path, {"tokenFile": "t"}))
    (tmp_path / "t").write_text("second\n")
    assert access.headers(0.0) == {"Authorization": "Bearer second"}


def test_a_plugin_is_asked_once_until_its_token_ends(tmp_path: Path) -> None:
    """client.authentication.k8s.io: the token is kept in memory."""
    script = tmp_path / "plugin.py"
    script.write_text(
        "import json, pathlib\n"
        f"file = pathlib.Path({str(tmp_path / 'asked')!r})\n"
        "file.write_text((file.read_text() if file.exists() else '') + 'x')\n"
        "print(json.dumps({'status': {'token': file.read_text(), 'expirationTimestamp': '2026-01-01T00:10:00Z'}}))\n"
    )
    access = find_access("one", written(tmp_path, {"exec": {"command": sys.executable, "args": [str(script)]}}))
    start = 1_767_225_600.0
    assert [access.headers(start + at)["Authorization"] for at in (0, 60, 590)] == ["Bearer x", "Bearer x", "Bearer xx"]


def test_a_plugin_that_fails_says_so(tmp_path: Path) -> None:
    """With its own last word."""
    user = {"exec": {"command": sys.executable, "args": ["-c", "raise SystemExit('log in first')"]}}
    with pytest.raises(ClusterUnreachable, match="log in first"):
        find_access("one", written(tmp_path, user)).headers(0.0)


def test_an_unknown_context_names_those_there_are(tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(NameUnknown) as caught:
        find_access("two", written(tmp_path, {"token": "t"}))
    assert "one" in str(caught.value.hint)


def test_a_server_that_anybody_could_be_is_refused(tmp_path: Path) -> None:
    """A certificate that is not checked protects nothing."""
    with pytest.raises(ClusterUnreachable, match="any server"):
        find_access("one", written(tmp_path, {"token": "t"}, **{"insecure-skip-tls-verify": True}))


def test_an_address_is_that_of_its_kind() -> None:
    """Groups, plurals, and kinds without a namespace."""
    assert Kind("v1", "Pod").path("shop", "a") == "/api/v1/namespaces/shop/pods/a"
    assert Kind("networking.k8s.io/v1", "NetworkPolicy").path("shop").endswith("/shop/networkpolicies")
    assert Kind("v1", "Namespace").path("x", "shop") == "/api/v1/namespaces/shop"


# -- what is seen ----------------------------------------------------------------------------------------------------


def waiting(reason: str, message: str = "", **more: object) -> dict[str, object]:
    """Returns the status of a pod whose container waits."""
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}, **more}]}


CRASHED = {"lastState": {"terminated": {"exitCode": 3}}}
UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
KILLED = {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (waiting("ImagePullBackOff", "no x"), "ImagePullBackOff: no x"),
        (waiting("CrashLoopBackOff", "back-off", **CRASHED), "CrashLoopBackOff: ended with 3"),
        (waiting("ContainerCreating"), ""),
        ({"conditions": [UNPLACED]}, "Unschedulable: 0/1 nodes"),
        ({"containerStatuses": [KILLED]}, "OOMKilled: ended with 137"),
    ],
)
def test_a_pod_says_why_it_does_not_run(status: dict[str, object], says: str) -> None:
    """The reason that helps, not the first word there is."""
    assert facts.reason_of({"metadata": {}, "status": status}) == says


def test_a_share_is_that_of_the_endpoints_that_are_ready() -> None:
    """A pod that is in two slices counts once, one that is not ready not at all."""
    ready = {"conditions": {"ready": True}}
    first = {
        "endpoints": [
            {**ready, "targetRef": {"name": "a"}},
            {"conditions": {"ready": False}, "targetRef": {"name": "c"}},
        ]
    }
    second = {"endpoints": [{**ready, "targetRef": {"name": "a"}}, {**ready, "targetRef": {"name": "b"}}]}
    assert facts.endpoint_shares([first, second], {"a": "v1", "b": "v2", "c": "v2"}) == {"v1": 50.0, "v2": 50.0}


@pytest.mark.parametrize(
    ("seen", "status", "found"), [(3, "True", {"v1": 60.0, "v2": 40.0}), (2, "True", None), (3, "False", None)]
)
def test_a_routes_weights_count_once_the_gateway_accepted_them(seen: int, status: str, found: object) -> None:
    """What it accepted before, or refuses, is not what requests follow."""
    backends = [{"name": "api-v1", "weight": 60}, {"name": "api-v2", "weight": 40}]
    held = [{"type": kind, "status": status, "observedGeneration": seen} for kind in ("Accepted", "ResolvedRefs")]
    route = {
        "metadata": {"generation": 3},
        "spec": {"rules": [{"backendRefs": backends}]},
        "status": {"parents": [{"conditions": held}]},
    }
    assert facts.route_shares(route, {"api-v1": "v1", "api-v2": "v2"}) == found


# -- grants and rights -----------------------------------------------------------------------------------------------


def test_a_grant_in_use_stays_whatever_its_end() -> None:
    """Its end blocks promotions; it is never an outage. What nobody uses goes a week after."""
    found = {"a": "1 2026-01-01", "b": "2 2026-01-01", "c": "3 2026-05-28", "d": "nonsense"}
    assert set(grants.kept(found, {"a"}, TODAY)) == {"a", "c"}
    assert grants.grant_of(4, TODAY) == "4 2026-08-30"


def test_every_image_that_an_object_names_is_found() -> None:
    """Also those of init containers and of templates; a tag is none."""
    one, two = "a" * 64, "b" * 64
    spec = {
        "containers": [{"image": f"r/x@sha256:{one}"}, {"image": "r/x:1"}],
        "initContainers": [{"image": f"r@sha256:{two}"}],
    }
    assert set(grants.images_in({"spec": {"template": {"spec": spec}}})) == {f"sha256-{one}", f"sha256-{two}"}


def test_an_agent_reads_no_secret_and_touches_no_role() -> None:
    """Nor may it delete a claim."""
    every = {(resource, verb) for _, resources, verbs in RULES for resource in resources for verb in verbs}
    assert not {resource for resource, _ in every} & {"secrets", "roles", "rolebindings", "namespaces"}
    assert ("persistentvolumeclaims", "delete") not in every
