"""Imported OSV directories: dated, counted, hashed, one line of descent per ecosystem.

`<root>/<ecosystem>/<fetchedAt>-<12 hex>/` holds `manifest.json` (source, fetchedAt, newest modified, record count,
SHA-256) and the records in shards by package name, so that a scan reads what it needs. Rules: an import is whole or
nothing (written beside, synced, renamed); a date is never made up: `fetchedAt` comes with the directory or from who
imports; a set with fewer records than the one before is refused, since published sets have lacked records
(osv.dev #2575). No advisory travels with Seaway. Matching is in `osv.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from seaway.digest import Digest, canonical
from seaway.errors import EvidenceInvalid, NotScanned
from seaway.evidence.disk import make_directory, sync_path, write_file
from seaway.evidence.scan.interface import Database, Finding, Package, Skipped
from seaway.evidence.scan.osv import ECOSYSTEMS, Record, match, osv_name, package_name
from seaway.evidence.shape import write_time
from seaway.evidence.strictjson import read_object

MANIFEST = "manifest.json"
_KINDS = {ecosystem: kind for kind, (ecosystem, _) in ECOSYSTEMS.items()}


@dataclass(frozen=True, slots=True)
class OsvDirectory:
    """One imported set of records."""

    path: Path
    kind: str
    database: Database
    shards: Mapping[str, Digest]
    now: datetime

    def covers(self, package: Package) -> bool:
        """Tells whether packages of this kind are in this ecosystem."""
        return package.url.type == self.kind

    def examine(self, package: Package) -> Sequence[Finding] | Skipped:
        """Matches a package; raises NotScanned where the set on disk is damaged."""
        if not package.version:
            return Skipped(package.purl, "its version is not known")
        name = package_name(package)
        return match(package, [record for named, record in self._shard(_shard(name)) if named == name], self.now)

    def _shard(self, shard: str) -> Iterator[tuple[str, Record]]:
        if shard not in self.shards:
            return
        path = self.path / f"{shard}.jsonl"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NotScanned(f"advisories cannot be read: {error}", where=path, hint=_AGAIN) from error
        if Digest.of(data) != self.shards[shard]:
            raise NotScanned("advisories are damaged", where=path, hint=_AGAIN)
        for line in data.splitlines():
            body = read_object(line, where=path)
            yield cast("str", body["name"]), cast("Record", body["record"])


_AGAIN = "seaway advisories import DIR"


def import_directory(
    directory: Path, root: Path, *, now: datetime, source: str = "", fetched_at: datetime | None = None
) -> Database:
    """Imports a directory of OSV records; raises EvidenceInvalid, having changed nothing.

    `manifest.json` in it names `ecosystem`, `source` and `fetchedAt`; the arguments say what it does not.
    """
    stated = _stated(directory, source, fetched_at)
    records = dict(_records(directory))
    shards = _shards(records, stated.ecosystem)
    manifest = _manifest(stated, records, shards)
    _check(manifest, newest(root, stated.ecosystem, now=now), now)
    home = root / quote(stated.ecosystem, safe="")
    digest = Digest.of_json(manifest)
    name = f"{stated.fetched_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest.short}"
    _write(home, name, {f"{shard}.jsonl": data for shard, data in shards.items()} | {MANIFEST: canonical(manifest)})
    return _open(home / name, now).database


def newest(root: Path, ecosystem: str, *, now: datetime) -> OsvDirectory | None:
    """Returns the newest set of an ecosystem, None if none was imported; raises NotScanned for a damaged one."""
    home = root / quote(ecosystem, safe="")
    sets = sorted(path for path in home.glob("*-*") if path.is_dir() and not path.name.startswith("."))
    return _open(sets[-1], now) if sets else None


def imported(root: Path, *, now: datetime) -> tuple[OsvDirectory, ...]:
    """Returns the newest set of every ecosystem there is."""
    found = (newest(root, ecosystem, now=now) for ecosystem in sorted(_KINDS))
    return tuple(one for one in found if one)


@dataclass(frozen=True, slots=True)
class _Stated:
    ecosystem: str
    source: str
    fetched_at: datetime


def _stated(directory: Path, source: str, fetched_at: datetime | None) -> _Stated:
    path = directory / MANIFEST
    body = read_object(path.read_bytes(), where=path) if path.is_file() else {}
    ecosystem, named, fetched = body.get("ecosystem"), source or body.get("source"), fetched_at or body.get("fetchedAt")
    if ecosystem not in _KINDS:
        raise EvidenceInvalid(
            f"{ecosystem!r} is not an ecosystem that can be matched",
            where=path,
            hint=f"one of {', '.join(sorted(_KINDS))}",
        )
    if not isinstance(named, str) or not named:
        raise EvidenceInvalid(
            "nothing says where the advisories are from", where=path, hint="add source to the manifest"
        )
    if fetched is None:
        raise EvidenceInvalid("nothing says when the advisories were fetched", where=path, hint="--fetched-at TIME")
    return _Stated(str(ecosystem), named, fetched if isinstance(fetched, datetime) else _time(fetched, path))


def _records(directory: Path) -> Iterator[tuple[str, Record]]:
    seen: set[str] = set()
    for path in sorted(directory.rglob("*.json")):
        if path.name == MANIFEST:
            continue
        record = read_object(path.read_bytes(), where=path)
        name = record.get("id")
        if not isinstance(name, str) or not _is_record(record):
            raise EvidenceInvalid("not an OSV record", where=path)
        if name in seen:
            raise EvidenceInvalid(f"{name} is there twice", where=path)
        seen.add(name)
        for key in ("modified", *(("withdrawn",) if "withdrawn" in record else ())):
            _time(record.get(key), path)
        yield name, record


def _is_record(record: Mapping[str, object]) -> bool:
    """Tells whether a record has the kinds of parts that matching relies on."""
    affected, aliases, severity = record.get("affected"), record.get("aliases", []), record.get("severity", [])
    if not isinstance(affected, list) or not isinstance(aliases, list) or not isinstance(severity, list):
        return False
    named = all(isinstance(alias, str) for alias in aliases) and all(isinstance(one, dict) for one in severity)
    return named and all(_is_entry(entry) for entry in affected)


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("package", {}), dict):
        return False
    ranges, listed = entry.get("ranges", []), entry.get("versions", [])
    whole = isinstance(ranges, list) and isinstance(listed, list) and all(isinstance(v, str) for v in listed)
    return whole and all(_is_range(one) for one in ranges)


def _is_range(one: object) -> bool:
    events = one.get("events") if isinstance(one, dict) else None
    return isinstance(events, list) and all(
        isinstance(event, dict) and all(isinstance(value, str) for value in event.values()) for event in events
    )


def _shards(records: Mapping[str, Record], ecosystem: str) -> dict[str, bytes]:
    """Returns the lines of each shard, sorted; a record stands once for each package of the ecosystem it is about."""
    lines: dict[str, set[bytes]] = {}
    for record in records.values():
        for entry in record["affected"]:
            package = cast("Mapping[str, Any]", entry.get("package", {}))
            if package.get("ecosystem") == ecosystem and package.get("name"):
                name = osv_name(_KINDS[ecosystem], package["name"])
                lines.setdefault(_shard(name), set()).add(canonical({"name": name, "record": record}))
    return {shard: b"\n".join(sorted(found)) + b"\n" for shard, found in sorted(lines.items())}


def _shard(name: str) -> str:
    return Digest.of(name.encode()).hex[:2]


def _manifest(stated: _Stated, records: Mapping[str, Record], shards: Mapping[str, bytes]) -> dict[str, object]:
    if not shards:
        raise EvidenceInvalid(f"no record is about {stated.ecosystem}")
    modified = max(_time(record["modified"], name) for name, record in records.items())
    return {
        "ecosystem": stated.ecosystem,
        "source": stated.source,
        "fetchedAt": write_time(stated.fetched_at),
        "modified": write_time(modified),
        "records": len(records),
        "shards": {shard: Digest.of(data).hex for shard, data in shards.items()},
    }


def _check(manifest: Mapping[str, object], before: OsvDirectory | None, now: datetime) -> None:
    fetched, modified = (_time(manifest[key], key) for key in ("fetchedAt", "modified"))
    if fetched > now:
        raise EvidenceInvalid("the advisories were fetched in the future", where=manifest["fetchedAt"])
    if modified > fetched:
        raise EvidenceInvalid("a record is newer than the day it was fetched on", where=manifest["modified"])
    if before and fetched < before.database.fetched_at:
        raise EvidenceInvalid("a newer set is here already", where=before.path)
    if before and cast("int", manifest["records"]) < before.database.records:
        says = f"{manifest['records']} records, {before.database.records} before: a set that shrinks lacks records"
        raise EvidenceInvalid(says, where=before.path, hint="fetch it again, or remove the older set by hand")


def _write(home: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Writes a set beside its place, synced, then renames it there: a set is whole or absent."""
    if (home / name).is_dir():
        return
    partial = home / f".{name}"
    for changed in make_directory(home):
        sync_path(changed)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        for file, data in files.items():
            write_file(partial / file, data, durable=True)
        sync_path(partial)
        partial.rename(home / name)
        sync_path(home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _open(path: Path, now: datetime) -> OsvDirectory:
    try:
        data = (path / MANIFEST).read_bytes()
        body = read_object(data, where=path)
        shards = {shard: Digest(value) for shard, value in cast("dict[str, str]", body["shards"]).items()}
        database = Database(
            ecosystem=cast("str", body["ecosystem"]),
            source=cast("str", body["source"]),
            last_update=_time(body["modified"], path),
            fetched_at=_time(body["fetchedAt"], path),
            records=cast("int", body["records"]),
            digest=Digest.of(data),
        )
        return OsvDirectory(path, _KINDS[database.ecosystem], database, shards, now)
    except (OSError, EvidenceInvalid, KeyError, ValueError, AttributeError) as error:
        raise NotScanned(f"advisories are damaged: {error}", where=path, hint=_AGAIN) from error


def _time(text: object, where: object) -> datetime:
    try:
        moment = datetime.fromisoformat(cast("str", text))
    except (TypeError, ValueError):
        raise EvidenceInvalid(f"{text!r} is not a time", where=where) from None
    if moment.tzinfo is None:
        raise EvidenceInvalid(f"{text!r} has no time zone", where=where)
    return moment.astimezone(UTC)
