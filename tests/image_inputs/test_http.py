"""The HTTP client: what is retried, what is capped, and where secrets never go."""

from __future__ import annotations

import contextlib
import itertools
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.web import Reply, Request, serve

from seaway.digest import Digest
from seaway.errors import DigestMismatch, RegistryError, SourceError, StoreError
from seaway.http import Client, GuardRefused, guard, guard_realm, shown

pytestmark = pytest.mark.rootless


def answers(*replies: Reply) -> Callable[[Request], Reply]:
    """Returns a handler that gives the replies in turn and repeats the last."""
    left: Iterator[Reply] = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda request: next(left)


def client(pauses: list[float] | None = None) -> Client:
    """Returns a client that does not wait."""
    return Client(sleep=(pauses if pauses is not None else []).append)


def test_an_answer_is_read_whole() -> None:
    """Status, headers in lower case and body come back."""
    with serve(answers(Reply(404, b"gone", {"X-Name": "v"}))) as web:
        answer = client().get(f"{web.url}/a")
    assert (answer.status, answer.body, answer.headers["x-name"]) == (404, b"gone", "v")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    """A status that may pass is retried until it does."""
    with serve(answers(Reply(status), Reply(status), Reply(200, b"ok"))) as web:
        assert client().get(web.url).body == b"ok"
    assert len(web.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
def test_other_answers_are_never_tried_again(status: int) -> None:
    """A refusal is an answer."""
    with serve(answers(Reply(status))) as web:
        assert client().get(web.url).status == status
    assert len(web.seen) == 1


def test_five_tries_are_all() -> None:
    """After five tries the caller's own error is raised."""
    with serve(answers(Reply(503))) as web, pytest.raises(SourceError, match="failed 5 times, last with: status 503"):
        Client(error=SourceError, sleep=lambda pause: None).get(web.url)
    assert len(web.seen) == 5


def test_retry_after_is_honoured() -> None:
    """The server's own pause is kept, but never more than a minute."""
    pauses: list[float] = []
    with serve(
        answers(Reply(429, headers={"Retry-After": "7"}), Reply(503, headers={"Retry-After": "9999"}), Reply())
    ) as web:
        client(pauses).get(web.url)
    assert pauses == [7.0, 60.0]


def test_pauses_grow() -> None:
    """Without a word from the server pauses grow with jitter."""
    pauses: list[float] = []
    with serve(answers(Reply(500), Reply(500), Reply(500), Reply(500), Reply())) as web:
        client(pauses).get(web.url)
    assert all(0.1 * 2**n <= pause <= 0.3 * 2**n for n, pause in enumerate(pauses))
    assert len(pauses) == 4


def test_a_broken_connection_is_tried_again() -> None:
    """A body that ends too early is no answer."""
    with serve(answers(Reply(200, b"0123456789", cut=4), Reply(200, b"0123456789"))) as web:
        assert client().get(web.url).body == b"0123456789"


def test_nobody_listening_is_an_error_with_a_hint() -> None:
    """A refused connection names the place and what to do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RegistryError) as refused:
        client().get(f"http://user:secret@127.0.0.1:{port}/a?token=secret")
    assert refused.value.where == f"http://127.0.0.1:{port}/a"
    assert "secret" not in str(refused.value)


def test_an_answer_has_a_cap() -> None:
    """A larger body than asked for is refused."""
    with serve(answers(Reply(200, b"x" * 11))) as web:
        assert len(client().get(web.url, limit=11).body) == 11
        with pytest.raises(RegistryError, match="larger than 10 bytes"):
            client().get(web.url, limit=10)


def test_a_redirect_is_followed_and_keeps_secrets_at_home() -> None:
    """Authorization goes along on the same host, and not to another one."""
    with serve(answers(Reply(200, b"there"))) as there:
        moved = {"/same": "/end", "/other": f"{there.url}/end"}
        with serve(lambda r: Reply(302, headers={"Location": moved[r.path]}) if r.path in moved else Reply()) as here:
            headers = {"Authorization": "Bearer x", "Cookie": "c=1", "X-Kept": "1"}
            client().get(f"{here.url}/same", headers=headers)
            assert here.seen[-1].headers["authorization"] == "Bearer x"
            assert client().get(f"{here.url}/other", headers=headers).body == b"there"
    assert not {"authorization", "cookie"} & there.seen[-1].headers.keys()
    assert there.seen[-1].headers["x-kept"] == "1"


def test_redirects_in_a_circle_end() -> None:
    """Five redirects are followed, not more."""
    with (
        serve(answers(Reply(302, headers={"Location": "/again"}))) as web,
        pytest.raises(RegistryError, match="redirects"),
    ):
        client().get(web.url)
    assert len(web.seen) == 6


def test_a_post_is_not_redirected() -> None:
    """What changes something is never sent to another place."""
    with serve(answers(Reply(307, headers={"Location": "/other"}))) as web:
        assert client().request("POST", web.url, body=b"x").status == 307


def test_a_body_is_sent_anew_for_each_try() -> None:
    """A stream of blocks is made again after a failure."""
    with serve(answers(Reply(503), Reply(201))) as web:
        client().request("PUT", web.url, body=lambda: iter([b"one", b"two"]), headers={"Content-Length": "6"})
    assert [request.body for request in web.seen] == [b"onetwo", b"onetwo"]


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[fe80::1]/", "ftp://127.0.0.1/"]
)
def test_a_redirect_into_another_kind_of_network_is_refused(target: str) -> None:
    """A server on loopback may not send us to the metadata service or into a private network."""
    with serve(answers(Reply(302, headers={"Location": target}))) as web, pytest.raises(RegistryError, match="refused"):
        client().get(web.url)
    assert len(web.seen) == 1


def test_a_public_origin_may_not_lead_to_loopback() -> None:
    """A public address may lead to public ones only; private may lead to private."""
    with pytest.raises(GuardRefused, match="loopback"):
        guard("http://127.0.0.1/", origin="https://8.8.8.8/")
    with pytest.raises(GuardRefused, match="loopback"):
        guard("http://[::ffff:127.0.0.1]/", origin="https://10.0.0.1/")
    guard("https://1.1.1.1/", origin="https://8.8.8.8/")
    guard("https://10.0.0.2/", origin="https://10.0.0.1/")


def test_token_realm_is_checked() -> None:
    """Credentials go to https, or to plain http where the registry itself is plain loopback."""
    guard_realm("https://8.8.4.4/token", registry="https://8.8.8.8")
    guard_realm("http://127.0.0.1:5/token", registry="http://127.0.0.1:5000")
    for realm, registry in [
        ("http://8.8.4.4/token", "https://8.8.8.8"),
        ("https://127.0.0.1/token", "https://8.8.8.8"),
        ("http://127.0.0.1/token", "https://127.0.0.1"),
        ("https://169.254.169.254/", "http://127.0.0.1:5000"),
    ]:
        with pytest.raises(GuardRefused):
            guard_realm(realm, registry=registry)


def test_loopback_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not asked for this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serve(answers(Reply(200, b"direct"))) as web:
        assert client().get(web.url).body == b"direct"


def test_a_proxy_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not loopback goes through the proxy."""
    with serve(answers(Reply(200, b"by proxy"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert client().get("http://registry.example/x").body == b"by proxy"
    assert proxy.seen[0].path == "http://registry.example/x"


def test_a_download_resumes_where_it_broke(tmp_path: Path) -> None:
    """The second try asks for the rest only."""
    data = bytes(range(256)) * 8192

    def answer(request: Request) -> Reply:
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        if start:
            return Reply(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})
        return Reply(200, data, cut=len(data) * 3 // 4)

    with serve(answer) as web:
        assert client().download(web.url, tmp_path / "f", digest=Digest.of(data)) == Digest.of(data)
    assert int(web.seen[1].headers["range"][6:-1]) >= 1 << 20
    assert (tmp_path / "f").read_bytes() == data


@pytest.mark.parametrize(
    "second", [Reply(200, b"0123456789"), Reply(416), Reply(206, b"789", {"Content-Range": "bytes 7-9/10"})]
)
def test_a_range_that_is_ignored_or_wrong_starts_over(tmp_path: Path, second: Reply) -> None:
    """Whatever the server does with a range, the file is right."""
    with serve(answers(Reply(200, b"0123456789", cut=5), second, Reply(200, b"0123456789"))) as web:
        client().download(web.url, tmp_path / "f", digest=Digest.of(b"0123456789"))
    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_wrong_bytes_leave_nothing(tmp_path: Path) -> None:
    """Another digest is refused and the bytes are gone."""
    with serve(answers(Reply(200, b"bad"))) as web, pytest.raises(DigestMismatch, match="expected sha256:"):
        client().download(web.url, tmp_path / "f", digest=Digest.of(b"good"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("reply", "says"), [(Reply(404), "GET answered 404"), (Reply(200, b"x" * 99), "larger than 9 bytes")]
)
def test_a_download_that_fails_leaves_nothing(tmp_path: Path, reply: Reply, says: str) -> None:
    """A refusal and a file that is too large leave no file."""
    with serve(answers(reply)) as web, pytest.raises(RegistryError, match=says):
        client().download(web.url, tmp_path / "f", limit=9)
    assert list(tmp_path.iterdir()) == []


def test_what_is_shown_holds_no_secret() -> None:
    """Users, passwords, queries and fragments are left out."""
    assert shown("https://u:p@registry.example:5000/v2/x?sig=1#f") == "https://registry.example:5000/v2/x"


def test_a_full_disk_is_a_store_error(tmp_path: Path) -> None:
    """A place that cannot be written is named, and nothing is left."""
    (tmp_path / "file").write_text("")
    with serve(answers(Reply(200, b"x"))) as web, pytest.raises(StoreError, match="cannot be written"):
        client().download(web.url, tmp_path / "file" / "below")
    with serve(answers(Reply(200, bytes(1 << 20)))) as web, pytest.raises(StoreError, match="File too large"):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
        try:
            client().download(web.url, tmp_path / "f")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_caller_may_wait_less_than_usual() -> None:
    """A server that accepts and says nothing costs the caller its own time out, not a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(RegistryError):
            Client(tries=1, timeout=0.2).get(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert time.monotonic() - began < 5.0


def test_a_document_that_drips_costs_no_more_than_one_that_is_silent() -> None:
    """A byte now and then keeps each read going; the whole body has the same time."""

    def drip(door: socket.socket) -> None:
        connection, _ = door.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                connection.sendall(b".")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=drip, args=(door,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(SourceError, match=r"did not end in 0\.3 s"):
            Client(error=SourceError, tries=1, timeout=0.3).get(f"http://127.0.0.1:{door.getsockname()[1]}/")
    assert time.monotonic() - began < 3.0
