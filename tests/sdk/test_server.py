"""The telemetry port, spoken to over a real socket."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest
from tests.sdk.asgi import VERSION

from seaway_sdk import conventions as names
from seaway_sdk import token
from seaway_sdk.identity import Identity
from seaway_sdk.recorder import Recorder
from seaway_sdk.server import Speaker

pytestmark = pytest.mark.rootless


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    """A port of its own on the loopback."""
    references = {"encoder": {"kind": "model", "digest": "sha256:" + "a" * 64}, "faq": {"kind": "data", "digest": "d"}}
    one = Speaker(
        Recorder(Identity(version=VERSION, replica="pod-1", references=references, image='sha256:"\n\\', port=0))
    )
    one.start()
    yield one
    one.close()


def call(
    speaker: Speaker, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request by the standard library's client."""
    connection = http.client.HTTPConnection(*speaker.address(), timeout=5)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def raw(speaker: Speaker, sent: bytes) -> bytes:
    """Bytes out, bytes back until the other side closes."""
    with socket.create_connection(speaker.address(), 5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while block := connection.recv(65_536):
            found += block
        return found


def labelled(trace: int, passed: bool) -> bytes:
    """A label for a fresh token without a key."""
    made = token.make(int(time.time() // 60), bytes.fromhex(VERSION), trace.to_bytes(16, "big"))
    return json.dumps({"request": made, "name": "helpful", "passed": passed}).encode() + b"\n"


def test_counts_are_integers_since_an_epoch(speaker: Speaker) -> None:
    """The document the judge reads."""
    speaker.recorder.state.shard().request(("GET", "/", 200, False), 250_000_000)
    speaker.recorder.state.shard().request(("GET", "/", 500, False), 250_000_001)
    status, headers, body = call(speaker, "GET", names.COUNTS_PATH)
    said = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert (said["version"], said["replica"]) == (VERSION, "pod-1")
    assert said["counts"] == {"errors": {"": [2, 1]}}
    assert said["cells"] == {"latency": {"": {"-16": 1, "-15": 1}}}
    assert said["load"] == {"counts": {"errors": {"": [0, 0]}}, "cells": {"latency": {"": {}}}}
    assert said["epoch"] <= said["at"] <= time.time() * 1e6


def test_labels_arrive_apart_for_load(speaker: Speaker) -> None:
    """What `seaway load` says of its own requests is not a user's word."""
    assert call(speaker, "POST", names.LABELS_PATH, labelled(1, False))[0] == 204
    assert call(speaker, "POST", names.LABELS_PATH, labelled(2, True), x_seaway_load="1")[0] == 204
    said = json.loads(call(speaker, "GET", names.COUNTS_PATH)[2])
    assert said["counts"]["helpful"] == {"": [1, 1]}
    assert said["load"]["counts"]["helpful"] == {"": [1, 0]}


def test_a_refused_label_is_told(speaker: Speaker) -> None:
    """The sender learns how many of its labels did not count."""
    call(speaker, "POST", names.LABELS_PATH, labelled(1, True))
    status, headers, _ = call(speaker, "POST", names.LABELS_PATH, labelled(1, True))
    assert (status, headers[names.REFUSED_HEADER]) == (204, "1")


def test_a_body_that_is_no_labels_is_400_with_the_line(speaker: Speaker) -> None:
    """Bad input is told where it is bad."""
    status, _, body = call(speaker, "POST", names.LABELS_PATH, labelled(1, True) + b"nonsense")
    assert status == 400
    assert b"line 2" in body


def test_the_text_is_prometheus(speaker: Speaker) -> None:
    """Cumulative buckets, escaped labels, model identity."""
    speaker.recorder.state.shard().request(("GET", "/ask", 200, False), 6_000_000)
    speaker.recorder.evaluate("schema_valid", False)
    _, headers, body = call(speaker, "GET", names.METRICS_PATH)
    text = body.decode()
    labels = 'http_request_method="GET",http_route="/ask",http_response_status_code="200"'
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f'{names.DURATION}_bucket{{{labels},le="0.005"}} 0\n' in text
    assert f'{names.DURATION}_bucket{{{labels},le="0.01"}} 1\n' in text
    assert f'{names.DURATION}_bucket{{{labels},le="+Inf"}} 1\n' in text
    assert f"{names.DURATION}_sum{{{labels}}} 0.006\n" in text
    assert f'{names.EVALUATION}{{name="schema_valid",result="failed",load="false"}} 1\n' in text
    assert f'model="encoder@sha256:{"a" * 64}",data="faq@d"' in text
    assert r'image="sha256:\"\n\\"' in text


def test_health_answers(speaker: Speaker) -> None:
    """The port is alive."""
    assert call(speaker, "GET", names.HEALTH_PATH)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("POST", "/metrics", 405), ("GET", "/-/labels", 405), ("GET", "/-/countsx", 404)],
)
def test_other_requests_are_refused(speaker: Speaker, method: str, path: str, status: int) -> None:
    """No other path, no other method."""
    assert call(speaker, method, path)[0] == status


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", b"400"),
        (b"POST /-/labels HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", b"413"),
        (b"POST /-/labels HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"400"),
        (b"POST /-/labels HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"", b""),
    ],
)
def test_what_is_no_request_is_refused_and_the_port_lives_on(speaker: Speaker, sent: bytes, answer: bytes) -> None:
    """Hostile bytes get a status or silence."""
    assert raw(speaker, sent)[9:12] == answer
    assert call(speaker, "GET", names.HEALTH_PATH)[0] == 200


def test_a_connection_is_kept(speaker: Speaker) -> None:
    """Two requests on one connection."""
    one = b"GET /-/health HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /-/health HTTP/1.1\r\nconnection: close\r\n\r\n"
    assert raw(speaker, one + last).count(b"200 OK") == 2


def test_head_has_no_body(speaker: Speaker) -> None:
    """HEAD is GET without the bytes."""
    found = raw(speaker, b"HEAD /-/health HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert found.endswith(b"\r\n\r\n")
    assert b"content-length: 3" in found


def test_a_port_in_use_is_counted_and_taken_later() -> None:
    """A second process waits for the first one's end."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = Recorder(Identity(version=VERSION, replica="pod-2", port=taken.getsockname()[1]))
        waiting = Speaker(own)
        waiting.start()
        with pytest.raises(TimeoutError):
            waiting.address(patience=0.3)
    assert waiting.address(patience=5)[1] == own.identity.port
    assert own.state.total().dropped["telemetry_port"] >= 1
    waiting.close()
