"""The commands that send, publish, look at and carry: a shop of real people, and a registry in memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.evidence import sigstore
from tests.cli.shop import Shop, approve, found, tell_tests, waive
from tests.fakes.registry import FakeRegistry, fake_registry

pytestmark = pytest.mark.rootless


@pytest.fixture(scope="module")
def registry() -> Iterator[FakeRegistry]:
    """Returns a registry in memory for all tests of this file."""
    with fake_registry() as running:
        yield running


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory, registry: FakeRegistry) -> Shop:
    """Returns a shop that names the registry, built, pushed, promoted and published."""
    shop = found(tmp_path_factory.mktemp("shop") / "home")
    compose = shop.app / "compose.yaml"
    compose.write_text(compose.read_text() + f"  registry: {{push: {registry.name}}}\n")
    shop.git("commit", "-qam", "feat: a registry")
    shop.git("tag", "v1.0.0")
    assert shop.do("build", "--push")["pushed"].startswith(f"{registry.name}:v1.0.0-")
    tell_tests(shop)
    assert shop.run("scan").code == 36
    waive(shop)
    approve(shop)
    shop.do("promote", "production", "--push")
    return shop


def test_a_bundle_has_one_tag(promoted: Shop, registry: FakeRegistry) -> None:
    """The version from the commit's tag and the digest; pushed again nothing is sent and nothing moves."""
    digest = promoted.bundle().digest
    tag = f"v1.0.0-{digest.hex[:12]}"
    assert registry.tags == {tag: str(digest)}
    again = promoted.do("build", "--push")
    assert (again["pushed"], again["sent"]) == (f"{registry.name}:{tag}", 0)
    assert registry.tags == {tag: str(digest)}


def test_a_tag_that_says_something_else_is_left(promoted: Shop, registry: FakeRegistry) -> None:
    """Somebody gave the bundle's tag to another manifest: refused, and it stays where it is."""
    tag, digest = next(iter(registry.tags.items()))
    other = next(name for name in registry.manifests if name != digest)
    registry.tags[tag] = other
    try:
        said = promoted.run("build", "--push")
        assert said.code == 23
        assert "never moves" in said.all
        assert registry.tags[tag] == other
    finally:
        registry.tags[tag] = digest


def test_without_a_registry_nothing_is_built(promoted: Shop, tmp_path: Path) -> None:
    """The key that is missing is named before any work."""
    shop = promoted.copy(tmp_path / "home")
    compose = shop.app / "compose.yaml"
    compose.write_text("\n".join(line for line in compose.read_text().splitlines() if "registry" not in line))
    shutil.rmtree(shop.images)
    for words in (("build", "--push"), ("publish", "production"), ("promote", "production", "--push")):
        said = shop.run(*words)
        assert (said.code, "x-seaway.registry" in said.all) == (2, True)
    assert not shop.images.exists()


def test_what_was_promoted_carries_its_proof(promoted: Shop, registry: FakeRegistry) -> None:
    """promote --push has attached it; publish finds it all there."""
    bundle = promoted.bundle()
    attached = [json.loads(data) for data in registry.manifests.values() if b'"subject"' in data]
    assert {one["artifactType"] for one in attached} == {sigstore.MEDIA_TYPE}
    image = next(iter(bundle.images.values())).digest
    assert {one["subject"]["digest"] for one in attached} == {str(bundle.digest), str(image)}
    said = promoted.do("publish", "production")
    assert [subject["added"] for subject in said["subjects"]] == [0, 0]
    assert sum(subject["known"] for subject in said["subjects"]) == len(attached)


def test_what_was_not_promoted_is_not_published(promoted: Shop) -> None:
    """An environment to which nothing came has nothing to publish."""
    said = promoted.run("publish", "canteen")
    assert said.code == 31
    assert "seaway promote canteen" in said.all


def test_images_are_listed_and_whole(promoted: Shop) -> None:
    """By service, digest or its beginning; one that is not here is said."""
    image = next(iter(promoted.bundle().images.values())).digest
    assert str(image) in {one["digest"] for one in promoted.do("image", "ls") if one["kind"] == "image"}
    assert {one["kind"] for one in promoted.do("image", "ls")} == {"image", "bundle"}
    for name in ("api", str(image), image.hex[:12], f"api@{image}"):
        assert promoted.do("image", "verify", name)["faults"] == []
    assert promoted.do("image", "verify")["faults"] == []
    assert promoted.run("image", "verify", "nobody").code == 17


def test_a_damaged_image_is_found(promoted: Shop, tmp_path: Path) -> None:
    """One byte of a layer, and the layer is named."""
    shop = promoted.copy(tmp_path / "home")
    layer = json.loads((shop.images / "blobs/sha256" / image_of(shop).hex).read_bytes())["layers"][-1]["digest"]
    path = shop.images / "blobs/sha256" / layer.removeprefix("sha256:")
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    said = shop.run("image", "verify", "api")
    assert said.code == 25
    assert layer in said.out


def image_of(shop: Shop) -> Digest:
    """Returns the digest of the one service's image."""
    return shop.bundle().images["api"].digest


def test_each_layer_says_why(promoted: Shop) -> None:
    """Base, skeleton and app, from stable to volatile."""
    said = promoted.do("image", "explain", "api")
    assert [one["why"].split(":")[0] for one in said] == [
        "base",
        "the virtual environment's skeleton",
        "the app's own files",
    ]
    assert all(one["size"] > 0 for one in said)


