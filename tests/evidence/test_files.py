"""The store: what lies on the disk, when it rolls, and what is derived."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from seaway.errors import AppendRefused, EvidenceInvalid
from seaway.evidence import files
from seaway.evidence.envelope import Envelope
from seaway.evidence.files import FileLedger
from seaway.evidence.index import Index
from seaway.evidence.inspection import verify_ledger
from seaway.evidence.keys import PrivateKey
from seaway.evidence.ledger import Signed
from seaway.evidence.stored import StoredLedger
from tests.evidence.faults.scenarios import big
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless
KEY = PrivateKey.generate()


def take(world: World) -> FileLedger:
    """Opens the store itself, where nobody asks who may say what."""
    return FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock)


def deeds(start: int, count: int) -> list[Signed]:
    """Returns signed deeds."""
    return [Signed.by(KEY, refusal(number)) for number in range(start, start + count)]


def tiles(world: World) -> set[str]:
    """Returns the names of the tile files."""
    root = world.place.ledger
    return {str(path.relative_to(root / "tile")) for path in (root / "tile").rglob("*") if path.is_file()}


def test_a_closed_ledger_is_tiles_and_a_short_journal(world: World) -> None:
    """257 leaves: a full tile, the next ones narrow, no narrower left behind, a journal of its header alone."""
    with take(world) as ledger:
        ledger.append(deeds(0, 100))
        ledger.append(deeds(100, 155))
        ledger.append(deeds(255, 2))
    assert tiles(world) == {"0/000", "0/001.p/1", "1/000.p/1", "entries/000", "entries/001.p/1"}
    assert [path.name for path in (world.place.ledger / "journal").iterdir()] == [f"{257:020}"]
    assert verify_ledger(world.place.ledger).problems == []


def test_narrow_tiles_stay_until_the_roll(world: World) -> None:
    """A replay would begin from them; readers of the old head use them."""
    with take(world) as ledger:
        ledger.append(deeds(0, 3))
        reader = StoredLedger.open(world.place.ledger, world.place.origin)
        ledger.append(deeds(3, 2))
        assert {"0/000.p/3", "0/000.p/5"} <= tiles(world)
    assert "0/000.p/3" not in tiles(world)
    assert len(list(reader.entries())) == 3
    assert reader.prove(2).checkpoint.size == 3


def test_a_journal_rolls_at_its_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is held open."""
    monkeypatch.setattr(files, "ROLL", 4_000)
    with take(world) as ledger:
        names = set()
        for number in range(6):
            ledger.append(deeds(number, 1))
            names |= {path.name for path in (world.place.ledger / "journal").iterdir()}
    assert len(names) > 2
    assert verify_ledger(world.place.ledger).problems == []


def test_secrets_are_for_the_owner_only(world: World) -> None:
    """The log's key is plain, so nobody else reads it."""
    take(world).close()
    assert stat.S_IMODE((world.place.ledger / "log.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["gone", "rubbish", "behind", "ahead"])
def test_the_index_is_made_anew(world: World, damage: str) -> None:
    """A missing, broken, older or newer one is thrown away; the answers are the same."""
    path = world.place.ledger / "index.sqlite"
    with take(world) as ledger:
        ledger.append(deeds(0, 2))
    older = path.read_bytes()
    with take(world) as ledger:
        ledger.append([*deeds(2, 1), Signed.by(KEY, big(1))])
        expected = list(ledger.entries())
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"rubbish": b"rubbish", "behind": older, "ahead": path.read_bytes()}[damage])
    if damage == "ahead":
        index = Index.open(path)
        assert index is not None
        row = next(index.select({}, 0, 1))
        index.add([type(row)(4, "f" * 64, row.type, row.subject, row.key, row.envelope)])
        index.close()
    with take(world) as ledger:
        assert list(ledger.entries()) == expected
        assert ledger.index.size == 4


def test_a_writer_keeps_its_index_up_to_date(world: World) -> None:
    """In the file, entry by entry."""
    with take(world) as ledger:
        for number in range(3):
            ledger.append(deeds(number, 1))
            index = Index.open(world.place.ledger / "index.sqlite")
            assert index is not None
            assert index.size == number + 1
            index.close()


def test_large_envelopes_are_blobs_and_the_journal_stays_small(world: World) -> None:
    """Over 256 KiB only the name is in the record."""
    with take(world) as ledger:
        ledger.append([Signed.by(KEY, big(1))])
        (journal,) = (world.place.ledger / "journal").iterdir()
        assert journal.stat().st_size < 4_000
        (entry,) = ledger.entries()
        assert entry.signed is not None


def test_a_batch_has_a_limit(world: World) -> None:
    """1,024 are taken, one more is not."""
    one = deeds(0, 1)
    with take(world) as ledger:
        with refused(AppendRefused, "more than the 1024", 37):
            ledger.append(one * 1025)
        assert ledger.append(one * 1024)[-1].index == 0


def test_a_wrong_signature_keeps_the_batch_out(world: World) -> None:
    """Nothing of it is written."""
    good, other = deeds(0, 2)
    forged = Signed(Envelope(good.envelope.payload, other.envelope.signature), KEY.public)
    with take(world) as ledger:
        with refused(EvidenceInvalid, "does not hold", 30):
            ledger.append([other, forged])
        assert ledger.size == 0


def test_an_empty_ledger_is_whole(world: World) -> None:
    """Founded, nothing appended: no checkpoint yet, no fault."""
    take(world).close()
    report = verify_ledger(world.place.ledger)
    assert (report.problems, report.size) == ([], 0)
    with take(world) as ledger:
        assert ledger.append(deeds(0, 1))[0].index == 0


def test_entries_are_found_by_each_of_their_names(world: World) -> None:
    """Subject, type, statement, from an index on."""
    with take(world) as ledger:
        ledger.append(
            [Signed.by(KEY, refusal(0, "one")), Signed.by(KEY, refusal(1, "two")), Signed.by(KEY, refusal(2, "one"))]
        )
        kind = refusal().predicate_type
        assert [entry.index for entry in ledger.entries(subject=refusal(0, "one").subject)] == [0, 2]
        assert [entry.index for entry in ledger.entries(predicate_type=kind, from_index=1)] == [1, 2]
        assert [entry.index for entry in ledger.entries(statement=refusal(1, "two").id)] == [1]
        assert list(ledger.entries(predicate_type="other")) == []


def test_what_does_not_belong_is_said(world: World, tmp_path: Path) -> None:
    """A foreign file in the ledger's directory."""
    take(world).close()
    for name in ("notes.txt", "tile/0/notes"):
        path = world.place.ledger / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        assert [problem.file for problem in verify_ledger(world.place.ledger).problems] == [name]
        path.unlink()
