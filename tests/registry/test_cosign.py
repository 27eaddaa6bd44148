"""A stranger verifies what was published with cosign alone, offline, and is refused where nothing was released.

Each call runs in a network namespace that reaches the registry and nothing else, with our trusted root and a public
key, and without any option that has "insecure" in its name.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.evidence.statement import PredicateType
from seaway.image.layout import Layout
from seaway.image.model import MANIFEST, Descriptor
from seaway.image.referrers import attach
from seaway.image.transfer import push
from seaway.image.upload import Upload
from seaway.stages.proving import prove, referrer
from tests.evidence.world import START, World
from tests.registry.cell import pour
from tests.registry.conftest import REAL, Place, make_place
from tests.registry.released import Released
from tests.rig.session import Rig

pytestmark = [pytest.mark.rig("registry"), pytest.mark.root]


@dataclass(frozen=True)
class Stranger:
    """Somebody with cosign, our trusted root and keys, and a line to one registry."""

    cosign: str
    place: Place
    released: Released
    leads_out: Path

    def where(self, digest: Digest) -> str:
        """Returns a digest's name in the registry."""
        return f"{self.place.host}/{self.place.prefix}/app@{digest}"

    def verifies(self, digest: Digest, key: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Runs `cosign verify`, or another verb that `more` begins with."""
        verb, options = (more[0], more[1:]) if more else ("verify", ())
        folder = self.released.folder
        trust = ["--key", str(folder / f"{key}.pub"), "--trusted-root", str(folder / "trusted_root.json")]
        command = [self.cosign, verb, *trust, *options, self.where(digest)]
        assert not [word for word in command if "insecure" in word]
        cell = [sys.executable, str(Path(__file__).with_name("cell.py"))]
        port = self.place.host.rpartition(":")[2]
        return subprocess.run(
            ["unshare", "--net", *cell, port, str(self.leads_out), *command],
            capture_output=True,
            text=True,
            timeout=120,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            check=False,
        )

    def attests(self, digest: Digest, key: str, kind: str) -> subprocess.CompletedProcess[str]:
        """Runs `cosign verify-attestation` for a predicate type."""
        return self.verifies(digest, key, "verify-attestation", "--type", kind)


def refused(done: subprocess.CompletedProcess[str]) -> None:
    """Holds that cosign refused for what it read, and not because it could not read."""
    assert done.returncode != 0, done.stdout
    said = done.stderr.lower()
    assert not [word for word in ("dial", "lookup", "refused", "no such file", "unknown flag") if word in said], said
    assert "no matching" in said or "signature" in said or "attestation" in said, said


@pytest.fixture(scope="module", params=sorted(REAL))
def stranger(request: pytest.FixtureRequest, rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """Publishes a release to a real registry and returns somebody who has never heard of us."""
    cosign = shutil.which("cosign", path=rig.environ.get("PATH", os.environ["PATH"]))
    if cosign is None:
        pytest.skip("cosign 3.1 is not here: tests/rig/rig install --newer")
    place, folder = make_place(request.param, rig), tmp_path_factory.mktemp("released")
    store = Layout(folder / "oci")
    released = Released(store, World(folder / "world"), folder)
    with released.world.open() as notary:
        released.test(notary)
        released.release(notary)
        released.write_trust(notary)
        push(place.repository(), released.bundle.digest, store)
        prove(store, notary, place.repository(), released.bundle, now=START)
    with line_out(folder / "out", place.host) as leads_out:
        yield Stranger(cosign, place, released, leads_out)


class line_out:  # noqa: N801 - a context manager reads as a verb
    """A Unix socket that leads to a registry, for those whose network does not."""

    def __init__(self, path: Path, host: str) -> None:
        self._path, self._host = path, host

    def __enter__(self) -> Path:
        """Listens."""
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._path))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self._path

    def __exit__(self, *_: object) -> None:
        """Ends."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        name, _, port = self._host.rpartition(":")
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection((name, int(port)))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pour, args=pair, daemon=True).start()


