"""A bundle in one file: taken out with its proof, brought in only if somebody trusted says that it is released."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from seaway.errors import EvidenceInvalid, EvidenceMissing, StoreError
from seaway.evidence.keys import PrivateKey, PublicKey
from seaway.evidence.progress import Release
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from seaway.evidence.trust import Trust
from seaway.image.layout import Layout
from seaway.image.oci_archive import Root, write_archive
from seaway.image.referrers import list_referrers
from seaway.stages.carrying import Carried, deliver, load_up, take_in
from tests.evidence.world import START, World
from tests.registry.conftest import Place
from tests.registry.released import Released
from tests.rig.session import Rig

pytestmark = pytest.mark.rootless


@pytest.fixture
def released(store: Layout, tmp_path: Path) -> Released:
    """Returns a bundle both of whose images are released."""
    made = Released(store, World(tmp_path / "world"), tmp_path)
    with made.world.open() as notary:
        made.test(notary)
        made.release(notary)
        made.say(notary, Role.RELEASER, Release().about(made.bad.digest))
        made.write_trust(notary)
    return made


def packed(released: Released) -> bytes:
    """Returns the file."""
    with released.world.read() as notary:
        roots = load_up(released.store, released.bundle, notary, now=START)
    return b"".join(write_archive(released.store, roots))


def trust(released: Released, key: str = "releaser") -> Trust:
    """Returns what the site was told to trust."""
    public = PublicKey.from_pem((released.folder / f"{key}.pub").read_bytes())
    return Trust.read((released.folder / "trusted_root.json").read_bytes(), [public])


def taken(released: Released, there: Layout, by: Trust | None) -> Carried:
    """Brings the file in elsewhere."""
    return take_in(there, io.BytesIO(packed(released)), by)


def test_a_released_bundle_comes_in(released: Released, tmp_path: Path) -> None:
    """With its images, its sources and all that was said; what the releaser said is what counts."""
    there = Layout(tmp_path / "there")
    carried = taken(released, there, trust(released))
    assert carried.bundle == released.bundle
    assert there.image(released.good.digest) == released.good
    assert (len(carried.proofs), carried.verified) == (11, 4)
    assert there.check() == ()


def test_what_nobody_released_has_no_name(store: Layout, tmp_path: Path) -> None:
    """A bundle with an image that is not released is refused, and the store does not know it."""
    made = Released(store, World(tmp_path / "world"), tmp_path)
    with made.world.open() as notary:
        made.test(notary)
        made.release(notary)
        made.write_trust(notary)
    there = Layout(tmp_path / "there")
    with pytest.raises(EvidenceMissing, match="worker is released"):
        taken(made, there, trust(made))
    assert made.bundle.digest not in {one.digest for one in there.manifests()}


@pytest.mark.parametrize("key", ["tester", "builder", "operator", "stranger"])
def test_another_key_releases_nothing(released: Released, tmp_path: Path, key: str) -> None:
    """Only the key that the site was given counts."""
    with pytest.raises(EvidenceMissing, match="passed its gates"):
        taken(released, Layout(tmp_path / "there"), trust(released, key))


def test_another_ledger_proves_nothing(released: Released, tmp_path: Path) -> None:
    """The same key under the trusted root of another log is not enough."""
    other = World(tmp_path / "other")
    with other.found() as notary:
        root = notary.trusted_root()
    key = PublicKey.from_pem((released.folder / "releaser.pub").read_bytes())
    with pytest.raises(EvidenceMissing):
        taken(released, Layout(tmp_path / "there"), Trust.read(json.dumps(root).encode(), [key]))


@pytest.mark.parametrize("root", [b"{}", b"[]", b'{"mediaType":"x"}', b"no json"])
def test_a_trusted_root_that_is_none_is_refused(root: bytes) -> None:
    """Nonsense trusts nobody."""
    with pytest.raises(EvidenceInvalid):
        Trust.read(root, [PrivateKey.generate().public])


def test_without_trust_the_bytes_are_checked_and_no_more(released: Released, tmp_path: Path) -> None:
    """It comes in, and nothing is said to be verified."""
    carried = taken(released, Layout(tmp_path / "there"), None)
    assert (len(carried.proofs), carried.verified) == (11, 0)


def test_an_archive_of_images_is_no_bundle(released: Released, tmp_path: Path) -> None:
    """What has no bundle in it is said to have none."""
    data = b"".join(write_archive(released.store, [Root(released.good.digest)]))
    with pytest.raises(StoreError, match="holds 0 bundles"):
        take_in(Layout(tmp_path / "there"), io.BytesIO(data), None)


def test_a_site_has_its_own_registry(place: Place, released: Released, tmp_path: Path) -> None:
    """What came in a file goes to the registry there, with everything attached that was attached."""
    there = Layout(tmp_path / "there")
    carried = taken(released, there, trust(released))
    deliver(there, carried, place.repository())
    kinds = [len(list_referrers(place.repository(), digest)) for digest in (released.good.digest, released.bad.digest)]
    assert kinds == [5, 4]
    assert len(list_referrers(place.repository(), released.bundle.digest)) == 2
    assert place.repository().find_manifest(str(released.bundle.digest)) == there.get(released.bundle.digest)


def test_the_release_is_the_last_proof(released: Released, tmp_path: Path) -> None:
    """So that a copy that stops in the middle releases nothing."""
    there = Layout(tmp_path / "there")
    carried = taken(released, there, None)
    kinds = [there.manifest(one)["annotations"]["dev.sigstore.bundle.predicateType"] for one in carried.proofs]
    assert kinds[-2:] == [PredicateType.RELEASE] * 2
    assert PredicateType.RELEASE not in kinds[:-2]


@pytest.mark.root
@pytest.mark.rig("docker")
def test_docker_loads_the_images_of_a_bundle(rig: Rig, released: Released, tmp_path: Path) -> None:
    """Both, by the names the bundle gives them, and each is its config's digest."""
    file = tmp_path / "bundle.tar"
    file.write_bytes(packed(released))
    environ = {**rig.environ, "HOME": str(tmp_path)}

    def docker(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *words], env=environ, capture_output=True, text=True, check=False)

    images = {"api": released.good, "worker": released.bad}
    names = {service: f"shop/{service}:{released.bundle.short}" for service in images}
    try:
        assert (loaded := docker("load", "-qi", str(file))).returncode == 0, loaded.stderr
        for service, name in names.items():
            said = docker("image", "inspect", "--format", "{{.Id}}", name)
            assert said.stdout.strip() == str(images[service].config_digest), said.stderr
    finally:
        docker("image", "rm", *names.values())
