"""One byte of a file is changed, of every kind there is: `ledger verify` names it, and nothing goes on past it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.evidence.deeds import Outcome, TestResult
from seaway.evidence.statement import PredicateType
from tests.cli.shop import Said, Shop, flip

pytestmark = pytest.mark.rootless
DAMAGED = {25, 27, 30, 31, 32, 33, 35}
KINDS = ("checkpoint", "journal", "log.key", "oci-layout", "index.json", "hashes", "entries", "envelope", "identity")


def files_of(shop: Shop, kind: str) -> Iterator[Path]:
    """Yields the ledger's files of a kind."""
    blobs = shop.ledger / "oci" / "blobs" / "sha256"
    match kind:
        case "checkpoint" | "log.key":
            yield shop.ledger / kind
        case "journal":
            yield from (shop.ledger / "journal").iterdir()
        case "oci-layout" | "index.json":
            yield shop.ledger / "oci" / kind
        case "hashes" | "entries":
            yield from (shop.ledger / "tile" / ("0" if kind == "hashes" else kind)).rglob("*.p/*")
        case "envelope" | "identity":
            signed = kind == "envelope"
            yield from (path for path in blobs.iterdir() if path.read_bytes().startswith(b'{"payload":') is signed)


def test_every_file_of_a_ledger_is_of_a_known_kind(granted: Shop) -> None:
    """What a later version adds to the directory needs a row here."""
    known = {path for kind in KINDS for path in files_of(granted, kind)}
    found = {path for path in granted.ledger.rglob("*") if path.is_file()}
    assert {path.name for path in found - known} == {"lock", "index.sqlite"}


@pytest.fixture
def shop(granted: Shop, tmp_path: Path) -> Shop:
    """Returns a copy to damage."""
    return granted.copy(tmp_path / "shop")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", [0.0, 0.4, 0.8, 1.0])
def test_a_changed_byte_is_found_and_nothing_is_signed_on_it(kind: str, where: float, shop: Shop) -> None:
    """`ledger verify` names the file; `promote` refuses, names it too where one file alone is to blame."""
    for path in list(files_of(shop, kind)):
        at = int(where * (path.stat().st_size - 1))
        flip(path, at)
        before = shop.files()
        verified = shop.run("ledger", "verify")
        assert verified.code == 30
        assert path.name in str(verified.answer["problems"])
        refused = shop.run("promote", "production")
        assert refused.code in DAMAGED, f"{path} at {at}: {refused.code} {refused.all[:400]}"
        assert path.name in refused.all or kind in ("hashes", "envelope", "identity"), refused.all
        assert shop.files() == before
        flip(path, at)
    assert shop.run("ledger", "verify").code == 0


@pytest.mark.parametrize("command", ["why", "status"])
@pytest.mark.parametrize("kind", ["checkpoint", "journal", "oci-layout", "index.json", "hashes", "entries", "envelope"])
def test_a_changed_byte_stops_whoever_reads_it(kind: str, command: str, shop: Shop) -> None:
    """A reader that needs the file refuses; the payload is that of the promotion, which both read."""
    if kind == "envelope":
        with shop.space() as space, space.reading() as notary:
            (promotion,) = notary.verified(predicate_type=PredicateType.PROMOTION)
            path = notary.payloads.path(promotion.envelope)
    else:
        path = next(files_of(shop, kind))
    words = ("why", str(shop.bundle().digest)) if command == "why" else ("status", "production")
    shutil.rmtree(shop.data / "graph", ignore_errors=True)
    whole = shop.run(*words).code
    shutil.rmtree(shop.data / "graph", ignore_errors=True)
    flip(path, path.stat().st_size // 2)
    said = shop.run(*words)
    assert whole in (0, 4)
    assert said.code == 30, said.all[:400]
    assert path.name in said.all, said.all[:400]


@pytest.mark.parametrize("where", [0.0, 0.25, 0.5, 0.75])
def test_a_changed_index_hides_nothing(where: float, shop: Shop) -> None:
    """The index is derived: readers make their own, a writer makes it anew, and the answer is the same."""
    path = shop.ledger / "index.sqlite"
    before = shop.run("status", "production").answer
    flip(path, int(where * path.stat().st_size))
    assert shop.run("status", "production").answer == before
    assert shop.run("promote", "production").code == 0
    assert shop.run("ledger", "verify").code == 0


def test_a_damaged_index_is_named(shop: Shop) -> None:
    """Its first bytes say what it is."""
    flip(shop.ledger / "index.sqlite", 3)
    said = shop.run("ledger", "verify")
    assert (said.code, "index.sqlite" in str(said.answer["problems"])) == (30, True)


def test_a_committed_batch_in_the_journal_is_not_dropped_by_a_changed_byte(founded: Shop, tmp_path: Path) -> None:
    """A writer was killed after its commit; a byte of that record is changed, and later ones stand behind it."""
    shop = founded.copy(tmp_path / "first")
    alice, bundle = shop.signer("alice"), shop.bundle().digest
    with shop.space() as space, space.notary() as notary:
        for name in ("answers", "more", "most"):
            said = TestResult(result=Outcome.PASSED, configuration=(), seaway_suite={"name": name})
            notary.append(said.about(bundle), alice)
        killed = shop.copy(tmp_path / "killed")
    (journal,) = (killed.ledger / "journal").iterdir()
    assert killed.run("ledger", "verify").code == 0
    flip(journal, 600)
    verified, refused = killed.run("ledger", "verify"), killed.run("promote", "production")
    assert (verified.code, refused.code) == (30, 30)
    assert journal.name in verified.all and journal.name in refused.all


def test_the_memory_of_the_ledger_is_not_believed_once_changed(shop: Shop) -> None:
    """What was seen of the ledger before decides about forks: a changed byte is refused, by name."""
    (memory,) = (shop.home / "state" / "checkpoint").iterdir()
    for at in (1, memory.stat().st_size // 2, memory.stat().st_size - 1):
        flip(memory, at)
        said = shop.run("promote", "production")
        assert (said.code, str(memory) in said.all) == (30, True), said.all
        flip(memory, at)


@pytest.mark.parametrize("words", [("up", "--no-build"), ("release", "production")], ids=lambda each: each[0])
def test_a_changed_byte_in_an_image_starts_nothing(words: tuple[str, ...], shop: Shop) -> None:
    """Layer, config, manifest and bundle: what is run, released or scanned is what its digest says, or nothing."""
    image = next(iter(shop.bundle().images.values())).digest
    with shop.space() as space:
        manifest = space.store.image(image)
        needed = {image, manifest.config_digest, *(layer.descriptor.digest for layer in manifest.layers)}
    for digest in needed:
        path = shop.images / "blobs" / "sha256" / digest.hex
        path.chmod(0o644)
        flip(path, path.stat().st_size // 2)
        said = shop.run(*words)
        assert said.code in DAMAGED, f"{path.name}: {said.code} {said.all[:500]}"
        assert digest.hex[:12] in said.all
        assert running(shop) == []
        flip(path, path.stat().st_size // 2)


def running(shop: Shop) -> list[object]:
    """Returns what runs of the shop."""
    said: Said = shop.run("ps")
    return list(said.answer) if said.out.strip() else []