def test_cosign_verifies_a_release(stranger: Stranger) -> None:
    """The releaser's key and our trusted root are all that is needed."""
    done = stranger.verifies(stranger.released.good.digest, "releaser")
    assert done.returncode == 0, done.stderr
    assert "offline" in done.stderr or "transparency log" in done.stderr


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("builder", PredicateType.PROVENANCE),
        ("builder", PredicateType.CYCLONEDX),
        ("tester", PredicateType.TEST_RESULT),
        ("releaser", PredicateType.DECISION),
    ],
)
def test_cosign_verifies_an_attestation(stranger: Stranger, key: str, kind: str) -> None:
    """Each role's statement with that role's key, and with no other."""
    good = stranger.released.good.digest
    done = stranger.attests(good, key, kind)
    assert done.returncode == 0, done.stderr
    refused(stranger.attests(good, "stranger", kind))


def test_cosign_verifies_what_is_said_of_the_bundle(stranger: Stranger) -> None:
    """A release bundle is no image, and carries its decision and promotion all the same."""
    bundle = stranger.released.bundle.digest
    for key, kind in (("releaser", PredicateType.DECISION), ("operator", PredicateType.PROMOTION)):
        done = stranger.attests(bundle, key, kind)
        assert done.returncode == 0, done.stderr


def test_cosign_refuses_a_failed_result_as_a_release(stranger: Stranger) -> None:
    """An image with nothing but a failed test is not released, whoever says so in the registry."""
    bad = stranger.released.bad.digest
    refused(stranger.verifies(bad, "releaser"))
    relabel(stranger, bad)
    refused(stranger.verifies(bad, "releaser"))
    refused(stranger.verifies(bad, "stranger"))


def relabel(stranger: Stranger, digest: Digest) -> None:
    """Offers the failed result as what it is not: attached once more, annotated as a release."""
    released, registry = stranger.released, stranger.place.repository()
    with released.world.read() as notary:
        failed = notary.verified(subject=digest, predicate_type=PredicateType.TEST_RESULT)[0]
        data = notary.bundle(failed.index)
    blob = Descriptor("", released.store.put(data), len(data))
    if not registry.has(blob):
        Upload(registry, blob, lambda: released.store.open(blob.digest)).send()
    subject = Descriptor(MANIFEST, digest, released.store.size(digest))
    attach(registry, digest, [referrer(subject, data, PredicateType.RELEASE, START)])


@pytest.mark.parametrize("key", ["tester", "builder", "operator", "stranger"])
def test_cosign_refuses_another_key_for_a_decision(stranger: Stranger, key: str) -> None:
    """What the releaser said is not said by anybody else."""
    refused(stranger.attests(stranger.released.good.digest, key, PredicateType.DECISION))


def test_cosign_refuses_another_digest(stranger: Stranger) -> None:
    """What is said about one image says nothing about another."""
    released, registry = stranger.released, stranger.place.repository()
    with released.world.read() as notary:
        index = notary.verified(subject=released.good.digest, predicate_type=PredicateType.RELEASE)[0].index
        data = notary.bundle(index)
    subject = Descriptor(MANIFEST, released.bad.digest, released.store.size(released.bad.digest))
    attach(registry, released.bad.digest, [referrer(subject, data, PredicateType.RELEASE, START)])
    refused(stranger.verifies(released.bad.digest, "releaser"))


def test_cosign_reaches_nothing_but_the_registry(stranger: Stranger) -> None:
    """The cell is one: another address on loopback, and any other, is out of reach."""
    cell = ["unshare", "--net", sys.executable, str(Path(__file__).with_name("cell.py"))]
    tried = (
        "import socket, sys\n"
        "for place in [('127.0.0.1', 9), ('198.18.240.1', 80), ('1.1.1.1', 443)]:\n"
        "    try: socket.create_connection(place, 2); sys.exit(9)\n"
        "    except OSError: pass\n"
    )
    command = [*cell, "5999", str(stranger.leads_out), sys.executable, "-c", tried]
    assert subprocess.run(command, check=False).returncode == 0
