"""How a blob is sent to registries that are old, busy, forgetful, or that lie."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from seaway.errors import DigestMismatch, RegistryError
from seaway.http import Client
from seaway.image.layout import Layout
from seaway.image.model import Descriptor, Image
from seaway.image.reference import Reference
from seaway.image.registry import Registry
from seaway.image.transfer import push
from seaway.image.upload import How, Meter, Upload
from tests.fakes.registry import IDENTITY, TOKEN, FakeRegistry
from tests.fakes.web import Reply, serve

pytestmark = pytest.mark.rootless


def repository(memory: FakeRegistry, pauses: list[float] | None = None) -> Registry:
    """Returns the repository `app` for writing, by a client that does not wait."""
    client = Client(sleep=(pauses if pauses is not None else []).append)
    return Registry(Reference.parse(memory.name), client, writes=True)


def blob_in(store: Layout, size: int = 200 << 10) -> Descriptor:
    """Puts bytes that differ from block to block into a store."""
    data = b"".join(number.to_bytes(8, "big") for number in range(size // 8))
    return Descriptor("application/octet-stream", store.put(data), len(data))


def send(memory: FakeRegistry, store: Layout, blob: Descriptor, meter: Meter | None = None) -> How:
    """Sends a blob to `app`."""
    return Upload(repository(memory), blob, lambda: store.open(blob.digest), meter=meter).send()


def asked(memory: FakeRegistry, *methods: str) -> list[str]:
    """Returns the methods of the requests seen, of those named."""
    return [request.method for request in memory.web.seen if request.method in methods]


def test_a_small_blob_is_one_request(memory: FakeRegistry, store: Layout) -> None:
    """A place is asked for, and the bytes go there at once."""
    blob = blob_in(store)
    assert send(memory, store, blob) is How.SENT
    assert asked(memory, "POST", "PATCH", "PUT") == ["POST", "PUT"]
    assert memory.blobs[str(blob.digest)] == store.get(blob.digest)


@pytest.mark.usefixtures("in_chunks")
def test_a_large_blob_is_chunks_and_an_end(memory: FakeRegistry, store: Layout) -> None:
    """Each chunk says where it belongs, and the last request has no bytes."""
    blob = blob_in(store)
    send(memory, store, blob)
    sent = [request for request in memory.web.seen if request.method in ("PATCH", "PUT")]
    ranges = [request.headers.get("content-range") for request in sent]
    assert ranges == ["0-65535", "65536-131071", "131072-196607", "196608-204799", None]
    assert sent[-1].body == b""


@pytest.mark.usefixtures("in_chunks")
def test_a_registry_may_want_larger_chunks(memory: FakeRegistry, store: Layout) -> None:
    """The least size that it names is kept."""
    memory.least = 150 << 10
    send(memory, store, blob_in(store))
    assert asked(memory, "PATCH") == ["PATCH", "PATCH"]


@pytest.mark.usefixtures("in_chunks")
def test_a_registry_without_chunks_gets_one_request(memory: FakeRegistry, store: Layout) -> None:
    """Once it refuses a chunk, the blob goes whole."""
    memory.chunks = False
    blob = blob_in(store)
    send(memory, store, blob)
    assert asked(memory, "POST", "PATCH", "PUT") == ["POST", "PATCH", "POST", "PUT"]
    assert str(blob.digest) in memory.blobs


@pytest.mark.usefixtures("in_chunks")
def test_a_broken_chunk_goes_on_where_the_registry_is(memory: FakeRegistry, store: Layout) -> None:
    """Half of the first chunk came: the next one begins there, and no byte goes twice."""
    memory.cuts = 1
    blob = blob_in(store)
    counted: list[int] = []
    send(memory, store, blob, Meter(counted.append))
    ranges = [request.headers["content-range"] for request in memory.web.seen if request.method == "PATCH"]
    assert ranges[:2] == ["0-65535", "32768-98303"]
    assert memory.blobs[str(blob.digest)] == store.get(blob.digest)
    assert sum(counted) == blob.size


@pytest.mark.usefixtures("in_chunks")
def test_a_forgetful_registry_gets_the_blob_anew(memory: FakeRegistry, store: Layout) -> None:
    """Where it does not know how far the blob came, a new place is asked for."""
    memory.cuts, memory.forgetful = 1, True
    blob = blob_in(store)
    send(memory, store, blob)
    assert asked(memory, "POST") == ["POST", "POST"]
    assert str(blob.digest) in memory.blobs


def test_what_came_before_the_line_broke_is_not_sent_again(memory: FakeRegistry, store: Layout) -> None:
    """An acknowledgement that was lost is found by asking."""
    blob = blob_in(store)
    real = memory.answer
    lost: list[Reply] = []

    def answer(request: object) -> Reply:
        reply = real(request)  # type: ignore[arg-type]
        if reply.status == 201 and not lost:
            lost.append(reply)
            return Reply(cut=-1)
        return reply

    with serve(answer) as front:
        memory.web = front
        assert send(memory, store, blob) is How.SENT
    assert asked(memory, "PUT") == ["PUT"]


def test_a_line_that_always_breaks_is_an_error(memory: FakeRegistry, store: Layout) -> None:
    """It says what to do, and the registry has nothing."""
    memory.cuts = 1000
    blob = blob_in(store)
    with pytest.raises(RegistryError) as refused:
        send(memory, store, blob)
    assert refused.value.hint == (
        "check the network and the proxy settings, then run the same command again: it continues"
    )
    assert str(blob.digest) not in memory.blobs


@pytest.mark.usefixtures("in_chunks")
def test_a_registry_that_never_moves_is_left(memory: FakeRegistry, store: Layout) -> None:
    """Chunks that are taken and never there end after some."""
    blob = blob_in(store)
    real = memory.answer

    def answer(request: object) -> Reply:
        if getattr(request, "method", "") == "PATCH":
            return Reply(202, headers={"Range": "0-0"})
        return real(request)  # type: ignore[arg-type]

    with serve(answer) as front:
        memory.web = front
        with pytest.raises(RegistryError, match="led nowhere 5 times"):
            send(memory, store, blob)


def test_a_busy_registry_is_waited_for(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """The pause that it asks for is kept."""
    memory.busy = 2
    pauses: list[float] = []
    push(repository(memory, pauses), image.digest, store)
    assert pauses == [3.0, 3.0]
    assert str(image.digest) in memory.manifests


@pytest.mark.parametrize("wrong", ["sha256:" + "0" * 64, "nonsense"])
def test_an_acknowledgement_of_other_bytes_is_a_lie(
    memory: FakeRegistry, store: Layout, image: Image, wrong: str
) -> None:
    """A registry that took something else than was sent is not believed."""
    memory.acknowledges = wrong
    with pytest.raises(DigestMismatch, match="the registry took"):
        push(repository(memory), image.digest, store)
    assert str(image.digest) not in memory.manifests


def test_a_mount_that_is_only_said_is_found_out(memory: FakeRegistry, store: Layout) -> None:
    """A 201 without the blob becomes an upload."""
    blob = blob_in(store)
    real = memory.answer

    def answer(request: object) -> Reply:
        return Reply(201) if "mount=" in getattr(request, "path", "") else real(request)  # type: ignore[arg-type]

    with serve(answer) as front:
        memory.web = front
        how = Upload(repository(memory), blob, lambda: store.open(blob.digest)).send("base")
    assert how is How.SENT
    assert str(blob.digest) in memory.blobs


def test_a_blob_that_the_registry_lost_is_sent_again(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """A yes that no longer holds when the manifest comes is forgotten, and the push succeeds."""
    push(repository(memory), image.digest, store)
    del memory.manifests[str(image.digest)]
    memory.loses = {str(image.layers[0].descriptor.digest)}
    assert push(repository(memory), image.digest, store).blobs[How.SENT] == 1
    assert str(image.digest) in memory.manifests


def test_a_manifest_is_never_there_before_its_parts(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """A push that fails at a layer has named nothing."""
    real = memory.answer

    def answer(request: object) -> Reply:
        refuses = getattr(request, "method", "") == "PUT" and "/blobs/" in getattr(request, "path", "")
        return Reply(403, b'{"errors":[{"code":"DENIED"}]}') if refuses else real(request)  # type: ignore[arg-type]

    with serve(answer) as front:
        memory.web = front
        with pytest.raises(RegistryError, match="403: DENIED") as refused:
            push(repository(memory), image.digest, store)
    assert refused.value.hint == "log in to the registry with docker login or podman login"
    assert memory.manifests == {}


def test_bytes_sent_elsewhere_take_no_token_along(memory: FakeRegistry, store: Layout) -> None:
    """A store for uploads on another host sees the bytes and no Authorization."""
    memory.needs_token = True
    blob = blob_in(store)
    taken: list[bytes] = []
    with serve(lambda request: taken.append(request.body) or Reply(201)) as elsewhere:  # type: ignore[func-returns-value]
        memory.elsewhere = elsewhere.url
        send(memory, store, blob)
        assert taken == [store.get(blob.digest)]
        assert "authorization" not in elsewhere.seen[0].headers


@pytest.mark.parametrize("place", ["http://169.254.169.254", "http://10.0.0.1", "ftp://127.0.0.1"])
def test_bytes_are_not_sent_into_another_network(memory: FakeRegistry, store: Layout, place: str) -> None:
    """A registry cannot make us write to the metadata service."""
    memory.elsewhere = place
    with pytest.raises(RegistryError, match="the place to send to is refused"):
        send(memory, store, blob_in(store))


def login(host: str, entry: dict[str, str]) -> None:
    """Writes a Docker configuration for a host."""
    path = Path.home() / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {host: entry}}))


def test_a_push_asks_for_the_right_to_push(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """One token for reading and writing here, one more for the repository mounted from."""
    memory.needs_token = True
    login(memory.web.host, {"auth": base64.b64encode(b"me:word").decode()})
    origins = {image.layers[0].descriptor.digest: "base"}
    push(repository(memory), image.digest, store, origins=origins)
    scopes = {request.path.partition("?")[2] for request in memory.web.seen if request.path.startswith("/token")}
    here = "service=fake&scope=repository%3Aapp%3Apull%2Cpush"
    assert scopes == {here, f"{here}&scope=repository%3Abase%3Apull"}
    assert all(
        request.headers["authorization"] == f"Bearer {TOKEN}" for request in memory.web.seen if request.method == "PUT"
    )


def test_an_identity_token_is_exchanged(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """It goes to the token realm alone, in a form, and the access token to the registry."""
    memory.needs_token = True
    login(memory.web.host, {"identitytoken": IDENTITY})
    push(repository(memory), image.digest, store)
    exchanges = [request for request in memory.web.seen if request.path.startswith("/token")]
    assert {request.method for request in exchanges} == {"POST"}
    assert b"scope=repository%3Aapp%3Apull%2Cpush" in exchanges[0].body
    shown = [request for request in memory.web.seen if IDENTITY in str(request.headers) + request.path]
    assert shown == []
    assert str(image.digest) in memory.manifests


def test_a_wrong_identity_token_is_an_error(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """What the realm refuses is said, with a hint."""
    memory.needs_token = True
    login(memory.web.host, {"identitytoken": "old"})
    with pytest.raises(RegistryError, match="no token was given, status 401") as refused:
        push(repository(memory), image.digest, store)
    assert refused.value.hint == "log in to the registry with docker login or podman login"


def test_a_challenge_from_elsewhere_gets_nothing() -> None:
    """A host that a registry redirects to cannot ask for the registry's password."""
    challenge = {"WWW-Authenticate": 'Basic realm="registry"'}
    with (
        serve(lambda request: Reply(401, headers=challenge)) as thief,
        serve(lambda request: Reply(307, headers={"Location": f"{thief.url}/x"})) as front,
    ):
        login(front.host, {"auth": base64.b64encode(b"me:word").decode()})
        with pytest.raises(RegistryError, match="answered 401"):
            Registry(Reference.parse(f"{front.host}/app"), Client()).read_manifest("one")
        assert [("authorization" in one.headers) for one in (*thief.seen, *front.seen)] == [False, False]


