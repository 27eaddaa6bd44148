"""Matches one package against OSV records (OSV schema 1.7): versions, ranges, withdrawn, aliases. Pure.

A version is affected if `versions` lists it or a range holds it: events in order, `introduced` opens, `fixed` closes
at itself, `last_affected` after itself; `introduced: "0"` is before every version. `SEMVER` ranges compare by semver,
`ECOSYSTEM` ranges as the package manager does: `packaging` for PyPI, `univers` for the rest. What cannot be compared
is affected. Ranges of type GIT say nothing about a version; an entry with nothing else cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion as InvalidPypi
from packaging.version import Version
from univers import versions
from univers.versions import InvalidVersion

from seaway.evidence.scan.interface import Finding, Package

Record = Mapping[str, Any]
Parse = Callable[[str], Any]
# purl type -> (OSV ecosystem, how its versions compare)
ECOSYSTEMS: Mapping[str, tuple[str, Parse]] = {
    "pypi": ("PyPI", Version),
    "npm": ("npm", versions.SemverVersion),
    "golang": ("Go", versions.GolangVersion),
    "cargo": ("crates.io", versions.SemverVersion),
    "gem": ("RubyGems", versions.RubygemsVersion),
    "maven": ("Maven", versions.MavenVersion),
    "nuget": ("NuGet", versions.NugetVersion),
    "composer": ("Packagist", versions.ComposerVersion),
}
_EVENTS = ("fixed", "introduced", "last_affected")
_SCORES: Mapping[str, Callable[[str], Any]] = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}


class _Incomparable(ValueError):
    """Two versions cannot be put in order."""


def package_name(package: Package) -> str:
    """Returns the name under which OSV knows a package; `group:artifact` for Maven, with slashes for Go and npm."""
    url = package.url
    separator = ":" if url.type == "maven" else "/"
    return osv_name(url.type, f"{url.namespace}{separator}{url.name}" if url.namespace else url.name)


def osv_name(kind: str, name: str) -> str:
    """Returns the one spelling of a name; PyPI has many for one project (PEP 503)."""
    return canonicalize_name(name) if kind == "pypi" else name


def match(package: Package, records: Iterable[Record], now: datetime) -> tuple[Finding, ...]:
    """Returns the findings for a package, one for all records that are aliases of each other."""
    ecosystem, parse = ECOSYSTEMS[package.url.type]
    name = package_name(package)
    found: list[tuple[Record, str, str]] = []
    for record in records:
        if _is_withdrawn(record, now):
            continue
        entries = [entry for entry in record["affected"] if _is_about(entry, ecosystem, name, package.url.type)]
        said = [answer for entry in entries if (answer := _affects(entry, package.version, parse))]
        if said:
            found.append((record, said[0], _fixed(entries)))
    return tuple(_finding(group, package) for group in _aliased(found))


def _is_withdrawn(record: Record, now: datetime) -> bool:
    withdrawn = record.get("withdrawn")
    return withdrawn is not None and datetime.fromisoformat(withdrawn) <= now


def _is_about(entry: Mapping[str, Any], ecosystem: str, name: str, kind: str) -> bool:
    package = entry.get("package", {})
    return package.get("ecosystem") == ecosystem and osv_name(kind, package.get("name", "")) == name


def _affects(entry: Mapping[str, Any], version: str, parse: Parse) -> str:
    """Returns why a version is affected, empty if it is not."""
    if version in entry.get("versions", ()):
        return f"version {version} is listed"
    ranges = [one for one in entry.get("ranges", ()) if one.get("type") in ("SEMVER", "ECOSYSTEM")]
    if not ranges and not entry.get("versions"):
        return f"version {version} cannot be compared: the advisory names no versions"
    try:
        inside = any(_is_inside(one, version, parse) for one in ranges)
        listed = any(_equal(version, other, parse) for other in entry.get("versions", ()))
    except _Incomparable as error:
        return f"version {version!r} cannot be compared: {error}"
    return f"version {version} is in an affected range" if inside or listed else ""


def _is_inside(one: Mapping[str, Any], version: str, parse: Parse) -> bool:
    """Evaluates a range (OSV schema, "evaluation"): the last event at or before the version decides."""
    parse = versions.SemverVersion if one["type"] == "SEMVER" else parse
    installed = _parsed(version, parse)
    inside = False
    for kind, text in _ordered(one["events"], parse):
        at = None if text == "0" and kind == "introduced" else _parsed(text, parse)
        if kind == "introduced" and (at is None or installed >= at):
            inside = True
        elif (kind == "fixed" and installed >= at) or (kind == "last_affected" and installed > at):
            inside = False
    return inside


def _ordered(events: Sequence[Mapping[str, str]], parse: Parse) -> list[tuple[str, str]]:
    """Returns events by version; at one version a fix, then an introduction, which holds, then a last one affected."""
    pairs = [(kind, text) for event in events for kind, text in event.items() if kind in _EVENTS]
    start = [pair for pair in pairs if pair == ("introduced", "0")]
    later = [pair for pair in pairs if pair != ("introduced", "0")]
    return start + sorted(later, key=lambda pair: (_parsed(pair[1], parse), _EVENTS.index(pair[0])))


def _equal(version: str, other: str, parse: Parse) -> bool:
    """Compares with a listed version; a listed one that is no version equals nothing but itself."""
    installed = _parsed(version, parse)
    try:
        return bool(installed == parse(other))
    except (InvalidPypi, InvalidVersion, ValueError, TypeError):
        return False


def _parsed(text: str, parse: Parse) -> Any:
    try:
        return parse(text)
    except (InvalidPypi, InvalidVersion, ValueError, TypeError, AttributeError) as error:
        raise _Incomparable(f"{text!r} is not a version") from error


def _fixed(entries: Iterable[Mapping[str, Any]]) -> str:
    """Returns the versions said to fix it, as written."""
    events = (event for entry in entries for one in entry.get("ranges", ()) for event in one.get("events", ()))
    return ", ".join(dict.fromkeys(event["fixed"] for event in events if "fixed" in event))


def _aliased(found: Sequence[tuple[Record, str, str]]) -> list[list[tuple[Record, str, str]]]:
    """Groups records that name each other, or a third, as aliases."""
    groups: list[tuple[set[str], list[tuple[Record, str, str]]]] = []
    for item in found:
        names = {item[0]["id"], *item[0].get("aliases", ())}
        joined = [group for group in groups if group[0] & names]
        merged = (names.union(*(group[0] for group in joined)), [one for group in joined for one in group[1]] + [item])
        groups = [group for group in groups if not group[0] & names] + [merged]
    return [members for _, members in groups]


def _finding(group: Sequence[tuple[Record, str, str]], package: Package) -> Finding:
    names = sorted({name for record, _, _ in group for name in (record["id"], *record.get("aliases", ()))})
    first = next((name for name in names if name.startswith("CVE-")), min(record["id"] for record, _, _ in group))
    scores = [score for record, _, _ in group if (score := base_score(record)) is not None]
    summary = next((record["summary"] for record, _, _ in group if record.get("summary")), "")
    return Finding(
        id=first,
        purl=package.purl,
        says=f"{summary}: {group[0][1]}" if summary else group[0][1],
        fixed=", ".join(dict.fromkeys(fixed for _, _, fixed in group if fixed)),
        score=max(scores, default=None),
        aliases=tuple(name for name in names if name != first),
    )


def base_score(record: Record) -> float | None:
    """Returns the highest CVSS base score a record gives; None without one that can be computed."""
    scores = []
    for severity in record.get("severity", ()):
        compute = _SCORES.get(severity.get("type", ""))
        try:
            scores.append(float(compute(severity["score"]).base_score) if compute else None)
        except (CVSSError, KeyError, TypeError):
            continue
    return max((score for score in scores if score is not None), default=None)
