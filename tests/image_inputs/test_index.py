"""The package index: found without naming one, wheels by hash and never otherwise."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.fakes.web import Reply, Request, Web, serve

from seaway.digest import Digest
from seaway.errors import DigestMismatch, LockError, ToolMissing, WheelError
from seaway.image import index
from seaway.image.index import cached_wheel, fetch_wheel, find_wheel, index_url, list_wheels
from seaway.image.material import read_material

pytestmark = pytest.mark.rootless


def wheel(files: Mapping[str, bytes]) -> bytes:
    """Returns a wheel's bytes, as far as anybody looks here."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return sink.getvalue()


WHEEL = wheel(
    {"pkg/weights/a.bin": b"weights" * 100, "pkg/weights/sub/b.txt": b"b", "pkg/__init__.py": b"", "pkg/weightsx": b""}
)
SHA = Digest.of(WHEEL)
JSON = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
NAMES = (
    "pkg-1.0-py3-none-any.whl",
    "pkg-1.0-cp311-cp311-win_amd64.whl",
    "pkg-1.0.tar.gz",
    "pkg-2.0-cp39-abi3-manylinux_2_17_x86_64.whl",
)


def listed(name: str, **fields: object) -> dict[str, object]:
    """Returns a file as PEP 691 lists it."""
    return {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": SHA.hex}, "size": len(WHEEL), **fields}


def answer(request: Request) -> Reply:
    """Answers as an index does."""
    if request.path.startswith("/files/"):
        return Reply(200, WHEEL)
    if request.path == "/simple/pkg/":
        body = json.dumps(
            {"files": [listed(name) for name in NAMES] + [listed("pkg-3.0-py3-none-any.whl", yanked=True)]}
        )
        return Reply(200, body.encode(), JSON)
    if request.path == "/simple/old/":
        page = f'<a href="../../files/old-1.0-py3-none-any.whl#sha256={SHA.hex}">old</a><a href="x.tar.gz">x</a>'
        return Reply(200, page.encode(), {"Content-Type": "text/html"})
    return Reply(404)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Returns a running index that the environment names."""
    with serve(answer) as running:
        monkeypatch.setenv("PIP_INDEX_URL", f"{running.url}/simple")
        yield running


def test_wheels_are_listed(web: Web) -> None:
    """Wheels with a hash that are not yanked, with absolute addresses."""
    found = list_wheels("Pkg")
    assert [one.filename for one in found] == [name for name in NAMES if name.endswith(".whl")]
    assert found[0].url == f"{web.url}/files/{NAMES[0]}"
    assert (found[0].sha256, found[0].size) == (SHA, len(WHEEL))


def test_an_index_of_html_is_read(web: Web) -> None:
    """PEP 503: the hash stands in the fragment, the size nowhere."""
    (found,) = list_wheels("old")
    assert (found.filename, found.sha256, found.size) == ("old-1.0-py3-none-any.whl", SHA, None)


def test_an_unknown_project_is_an_error(web: Web) -> None:
    """404 says which project."""
    with pytest.raises(WheelError, match="no nothing"):
        list_wheels("nothing")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"files":[{}]}', b'{"files":[{"filename":1,"url":2,"hashes":[]}]}'])
def test_a_broken_answer_is_an_error(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no PEP 691 document is refused."""
    with serve(lambda request: Reply(200, body, JSON)) as web:
        monkeypatch.setenv("PIP_INDEX_URL", web.url)
        with pytest.raises(WheelError, match="PEP 691"):
            list_wheels("pkg")


def test_names_that_leave_the_cache_are_no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file name is a name, never a path."""
    files = json.dumps({"files": [listed("../../evil-1.0-py3-none-any.whl"), listed("a/evil-1.0-py3-none-any.whl")]})
    reply = Reply(200, files.encode(), JSON)
    with serve(lambda request: reply) as web:
        monkeypatch.setenv("PIP_INDEX_URL", web.url)
        assert list_wheels("evil") == ()


def test_one_wheel_is_chosen_for_its_files(web: Web) -> None:
    """One for every platform first, else one for Linux; always the same."""
    assert find_wheel("pkg", "1.0.0").filename == NAMES[0]
    assert find_wheel("pkg", "2.0").filename == NAMES[3]
    with pytest.raises(WheelError, match=r"no wheel of pkg 9\.9"):
        find_wheel("pkg", "9.9")


def test_a_wheel_is_fetched_once(web: Web, tmp_path: Path) -> None:
    """The cache answers the second time, without a network."""
    path = fetch_wheel("pkg", "1.0", sha256=SHA, cache=tmp_path)
    assert path.read_bytes() == WHEEL
    before = len(web.seen)
    assert fetch_wheel("pkg", "1.0", sha256=SHA, cache=tmp_path) == path
    assert len(web.seen) == before


def test_a_damaged_wheel_in_the_cache_is_fetched_again(web: Web, tmp_path: Path) -> None:
    """The cache is hashed each time."""
    path = fetch_wheel("pkg", "1.0", sha256=SHA, cache=tmp_path)
    path.write_bytes(b"rot")
    assert cached_wheel(SHA, cache=tmp_path) is None
    assert fetch_wheel("pkg", "1.0", sha256=SHA, cache=tmp_path).read_bytes() == WHEEL


def test_another_hash_is_never_taken(web: Web, tmp_path: Path) -> None:
    """A wheel that the lock does not name is no substitute."""
    with pytest.raises(WheelError, match=r"no wheel of pkg 1\.0 with sha256:"):
        fetch_wheel("pkg", "1.0", sha256=Digest.of(b"other"), cache=tmp_path)


def test_other_bytes_are_asked_for_once_more_and_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Twice wrong is fatal, and nothing is cached."""
    with serve(lambda request: Reply(200, b"evil") if "/files/" in request.path else answer(request)) as web:
        monkeypatch.setenv("PIP_INDEX_URL", f"{web.url}/simple")
        with pytest.raises(DigestMismatch):
            fetch_wheel("pkg", "1.0", sha256=SHA, cache=tmp_path)
        assert len([request for request in web.seen if "/files/" in request.path]) == 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_login_in_the_address_goes_to_the_index_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files on the index's own host get it, files elsewhere do not."""
    with serve(lambda request: Reply(200, WHEEL)) as elsewhere:

        def moved(request: Request) -> Reply:
            files = [listed(NAMES[0], url=f"{elsewhere.url}/f"), listed(NAMES[1])]
            return Reply(200, json.dumps({"files": files}).encode(), JSON)

        with serve(moved) as web:
            monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret@{web.host}/simple")
            there, here = list_wheels("pkg")
            index.download_wheel(there, cache=tmp_path)
    assert "authorization" in web.seen[0].headers
    assert "authorization" not in elsewhere.seen[0].headers
    assert here.url.startswith("http://me:secret@")


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_the_environment_names_the_index(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's and uv's variables count."""
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "https://index.example/simple")
    assert index_url() == "https://index.example/simple"


Said = Callable[[list[str]], str]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (
            lambda command: "https://configured.example/simple\n" if "config" in command else "",
            "https://configured.example/simple",
        ),
        (
            lambda command: (
                "Base URL (default\n      https://pip.example/simple). This" if "download" in command else ""
            ),
            "https://pip.example/simple",
        ),
        (
            lambda command: "index (by default: <https://uv.example/simple>)" if command[0] == "uv" else "",
            "https://uv.example/simple",
        ),
    ],
)
def test_tools_are_asked_for_the_index(says: Said, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's configuration first, then the default that pip or uv name themselves."""
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(index, "_said", says)
    assert index_url() == expected


def test_without_any_tool_the_index_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """No index is assumed."""
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(index, "_said", lambda command: "")
    with pytest.raises(ToolMissing, match="no package index"):
        index_url()


def test_files_of_a_wheel_are_material(web: Web, tmp_path: Path) -> None:
    """The files below the prefix, by name and hash; the wheel's digest is the material's."""
    found = read_material("pypi://pkg/1.0/pkg/weights", project=tmp_path, cache=tmp_path)
    assert [file.path for file in found.files] == ["a.bin", "sub/b.txt"]
    assert found.digest == SHA
    assert found.files[0].content.sha256 == Digest.of(b"weights" * 100).hex
    with found.files[0].content.open() as stream:
        assert stream.read() == b"weights" * 100


def test_one_file_of_a_wheel_is_material(web: Web, tmp_path: Path) -> None:
    """A prefix that is a file names that file, an empty one all."""
    one = read_material("pypi://pkg/1.0/pkg/weights/a.bin", project=tmp_path, cache=tmp_path)
    assert [file.path for file in one.files] == ["a.bin"]
    assert len(read_material("pypi://pkg/1.0", project=tmp_path, cache=tmp_path).files) == 4


def test_a_pinned_wheel_needs_no_index(web: Web, tmp_path: Path) -> None:
    """With the digest and a warm cache nobody is asked; another digest is refused."""
    first = read_material("pypi://pkg/1.0/pkg", project=tmp_path, cache=tmp_path)
    before = len(web.seen)
    assert read_material("pypi://pkg/1.0/pkg", project=tmp_path, cache=tmp_path, pinned=first.digest).root == first.root
    assert len(web.seen) == before
    with pytest.raises(WheelError, match="no wheel"):
        read_material("pypi://pkg/1.0/pkg", project=tmp_path, cache=tmp_path, pinned=Digest.of(b"x"))


@pytest.mark.parametrize("uri", ["pypi://pkg", "pypi:///1.0/x", "pypi://pkg/1.0/nothing/here", "s3://bucket/x"])
def test_a_uri_that_names_nothing_is_refused(uri: str, web: Web, tmp_path: Path) -> None:
    """The uri stands in the error."""
    with pytest.raises(LockError) as refused:
        read_material(uri, project=tmp_path, cache=tmp_path)
    assert refused.value.where == uri