def test_a_password_that_is_wrong_is_asked_once(memory: FakeRegistry) -> None:
    """A registry that goes on refusing is not asked for ever."""
    with serve(lambda request: Reply(401, headers={"WWW-Authenticate": 'Basic realm="registry"'})) as front:
        login(front.host, {"auth": base64.b64encode(b"me:word").decode()})
        with pytest.raises(RegistryError, match="answered 401"):
            Registry(Reference.parse(f"{front.host}/app"), Client()).read_manifest("one")
        assert len(front.seen) == 2


def test_a_password_is_sent_where_the_registry_asks_for_one(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """Basic, as small registries behind a proxy want it."""
    real = memory.answer
    wanted = "Basic " + base64.b64encode(b"me:word").decode()

    def answer(request: object) -> Reply:
        if getattr(request, "headers", {}).get("authorization") != wanted:
            return Reply(401, b"{}", {"WWW-Authenticate": 'Basic realm="registry"'})
        return real(request)  # type: ignore[arg-type]

    with serve(answer) as front:
        memory.web = front
        login(front.host, {"auth": base64.b64encode(b"me:word").decode()})
        push(repository(memory), image.digest, store)
    assert str(image.digest) in memory.manifests


def test_progress_is_bytes(memory: FakeRegistry, store: Layout, image: Image) -> None:
    """What is expected is what goes, and a second push expects nothing."""

    class Watch:
        def __init__(self) -> None:
            self.expected = self.advanced = 0

        def expect(self, size: int) -> None:
            self.expected += size

        def advance(self, size: int) -> None:
            self.advanced += size

    first, second = Watch(), Watch()
    pushed = push(repository(memory), image.digest, store, watch=first)
    push(repository(memory), image.digest, store, watch=second)
    assert (first.expected, first.advanced) == (pushed.sent, pushed.sent)
    assert (second.expected, second.advanced) == (0, 0)


def test_a_stopped_meter_ends_an_upload(memory: FakeRegistry, store: Layout) -> None:
    """The first failure of several transfers ends the others at their next block."""
    meter = Meter()
    meter.stop()
    blob = blob_in(store)
    with pytest.raises(RegistryError, match="stopped"):
        send(memory, store, blob, meter)
    assert memory.blobs == {}