def test_two_images_are_compared(promoted: Shop, tmp_path: Path) -> None:
    """Equal to itself; after an edit the file and the bytes to pull, with the codes of a comparison."""
    assert promoted.run("image", "diff", "api", "api").code == 0
    shop = promoted.copy(tmp_path / "home")
    before = image_of(shop)
    (shop.app / "api.py").write_text("print('two')\n")
    shop.do("build")
    said = shop.run("image", "diff", str(before), "api")
    assert said.code == 3
    assert [one["name"] for one in said.answer["files"]] == ["opt/app/api.py"]
    assert said.answer["layers"]["shared"] == 2


def test_an_image_is_made_again(promoted: Shop) -> None:
    """From source, lock and wheels, in an empty store."""
    said = promoted.do("verify-build", "api")
    assert (said["image"], said["reproduced"]) == (str(image_of(promoted)), True)


def test_a_rebuild_that_differs_names_the_entry(promoted: Shop, tmp_path: Path) -> None:
    """The source has changed since: the file is named, and that its content differs."""
    shop = promoted.copy(tmp_path / "home")
    (shop.app / "api.py").write_text("print('other')\n")
    said = shop.run("verify-build", "api")
    assert said.code == 29
    assert "opt/app/api.py: payload differs" in said.all
    assert [path.name for path in (shop.app / ".seaway").glob("seaway-rebuild-*")] == []


def test_an_image_goes_out_for_docker(promoted: Shop, tmp_path: Path) -> None:
    """A file with a tag, and nothing half written."""
    said = promoted.do("image", "export", "api", str(tmp_path / "api.tar"), "--name", "shop/api:1")
    with tarfile.open(tmp_path / "api.tar") as archive:
        listed = json.load(archive.extractfile("manifest.json") or archive.fileobj)  # type: ignore[arg-type]
    assert listed[0]["RepoTags"] == ["shop/api:1"]
    assert listed[0]["Config"].endswith(said["id"].removeprefix("sha256:"))
    assert promoted.run("image", "export", "api", str(tmp_path / "no" / "such" / "folder.tar")).code == 25
    assert [path.name for path in tmp_path.iterdir()] == ["api.tar"]


def test_a_bundle_is_shown(promoted: Shop) -> None:
    """Images, sources and the digest."""
    said = promoted.do("bundle", "show")
    assert said["digest"] == str(promoted.bundle().digest)
    assert said["images"]["api"]["digest"] == str(image_of(promoted))
    assert "compose.yaml" in {one["path"] for one in said["sources"]}


@pytest.fixture(scope="module")
def parcel(promoted: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the bundle in one file, and what to trust beside it."""
    folder = tmp_path_factory.mktemp("parcel")
    promoted.do("bundle", "export", str(folder / "bundle.tar"))
    promoted.do("ledger", "export", str(folder / "papers"))
    return folder


def elsewhere(shop: Shop, home: Path) -> Shop:
    """Returns the project on a site that has neither images nor a ledger."""
    site = Shop(home)
    shutil.copytree(shop.app, site.app, ignore=shutil.ignore_patterns(".seaway"))
    return site


def test_a_released_bundle_reaches_a_site_without_a_network(promoted: Shop, parcel: Path, tmp_path: Path) -> None:
    """Verified with the releaser's key and the trusted root, and then it is the site's own."""
    site = elsewhere(promoted, tmp_path / "site")
    papers = parcel / "papers"
    trust = ["--trusted-root", str(papers / "trusted_root.json")]
    key = ["--trust-key", str(papers / "keys" / "releaser-production.pub")]
    said = site.do("bundle", "import", str(parcel / "bundle.tar"), *trust, *key)
    digest = promoted.bundle().digest
    assert (said["bundle"], said["verified"]) == (str(digest), 3)
    assert site.do("bundle", "show", digest.hex[:12])["digest"] == str(digest)
    assert site.do("image", "verify")["faults"] == []


def test_a_key_that_releases_nothing_lets_nothing_in(promoted: Shop, parcel: Path, tmp_path: Path) -> None:
    """Alice built it and did not release it; one option without the other is a mistake."""
    site, papers = elsewhere(promoted, tmp_path / "site"), parcel / "papers"
    trust = ["--trusted-root", str(papers / "trusted_root.json")]
    key = ["--trust-key", str(papers / "keys" / "alice.pub")]
    assert site.run("bundle", "import", str(parcel / "bundle.tar"), *trust, *key).code == 31
    assert site.run("bundle", "import", str(parcel / "bundle.tar"), *trust).code == 2
    assert site.do("image", "ls") == []


def test_a_cut_file_is_refused(promoted: Shop, parcel: Path, tmp_path: Path) -> None:
    """Half a copy names nothing."""
    site = elsewhere(promoted, tmp_path / "site")
    whole = (parcel / "bundle.tar").read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: len(whole) // 2])
    assert site.run("bundle", "import", str(tmp_path / "half.tar")).code in (21, 25, 27)
    assert site.do("image", "ls") == []


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not here: sh tests/system-packages")
def test_skopeo_reads_an_image_out_of_a_bundle(promoted: Shop, parcel: Path, tmp_path: Path) -> None:
    """Carried as a bundle, taken as an image by name."""
    name = f"shop/api:{promoted.bundle().short}"
    place = f"oci-archive:{parcel / 'bundle.tar'}:{name}"
    asked = ["skopeo", "--insecure-policy", "inspect", "--raw", place]
    done = subprocess.run(asked, capture_output=True, check=False)
    assert Digest.of(done.stdout) == image_of(promoted), done.stderr
