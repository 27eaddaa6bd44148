"""Imported advisories: whole or not at all, never re-dated, never shrinking, never read when damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import EvidenceInvalid, NotScanned
from seaway.evidence.scan.advisories import import_directory, imported, newest
from seaway.evidence.scan.interface import Skipped
from tests.evidence.scan.test_osv import package, record

pytestmark = pytest.mark.rootless
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MANIFEST = {"ecosystem": "PyPI", "source": "https://advisories.example/PyPI", "fetchedAt": "2026-02-28T00:00:00Z"}


def directory(path: Path, *records: Mapping[str, Any], **manifest: object) -> Path:
    """Writes a directory as somebody fetched it; a manifest field of None is left out."""
    path.mkdir(parents=True)
    body = {key: value for key, value in (MANIFEST | manifest).items() if value is not None}
    (path / "manifest.json").write_text(json.dumps(body))
    for number, one in enumerate(records or (record(),)):
        (path / f"{number}.json").write_text(json.dumps(one))
    return path


def test_an_import_is_found_with_its_dates(tmp_path: Path) -> None:
    """Source, both dates and the count of records come from the directory."""
    database = import_directory(
        directory(tmp_path / "in", record(), record("TEST-2026-0002")), tmp_path / "db", now=NOW
    )
    assert (database.ecosystem, database.source, database.records) == ("PyPI", MANIFEST["source"], 2)
    assert database.last_update == datetime(2026, 1, 1, tzinfo=UTC)
    assert database.fetched_at == datetime(2026, 2, 28, tzinfo=UTC)
    (found,) = imported(tmp_path / "db", now=NOW)
    assert found.database == database


def test_a_package_is_matched_from_the_imported_set(tmp_path: Path) -> None:
    """A record is found again under its package, and only there."""
    import_directory(directory(tmp_path / "in"), tmp_path / "db", now=NOW)
    (source,) = imported(tmp_path / "db", now=NOW)
    assert source.covers(package("pypi", "1.0"))
    assert not source.covers(package("npm", "1.0"))
    (found,) = source.examine(package("pypi", "1.0"))  # type: ignore[misc]  # Skipped is not iterable
    assert found.id == "TEST-2026-0001"
    assert source.examine(package("pypi", "1.0", "other")) == ()


def test_a_package_without_a_version_is_skipped(tmp_path: Path) -> None:
    """What has no version was not compared."""
    import_directory(directory(tmp_path / "in"), tmp_path / "db", now=NOW)
    (source,) = imported(tmp_path / "db", now=NOW)
    assert isinstance(source.examine(package("pypi", "")), Skipped)


def test_who_imports_may_say_what_the_directory_does_not(tmp_path: Path) -> None:
    """Source and time of fetching are needed, from one side or the other."""
    path = directory(tmp_path / "in", source=None, fetchedAt=None)
    when = NOW - timedelta(hours=1)
    assert import_directory(path, tmp_path / "db", now=NOW, source="usb", fetched_at=when).fetched_at == when


REFUSED: list[tuple[str, dict[str, object], list[Mapping[str, Any]]]] = [
    ("ecosystem", {"ecosystem": "Cobol"}, []),
    ("from", {"source": None}, []),
    ("when", {"fetchedAt": None}, []),
    ("not a time", {"fetchedAt": "yesterday"}, []),
    ("no time zone", {"fetchedAt": "2026-02-28T00:00:00"}, []),
    ("future", {"fetchedAt": "2026-03-01T00:00:01Z"}, []),
    ("newer than the day", {}, [record() | {"modified": "2026-02-28T00:00:01Z"}]),
    ("not a time", {}, [record() | {"modified": None}]),
    ("not a time", {}, [record() | {"withdrawn": "soon"}]),
    ("not an OSV record", {}, [{"id": "TEST-2026-0001"}]),
    ("not an OSV record", {}, [record() | {"id": 1}]),
    ("not an OSV record", {}, [record() | {"affected": [1]}]),
    ("not an OSV record", {}, [record() | {"affected": [{"ranges": 1}]}]),
    ("not an OSV record", {}, [record() | {"affected": [{"ranges": [{"events": [1]}]}]}]),
    ("not an OSV record", {}, [record() | {"affected": [{"versions": [1]}]}]),
    ("not an OSV record", {}, [record() | {"affected": [{"package": 1}]}]),
    ("not an OSV record", {}, [record() | {"aliases": [1]}]),
    ("not an OSV record", {}, [record() | {"severity": {}}]),
    ("not an OSV record", {}, [record() | {"severity": [1]}]),
    ("twice", {}, [record(), record()]),
    ("no record is about", {}, [record(kind="npm")]),
]


@pytest.mark.parametrize(("why", "manifest", "records"), REFUSED)
def test_a_doubtful_directory_is_refused_and_nothing_is_written(
    tmp_path: Path, why: str, manifest: dict[str, object], records: list[Mapping[str, Any]]
) -> None:
    """Bad input gets a clear error and changes nothing."""
    with pytest.raises(EvidenceInvalid, match=why):
        import_directory(directory(tmp_path / "in", *records, **manifest), tmp_path / "db", now=NOW)
    assert not list((tmp_path / "db").rglob("*"))


def test_a_set_that_shrinks_is_refused(tmp_path: Path) -> None:
    """Published sets have lacked records; as many or more go through."""
    two = (record(), record("TEST-2026-0002"))
    import_directory(directory(tmp_path / "a", *two), tmp_path / "db", now=NOW)
    with pytest.raises(EvidenceInvalid, match="shrinks"):
        import_directory(directory(tmp_path / "b", fetchedAt="2026-02-28T01:00:00Z"), tmp_path / "db", now=NOW)
    third = directory(tmp_path / "c", *two, fetchedAt="2026-02-28T02:00:00Z")
    assert import_directory(third, tmp_path / "db", now=NOW).records == 2


def test_an_older_set_does_not_replace_a_newer(tmp_path: Path) -> None:
    """Time does not run back."""
    import_directory(directory(tmp_path / "a"), tmp_path / "db", now=NOW)
    with pytest.raises(EvidenceInvalid, match="newer set"):
        import_directory(directory(tmp_path / "b", fetchedAt="2026-02-27T00:00:00Z"), tmp_path / "db", now=NOW)


def test_the_newest_set_counts(tmp_path: Path) -> None:
    """Of several sets the one fetched last is used; importing one again changes nothing."""
    for name, when in (("a", "2026-02-27T00:00:00Z"), ("b", "2026-02-28T00:00:00Z"), ("c", "2026-02-28T00:00:00Z")):
        import_directory(directory(tmp_path / name, fetchedAt=when), tmp_path / "db", now=NOW)
    found = newest(tmp_path / "db", "PyPI", now=NOW)
    assert found is not None
    assert found.database.fetched_at == datetime(2026, 2, 28, tzinfo=UTC)
    assert len(list((tmp_path / "db" / "PyPI").iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"not json"])
def test_every_damaged_file_is_said(tmp_path: Path, damage: bytes) -> None:
    """A set whose manifest or shard was changed is never matched against."""
    import_directory(directory(tmp_path / "in"), tmp_path / "db", now=NOW)
    for path in sorted((tmp_path / "db").rglob("*.json*")):
        whole = path.read_bytes()
        path.write_bytes(damage)
        with pytest.raises(NotScanned, match="damaged"):
            imported(tmp_path / "db", now=NOW)[0].examine(package("pypi", "1.0"))
        path.unlink()
        with pytest.raises(NotScanned):
            imported(tmp_path / "db", now=NOW)[0].examine(package("pypi", "1.0"))
        path.write_bytes(whole)


def test_an_import_that_fails_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle leaves the set before and no half one; the next import goes through."""
    import_directory(directory(tmp_path / "a"), tmp_path / "db", now=NOW)
    path = directory(tmp_path / "b", fetchedAt="2026-02-28T01:00:00Z")
    before = sorted((tmp_path / "db").rglob("*"))

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            import_directory(path, tmp_path / "db", now=NOW)
    assert sorted((tmp_path / "db").rglob("*")) == before
    assert import_directory(path, tmp_path / "db", now=NOW).records == 1


def test_what_a_killed_import_left_is_not_a_set(tmp_path: Path) -> None:
    """An unfinished directory is neither read nor in the way."""
    database = import_directory(directory(tmp_path / "a"), tmp_path / "db", now=NOW)
    (tmp_path / "db" / "PyPI" / ".20260301T000000Z-000000000000").mkdir()
    (source,) = imported(tmp_path / "db", now=NOW)
    assert source.database == database


def test_nothing_imported_is_nothing(tmp_path: Path) -> None:
    """Without a set there is no source, which a scan reports as not scanned."""
    assert imported(tmp_path / "db", now=NOW) == ()
