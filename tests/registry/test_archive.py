"""One tar for all engines: the same bytes each time, read by stock tools, and read back without trust."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.errors import DigestMismatch, SeawayError, StoreError
from seaway.image.archive import ArchiveRefused, Limits
from seaway.image.layout import Layout
from seaway.image.model import Image
from seaway.image.oci_archive import Root, archive_size, read_archive, write_archive
from tests.image_inputs.builders import member, tar
from tests.registry.conftest import make_image
from tests.registry.test_contract import index_of
from tests.rig.session import Rig

pytestmark = pytest.mark.rootless

NAME = "registry.example/shop/api:1"


def packed(store: Layout, *roots: Root) -> bytes:
    """Returns an archive."""
    return b"".join(write_archive(store, roots))


def test_the_same_image_gives_the_same_bytes(store: Layout, image: Image, tmp_path: Path) -> None:
    """No time, no user, no order of a directory enters."""
    other = Layout(tmp_path / "other")
    data = packed(store, Root(image.digest, NAME))
    read_archive(io.BytesIO(data), other)
    assert packed(other, Root(image.digest, NAME)) == data
    assert archive_size(store, [Root(image.digest)]) < len(data)


def test_docker_finds_config_and_layers(store: Layout, image: Image) -> None:
    """manifest.json names the blobs of the store, and the tag of the image itself."""
    with tarfile.open(fileobj=io.BytesIO(packed(store, Root(image.digest, NAME)))) as archive:
        listed = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        names = archive.getnames()
    assert listed == [
        {
            "Config": f"blobs/sha256/{image.config_digest.hex}",
            "Layers": [f"blobs/sha256/{layer.descriptor.digest.hex}" for layer in image.layers],
            "RepoTags": [NAME],
        }
    ]
    assert set(names) > {listed[0]["Config"], *listed[0]["Layers"]}


def test_an_index_comes_back_whole(store: Layout, tmp_path: Path) -> None:
    """Two images below an index, each once, and the index last of all to be named."""
    index = index_of(store, make_image(store, "one"), make_image(store, "two"))
    back = Layout(tmp_path / "back")
    assert read_archive(io.BytesIO(packed(store, Root(index, "v1"))), back) == (Root(index, "v1"),)
    assert back.get(index) == store.get(index)
    assert back.check() == ()


def test_a_changed_byte_is_found(store: Layout, image: Image, tmp_path: Path) -> None:
    """A blob with another digest is not kept, and its name is said."""
    data = bytearray(packed(store, Root(image.digest)))
    at = data.index(store.get(image.layers[0].descriptor.digest)[:64]) + 20
    data[at] ^= 1
    back = Layout(tmp_path / "back")
    with pytest.raises(DigestMismatch, match="blobs/sha256") as refused:
        read_archive(io.BytesIO(bytes(data)), back)
    assert refused.value.hint == "the archive is damaged: copy it again"
    assert not back.has(image.layers[0].descriptor.digest)


def test_a_missing_blob_is_found(store: Layout, image: Image, tmp_path: Path) -> None:
    """What the index names and nobody sent is said."""
    data = packed(store, Root(image.digest))
    sink = io.BytesIO()
    lost = image.layers[1].descriptor.digest.hex
    with tarfile.open(fileobj=io.BytesIO(data)) as source, tarfile.open(fileobj=sink, mode="w") as copy:
        for info in source:
            if lost not in info.name:
                copy.addfile(info, source.extractfile(info))
    with pytest.raises(StoreError, match="not in the store"):
        read_archive(io.BytesIO(sink.getvalue()), Layout(tmp_path / "back"))


@pytest.mark.parametrize("cut", [1500, 3000, 200_000])
def test_a_cut_archive_is_refused(store: Layout, image: Image, tmp_path: Path, cut: int) -> None:
    """Half a copy is an error, wherever it ends."""
    with pytest.raises(SeawayError):
        read_archive(io.BytesIO(packed(store, Root(image.digest))[:-cut]), Layout(tmp_path / "back"))


_DIGEST = "a" * 64


@pytest.mark.parametrize(
    "bad",
    [
        member("../escape", b"x"),
        member("/etc/passwd", b"x"),
        member("blobs/sha256/" + _DIGEST, b"x", tarfile.SYMTYPE, linkname="/etc/passwd", size=0),
        member("blobs/sha256/" + _DIGEST, b"", tarfile.CHRTYPE),
        member("extra", b"x"),
        member("blobs/sha256/nonsense", b"x"),
        member("blobs/sha512/" + _DIGEST, b"x"),
    ],
    ids=["dots", "absolute", "symlink", "device", "extra", "no digest", "another algorithm"],
)
def test_hostile_members_are_refused(tmp_path: Path, bad: tuple[tarfile.TarInfo, bytes]) -> None:
    """Nothing but the files of a layout is taken."""
    index = member("index.json", b'{"schemaVersion":2,"manifests":[]}')
    with pytest.raises((StoreError, ArchiveRefused)):
        read_archive(io.BytesIO(tar(index, bad)), Layout(tmp_path / "back"))
    assert not (tmp_path / "escape").exists()


@pytest.mark.parametrize(
    "index", [b"{", b"[]", b'{"manifests":1}', b'{"manifests":[{}]}', b'{"manifests":[{"digest":"sha256:x"}]}', None]
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: bytes | None) -> None:
    """Nonsense is an error and not a crash."""
    data = tar(*([member("index.json", index)] if index is not None else [member("oci-layout", b"{}")]))
    with pytest.raises(StoreError):
        read_archive(io.BytesIO(data), Layout(tmp_path / "back"))


def test_an_archive_has_limits(store: Layout, image: Image, tmp_path: Path) -> None:
    """More bytes than allowed are not unpacked."""
    with pytest.raises(ArchiveRefused, match="more than 1000 bytes"):
        read_archive(io.BytesIO(packed(store, Root(image.digest))), Layout(tmp_path / "b"), limits=Limits(1000, 10))


@pytest.fixture
def skopeo() -> str:
    """Returns the program."""
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo is not here: sh tests/system-packages")
    return found


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_skopeo_reads_it(skopeo: str, store: Layout, image: Image, tmp_path: Path, kind: str) -> None:
    """Both forms, by the same file: the config's digest is that of the image, and each layer is found."""
    file = tmp_path / "image.tar"
    file.write_bytes(packed(store, Root(image.digest, NAME)))
    place = f"{kind}:{file}" + (f":{NAME}" if kind == "docker-archive" else "")
    done = subprocess.run(
        [skopeo, "copy", "--insecure-policy", place, f"dir:{tmp_path / 'out'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    body = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert body["config"]["digest"] == str(image.config_digest)
    if kind == "oci-archive":
        assert Digest.of((tmp_path / "out" / "manifest.json").read_bytes()) == image.digest


@pytest.mark.root
@pytest.mark.rig("docker")
def test_docker_loads_it_by_its_config(rig: Rig, store: Layout, image: Image, tmp_path: Path) -> None:
    """The engine's name for the image is the digest of the config in our manifest."""
    file = tmp_path / "image.tar"
    name = f"127.0.0.1:5000/archive-{image.digest.hex[:8]}:1"
    file.write_bytes(packed(store, Root(image.digest, name)))
    environ = {**rig.environ, "HOME": str(tmp_path)}
    loaded = subprocess.run(
        ["docker", "load", "-qi", str(file)], env=environ, capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    try:
        asked = ["docker", "image", "inspect", "--format", "{{.Id}}", name]
        done = subprocess.run(asked, env=environ, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == str(image.config_digest), done.stderr
    finally:
        subprocess.run(["docker", "image", "rm", name], env=environ, capture_output=True, check=False)
