"""`ledger verify`: a flipped byte in any file is located, and a whole ledger is whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.errors import EvidenceError
from seaway.evidence.inspection import verify_ledger
from seaway.evidence.roles import Role
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


@pytest.fixture
def ledger(world: World) -> Path:
    """A closed ledger with two people, deeds, one erased payload."""
    with world.found() as notary:
        world.enrol(notary, "p-tess", Role.TESTER)
        for number in range(3):
            notary.append(refusal(number), world.owner)
        notary.erase(next(notary.ledger.entries(from_index=3)).envelope, "asked for")
    return world.place.ledger


def flips(directory: Path, step: int, seed: int) -> Iterator[tuple[Path, int, int]]:
    """Yields (file, offset, mask) for every `step`-th byte of every file that counts, from a random start."""
    draw = random.Random(seed)
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        if path.name != "lock" and not path.name.startswith("index.sqlite"):
            for offset in range(draw.randrange(step), path.stat().st_size, step):
                yield path, offset, 1 << draw.randrange(8)


def test_a_whole_ledger_has_no_fault(ledger: Path) -> None:
    """Nothing is said against what nobody touched; the erasure is a note."""
    report = verify_ledger(ledger)
    assert report.problems == []
    assert [note.says for note in report.notes] == ["the payload of leaf 3 was erased"]
    assert report.size == 5


def check_flips(ledger: Path, step: int, seed: int) -> None:
    """Flips one bit after the other and asks for the file's name each time."""
    print(f"seed {seed}")
    for path, offset, mask in flips(ledger, step, seed):
        whole = path.read_bytes()
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ mask]) + whole[offset + 1 :])
        named = {problem.file for problem in verify_ledger(ledger).problems}
        path.write_bytes(whole)
        assert str(path.relative_to(ledger)) in named, f"byte {offset} ^ {mask} of {path} was not located: {named}"
    assert verify_ledger(ledger).whole


def test_a_flipped_byte_is_located(ledger: Path) -> None:
    """A sample of all bytes of all files: the report names the file that was changed."""
    check_flips(ledger, 97, random.randrange(2**32))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_flipped_byte_is_located(ledger: Path) -> None:
    """Every byte of every file."""
    check_flips(ledger, 1, random.randrange(2**32))


def test_every_missing_file_is_located(ledger: Path) -> None:
    """A file that was removed is named, its directory at least."""
    for path in sorted(path for path in ledger.rglob("*") if path.is_file()):
        name = str(path.relative_to(ledger))
        if name in ("lock", "index.sqlite", "log.key"):
            continue
        whole = path.read_bytes()
        path.unlink()
        problems = [problem.file for problem in verify_ledger(ledger).problems]
        path.write_bytes(whole)
        assert any(name.startswith(file) or file == name for file in problems), (name, problems)


def test_a_damaged_index_is_never_believed(world: World, ledger: Path) -> None:
    """Whatever a flipped byte does to the derived index, readers get the same answer or an error, never less."""
    path, draw = ledger / "index.sqlite", random.Random(7)
    whole = path.read_bytes()
    with world.read() as reader:
        expected = [found.index for found in reader.verified()]
    for _ in range(25):
        offset = draw.randrange(len(whole))
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ (1 << draw.randrange(8))]) + whole[offset + 1 :])
        try:
            with world.read() as reader:
                assert [found.index for found in reader.verified()] == expected
        except EvidenceError:
            continue
