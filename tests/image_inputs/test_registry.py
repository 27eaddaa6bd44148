"""Images from a registry: verified, resumed, and with credentials that stay with their host."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.registry import TOKEN, FakeRegistry, fake_registry
from tests.fakes.web import Reply, serve
from tests.image_inputs.builders import put_image, put_layer, text

from seaway.digest import Digest
from seaway.errors import BaseError, DigestMismatch, RegistryError, ToolMissing
from seaway.http import Client
from seaway.image.credentials import find_credentials
from seaway.image.layout import Layout
from seaway.image.model import Image, Platform
from seaway.image.reference import Reference
from seaway.image.transfer import pull

pytestmark = pytest.mark.rootless


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """Returns a running registry."""
    with fake_registry() as running:
        yield running


@pytest.fixture
def image(registry: FakeRegistry, tmp_path: Path) -> Image:
    """Returns an image that the registry holds under the tag `one`."""
    source = Layout(tmp_path / "source")
    layers = [put_layer(source, text("a", os.urandom(1 << 20))), put_layer(source, text("b", "2"))]
    made = put_image(source, *layers)
    registry.take(source, made, "one")
    return made


def pulled(registry: FakeRegistry, store: Layout, name: str = ":one", platform: Platform | None = None) -> Digest:
    """Pulls by what stands behind the repository's name."""
    quick = Client(sleep=lambda pause: None)
    return pull(Reference.parse(f"{registry.name}{name}"), platform or Platform(), store, client=quick)


