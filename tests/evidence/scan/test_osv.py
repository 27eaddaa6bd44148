"""OSV matching: ranges to the version, and what cannot be compared is found, never passed over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL
from packaging.version import Version

from seaway.evidence.scan.interface import Package
from seaway.evidence.scan.osv import ECOSYSTEMS, base_score, match, package_name

pytestmark = pytest.mark.rootless
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TABLE = (Path(__file__).parent / "data" / "ranges.txt").read_text("utf-8").splitlines()[1:]
CRITICAL = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
LOW = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L"}


def package(kind: str, version: str, name: str = "thing", namespace: str = "") -> Package:
    url = PackageURL(type=kind, namespace=namespace or None, name=name, version=version)
    return Package(url.to_string(), url)


def record(name: str = "TEST-2026-0001", *, kind: str = "pypi", package: str = "thing", **more: Any) -> dict[str, Any]:
    """Returns an invented advisory; without `affected` it is about every version."""
    entry = {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]} | more.pop("entry", {})
    named = {"ecosystem": ECOSYSTEMS[kind][0], "name": package}
    return {"id": name, "modified": "2026-01-01T00:00:00Z", "affected": [{"package": named} | entry]} | more


@pytest.mark.parametrize("line", TABLE)
def test_a_version_is_inside_or_outside(line: str) -> None:
    """Events open and close a range as the schema says, whatever their order in the file."""
    installed, entry, expected = (part.strip() for part in line.split(" | "))
    kind, version = installed.split()
    advisory = record(kind=kind)
    advisory["affected"] = [{"package": advisory["affected"][0]["package"]} | json.loads(entry)]
    found = match(package(kind, version), [advisory], NOW)
    says = "no" if not found else "unknown" if "cannot be compared" in found[0].says else "yes"
    assert says == expected


def test_another_package_or_ecosystem_is_not_meant() -> None:
    """A record counts for the package and ecosystem it names."""
    assert not match(package("pypi", "1.0"), [record(package="other"), record(kind="npm")], NOW)


def test_pypi_names_have_one_spelling() -> None:
    """`Some.Thing` and `some-thing` are one project (PEP 503)."""
    assert match(package("pypi", "1.0", "some-thing"), [record(package="Some.Thing")], NOW)


@pytest.mark.parametrize(
    ("kind", "namespace", "name"),
    [("maven", "org.acme", "org.acme:thing"), ("golang", "a.example/b", "a.example/b/thing")],
)
def test_names_with_a_namespace(kind: str, namespace: str, name: str) -> None:
    """A namespace joins the name as OSV spells it."""
    assert package_name(package(kind, "1.0", namespace=namespace)) == name


@pytest.mark.parametrize(("withdrawn", "found"), [("2026-02-01T00:00:00Z", 0), ("2026-04-01T00:00:00Z", 1), (None, 1)])
def test_a_withdrawn_record_counts_no_more(withdrawn: str | None, found: int) -> None:
    """From the moment it is withdrawn, not before."""
    assert len(match(package("pypi", "1.0"), [record(withdrawn=withdrawn)], NOW)) == found


def test_aliases_are_one_finding() -> None:
    """Records that share a name, even through a third, are one finding, under the CVE id, with the highest score."""
    records = [
        record("TEST-2026-0001", aliases=["CVE-2026-99999"], severity=[LOW], summary="a fault"),
        record("TEST-2026-0002", aliases=["TEST-2026-0003"], severity=[CRITICAL]),
        record("TEST-2026-0003", aliases=["CVE-2026-99999"]),
        record("TEST-2026-0004"),
    ]
    found = match(package("pypi", "1.0"), records, NOW)
    assert sorted(finding.id for finding in found) == ["CVE-2026-99999", "TEST-2026-0004"]
    merged = next(finding for finding in found if finding.id.startswith("CVE"))
    assert merged.aliases == ("TEST-2026-0001", "TEST-2026-0002", "TEST-2026-0003")
    assert merged.score == 9.8
    assert merged.says.startswith("a fault")


def test_what_fixes_it_is_said() -> None:
    """A finding names the fixed versions."""
    entry = {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5"}]}]}
    (found,) = match(package("pypi", "1.0"), [record(entry=entry)], NOW)
    assert (found.fixed, found.score) == ("1.5", None)


@pytest.mark.parametrize(
    ("severity", "score"),
    [
        ([], None),
        ([CRITICAL], 9.8),
        ([LOW, CRITICAL], 9.8),
        ([{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:N/I:N/A:C"}], 7.8),
        ([{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}], 9.3),
        ([{"type": "CVSS_V3", "score": "nonsense"}], None),
        ([{"type": "Ubuntu", "score": "high"}], None),
        ([{"type": "CVSS_V3"}], None),
    ],
)
def test_scores_are_computed_or_unknown(severity: list[dict[str, str]], score: float | None) -> None:
    """A vector gives a base score; anything else gives none, which is not zero."""
    assert base_score({"severity": severity}) == score


numbers = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: f"{pair[0]}.{pair[1]}")


@settings(max_examples=200, deadline=None)
@given(numbers, numbers, numbers, st.sampled_from(["fixed", "last_affected"]))
def test_one_interval_is_an_interval(installed: str, begin: str, end: str, closes: str) -> None:
    """`introduced` and an end hold exactly what lies between, and the order of events never matters."""
    events = [{"introduced": begin}, {closes: end}]
    lower, upper, here = Version(begin), Version(end), Version(installed)
    inside = lower <= here and (here < upper if closes == "fixed" else here <= upper)
    # At one version a fix comes before an introduction, so the range opens again there; backwards it never closes.
    expected = inside or (here >= lower and upper <= lower and (closes == "fixed" or upper < lower))
    for order in (events, events[::-1]):
        advisory = record(entry={"ranges": [{"type": "ECOSYSTEM", "events": order}]})
        assert bool(match(package("pypi", installed), [advisory], NOW)) == expected