def test_an_image_comes_whole(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """By tag, through an index, to the manifest of the platform and all that it names."""
    assert pulled(registry, store) == image.digest
    assert store.image(image.digest) == image
    assert store.check() == ()


def test_what_is_here_is_not_fetched_again(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """A second pull asks for manifests only."""
    pulled(registry, store)
    before = len(registry.web.seen)
    pulled(registry, store, f"@{image.digest}")
    assert [request.path for request in registry.web.seen[before:]] == [f"/v2/app/manifests/{image.digest}"]


def test_a_broken_blob_is_resumed(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """After a broken connection only the rest is asked for."""
    registry.breaks = {str(image.layers[0].descriptor.digest)}
    pulled(registry, store)
    assert [request for request in registry.web.seen if "range" in request.headers]
    assert store.check() == ()


@pytest.mark.parametrize("part", ["config", "layer"])
def test_registry_lies_about_bytes_size_type(registry: FakeRegistry, image: Image, store: Layout, part: str) -> None:
    """Other bytes of the right size are refused, asked for once, and not kept."""
    digest = image.config_digest if part == "config" else image.layers[1].descriptor.digest
    registry.lies = {str(digest)}
    with pytest.raises(DigestMismatch):
        pulled(registry, store)
    assert not store.has(digest)
    assert not store.has(image.digest)
    assert len([one for one in registry.web.seen if str(digest) in one.path and one.method == "GET"]) == 1


def test_a_blob_that_is_too_large_is_cut_off(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """A registry that sends more than the descriptor says is not read to the end."""
    registry.blobs[str(image.config_digest)] += b"x" * (8 << 20)
    with pytest.raises(RegistryError, match="larger than"):
        pulled(registry, store)


def test_a_manifest_by_digest_must_have_it(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """A manifest that was asked by digest is hashed."""
    registry.lies = {str(image.digest)}
    with pytest.raises(DigestMismatch, match=f"expected {image.digest}"):
        pulled(registry, store)


def test_moved_tag_changes_nothing(registry: FakeRegistry, image: Image, store: Layout, tmp_path: Path) -> None:
    """Where a digest is named, a tag beside it decides nothing."""
    other = Layout(tmp_path / "other")
    registry.take(other, put_image(other, put_layer(other, text("evil"))), "one")
    assert pulled(registry, store, f":one@{image.digest}") == image.digest


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"schemaVersion":2}', b'{"config":{},"layers":[]}'])
def test_what_is_no_manifest_is_refused(registry: FakeRegistry, store: Layout, body: bytes) -> None:
    """Nonsense from a registry is its error, not a crash."""
    registry.manifests["x"] = body
    with pytest.raises(RegistryError):
        pulled(registry, store, ":x")


def test_another_platform_is_an_error(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """An index without the platform says so."""
    with pytest.raises(RegistryError, match="no linux/arm64"):
        pulled(registry, store, platform=Platform("linux", "arm64"))


def test_an_unknown_tag_names_status_and_code(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """What the registry says is passed on, with a hint."""
    with pytest.raises(RegistryError, match="answered 404: MANIFEST_UNKNOWN") as refused:
        pulled(registry, store, ":none")
    assert refused.value.hint == "check the name and the tag"


def login(host: str, entry: dict[str, str]) -> None:
    """Writes a Docker configuration for a host."""
    path = Path.home() / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {host: entry}}))


def basic(user: str = "me", password: str = "pass:word") -> dict[str, str]:
    """Returns an entry as docker login writes it."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_token_is_fetched_and_used(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """Anonymous pull with a bearer token, as most public registries want it."""
    registry.needs_token = True
    pulled(registry, store)
    asked = next(request for request in registry.web.seen if request.path.startswith("/token"))
    assert asked.path == "/token?service=fake&scope=repository%3Aapp%3Apull"
    assert "authorization" not in asked.headers
    assert registry.web.seen[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_credentials_go_to_the_token_realm_alone(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """The password is sent to the realm, the token to the registry."""
    registry.needs_token = True
    login(registry.web.host, basic())
    pulled(registry, store)
    carried = {request.path.split("?")[0]: request.headers.get("authorization", "") for request in registry.web.seen}
    assert base64.b64decode(carried["/token"].removeprefix("Basic ")) == b"me:pass:word"
    assert all(value == f"Bearer {TOKEN}" for path, value in carried.items() if path != "/token")


def test_credentials_stay_with_their_host(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """A login for one registry is not sent to another."""
    registry.needs_token = True
    login("registry.example", basic())
    pulled(registry, store)
    asked = next(request for request in registry.web.seen if request.path.startswith("/token"))
    assert "authorization" not in asked.headers


def test_a_token_realm_elsewhere_is_refused(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """A registry cannot send a password to the metadata service."""
    registry.needs_token, registry.realm = True, "https://169.254.169.254/token"
    login(registry.web.host, basic())
    with pytest.raises(RegistryError, match="link-local"):
        pulled(registry, store)


def test_a_blob_redirect_gets_no_token(registry: FakeRegistry, image: Image, store: Layout) -> None:
    """A store for blobs on another host serves them and sees no Authorization."""
    registry.needs_token = True
    blobs = dict(registry.blobs)
    with serve(lambda request: Reply(200, blobs[request.path[1:]])) as elsewhere:
        real = registry.answer

        def moved(request: object) -> Reply:
            reply = real(request)  # type: ignore[arg-type]
            path = getattr(request, "path", "")
            is_blob = "/blobs/" in path and reply.status == 200
            return Reply(307, headers={"Location": f"{elsewhere.url}/{path.rpartition('/')[2]}"}) if is_blob else reply

        with serve(moved) as front:
            registry.web = front
            pulled(registry, store)
    assert elsewhere.seen
    assert not [request for request in elsewhere.seen if "authorization" in request.headers]


@pytest.mark.parametrize(
    ("written", "host", "repository", "tag"),
    [
        ("registry.example/a/b:1", "registry.example", "a/b", "1"),
        ("localhost/a", "localhost", "a", "latest"),
        ("localhost:5000/a:x", "localhost:5000", "a", "x"),
        ("127.0.0.1:5000/a-b/c_d.e", "127.0.0.1:5000", "a-b/c_d.e", "latest"),
        ("[::1]:5000/a", "[::1]:5000", "a", "latest"),
        ("python:3.12-slim", "hub.example", "library/python", "3.12-slim"),
        ("team/app:2", "hub.example", "team/app", "2"),
    ],
)
def test_references_are_read(
    written: str, host: str, repository: str, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Host, repository and tag, with short names completed as this machine says."""
    monkeypatch.setenv("SEAWAY_REGISTRY", "hub.example/library/")
    assert Reference.parse(written) == Reference(host, repository, tag)


def test_a_short_name_without_a_default_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No registry is assumed."""
    monkeypatch.setattr("seaway.image.reference._SETTINGS", ())
    with pytest.raises(BaseError, match="names no registry"):
        Reference.parse("python:3.12-slim")


def test_short_names_follow_the_containers_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first unqualified search registry is taken."""
    path = tmp_path / "registries.conf"
    path.write_text('unqualified-search-registries = ["first.example", "second.example"]\n')
    monkeypatch.setattr("seaway.image.reference._SETTINGS", (path,))
    assert Reference.parse("app:1").host == "first.example"


@pytest.mark.parametrize(
    "written", ["registry.example/", "registry.example/A:1", "registry.example/a:b/c:", "r.example/a@sha256:00", ""]
)
def test_what_is_no_reference_is_refused(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is in the error."""
    monkeypatch.setenv("SEAWAY_REGISTRY", "hub.example")
    with pytest.raises(BaseError, match="is not an image reference"):
        Reference.parse(written)


def test_plain_http_is_for_loopback_only() -> None:
    """Anything else is https."""
    assert Reference.parse("127.0.0.1:5000/a").url == "http://127.0.0.1:5000"
    assert Reference.parse("[::1]:5000/a").url == "http://[::1]:5000"
    assert Reference.parse("registry.example:5000/a").url == "https://registry.example:5000"


@pytest.mark.parametrize("key", ["registry.example", "https://registry.example", "https://registry.example/v1/"])
def test_logins_are_found_by_host(key: str) -> None:
    """Old keys with scheme and path count too, and no password is in what is printed."""
    login(key, basic())
    found = find_credentials("registry.example")
    assert found is not None
    assert (found.user, found.password) == ("me", "pass:word")
    assert "pass" not in repr(found)
    assert find_credentials("example") is None


def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Puts a credential program `test` on the PATH and names it for registry.example."""
    path = tmp_path / "docker-credential-test"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    config = Path.home() / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"credHelpers": {"registry.example": "test"}, "credsStore": "test"}))


def test_a_credential_program_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It gets the host on its input and answers JSON."""
    program(monkeypatch, tmp_path, 'read host; echo "{\\"Username\\":\\"$host-$1\\",\\"Secret\\":\\"s\\"}"')
    found = find_credentials("registry.example")
    assert found is not None
    assert (found.user, found.password) == ("registry.example-get", "s")


def test_a_program_that_knows_nothing_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Anonymous reading goes on."""
    program(monkeypatch, tmp_path, "echo 'credentials not found in native keychain'; exit 1")
    assert find_credentials("registry.example") is None
    assert find_credentials("other.example") is None


@pytest.mark.parametrize("script", ["echo oops; exit 1", "echo not json"])
def test_a_program_that_fails_is_an_error_without_its_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    """Its output may hold a secret and is not shown."""
    program(monkeypatch, tmp_path, script)
    with pytest.raises(RegistryError) as refused:
        find_credentials("registry.example")
    assert "oops" not in str(refused.value)


def test_a_missing_program_is_named() -> None:
    """A configuration that names a program which is not there is said."""
    path = Path.home() / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text('{"credsStore": "../../bin/evil"}')
    with pytest.raises(ToolMissing, match="docker-credential"):
        find_credentials("registry.example")


@pytest.mark.parametrize("content", ["{", '{"auths":{"registry.example":{"auth":"%%%"}}}'])
def test_an_unreadable_configuration_is_an_error(content: str) -> None:
    """A file that cannot be read is never taken for no login."""
    path = Path.home() / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RegistryError):
        find_credentials("registry.example")
