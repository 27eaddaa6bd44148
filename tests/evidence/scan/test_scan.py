"""A scan's state: only what was wholly compared with fresh sources is `scanned`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from packageurl import PackageURL

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, NotScanned
from seaway.evidence.deeds import Scan
from seaway.evidence.scan import apt
from seaway.evidence.scan.apt import ask_archive
from seaway.evidence.scan.debian import DebianArchive, read_archive
from seaway.evidence.scan.interface import Database, Finding, Package, ScanState, Skipped, scan
from seaway.evidence.scan.predicate import scan_predicate
from seaway.evidence.statement import PredicateType as T
from seaway.policy.shape import faults
from tests.policy.world import IMAGE, SBOM, open_world
from tests.policy.world import NOW as GATE

pytestmark = pytest.mark.rootless
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Source:
    """Advisories for one kind of package, in memory."""

    kind: str = "pypi"
    age: timedelta = timedelta(hours=1)
    fetched: timedelta = timedelta(hours=1)
    records: int = 5
    finds: Sequence[Finding] | Skipped = field(default_factory=tuple)

    @property
    def database(self) -> Database:
        return Database(self.kind, "test", NOW - self.age, NOW - self.fetched, self.records, Digest.of(b""))

    def covers(self, package: Package) -> bool:
        return package.url.type == self.kind

    def examine(self, package: Package) -> Sequence[Finding] | Skipped:
        return self.finds


def sbom(*purls: str, **more: object) -> bytes:
    components = [{"name": purl, "purl": purl} if purl.startswith("pkg:") else {"name": purl} for purl in purls]
    return json.dumps({"bomFormat": "CycloneDX", "components": components} | more).encode()


THING = "pkg:pypi/thing@1.0"
STATES: list[tuple[str, bytes, list[Source], ScanState]] = [
    ("all compared", sbom(THING), [Source()], ScanState.SCANNED),
    ("no component", sbom(), [Source()], ScanState.EMPTY),
    ("no source", sbom(THING), [], ScanState.NOT_SCANNED),
    ("no source for this kind", sbom(THING), [Source("npm")], ScanState.NOT_SCANNED),
    ("a source without records", sbom(THING), [Source(records=0)], ScanState.NOT_SCANNED),
    ("nothing has a purl", sbom("thing"), [Source()], ScanState.NOT_SCANNED),
    ("one kind without source", sbom(THING, "pkg:npm/thing@1"), [Source()], ScanState.PARTIAL),
    ("one without purl", sbom(THING, "thing"), [Source()], ScanState.PARTIAL),
    ("a broken purl", sbom(THING, "pkg:nothing"), [Source()], ScanState.PARTIAL),
    ("one skipped", sbom(THING), [Source(finds=Skipped(THING, "why"))], ScanState.PARTIAL),
    ("a database unread", sbom(THING, compositions=[{"aggregate": "incomplete"}]), [Source()], ScanState.PARTIAL),
    ("all read", sbom(THING, compositions=[{"aggregate": "complete"}]), [Source()], ScanState.SCANNED),
    ("odd compositions", sbom(THING, compositions=[1]), [Source()], ScanState.PARTIAL),
    ("at the limit", sbom(THING), [Source(age=timedelta(hours=72))], ScanState.SCANNED),
    ("records too old", sbom(THING), [Source(age=timedelta(hours=72, seconds=1))], ScanState.STALE),
    ("fetched too long ago", sbom(THING), [Source(fetched=timedelta(hours=72, seconds=1))], ScanState.STALE),
    ("fetched in the future", sbom(THING), [Source(fetched=timedelta(seconds=-1))], ScanState.STALE),
    ("an old source not used", sbom(THING), [Source(), Source("npm", timedelta(days=9))], ScanState.SCANNED),
    ("partial beside stale", sbom(THING, "thing"), [Source(age=timedelta(days=9))], ScanState.PARTIAL),
]


@pytest.mark.parametrize(("document", "sources", "state"), [c[1:] for c in STATES], ids=[c[0] for c in STATES])
def test_the_state_says_how_far_it_went(document: bytes, sources: list[Source], state: ScanState) -> None:
    """Each way of not being scanned has its state."""
    assert scan(document, sources, NOW).state is state


def test_what_was_skipped_is_named() -> None:
    """Every package that was not compared stands there with the reason."""
    result = scan(sbom(THING, "pkg:npm/thing@1", "thing"), [Source(records=0)], NOW)
    assert {one.purl: one.why for one in result.skipped} == {
        THING: "the source test has no records",
        "pkg:npm/thing@1": "no source of advisories for npm",
        "thing": "it has no package URL",
    }


def test_nested_components_are_scanned() -> None:
    """A component inside a component is a package too."""
    inner = {"name": "inner", "purl": "pkg:npm/inner@1"}
    document = {"bomFormat": "CycloneDX", "components": [{"name": "outer", "purl": THING, "components": [inner]}]}
    result = scan(json.dumps(document).encode(), [Source()], NOW)
    assert (result.packages, result.state) == (2, ScanState.PARTIAL)


@pytest.mark.parametrize(
    "document", [b"{}", b'{"bomFormat":"CycloneDX"}', b'{"bomFormat":"SPDX","components":[]}', b"[]", b"\x00"]
)
def test_what_is_no_sbom_is_an_error(document: bytes) -> None:
    """Another document is refused, not scanned as empty."""
    with pytest.raises(EvidenceInvalid):
        scan(document, [Source()], NOW)


@pytest.mark.parametrize("components", [[1], [{"components": 1}]])
def test_odd_components_are_an_error(components: list[object]) -> None:
    """A component is an object, its components a list."""
    with pytest.raises(EvidenceInvalid):
        scan(json.dumps({"bomFormat": "CycloneDX", "components": components}).encode(), [Source()], NOW)


RELEASE = b"Suite: stable-security\nCodename: bookworm-security\nDate: Sat, 28 Feb 2026 12:00:00 UTC\n"
MADISON = """
   libssl3 | 3.0.22-1~deb12u2 | http://deb.example/debian-security bookworm-security/main amd64 Packages
   libssl3 | 3.0.20-1~deb12u1 | http://deb.example/debian-security bookworm-security/main amd64 Packages
   libssl3 | 3.0.23-1         | http://deb.example/debian bookworm/main amd64 Packages
     libc6 | 2.36-9+deb12u14  | http://deb.example/debian bookworm/main amd64 Packages
""".strip("\n")


def archive(madison: str = MADISON, release: bytes = RELEASE) -> DebianArchive:
    return read_archive("bookworm", madison, release=release, source="deb.example/debian-security", now=NOW)


def debian(name: str, version: str, **qualifiers: str) -> Package:
    url = PackageURL("deb", "debian", name, version, qualifiers)
    return Package(url.to_string(), url)


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("3.0.22-1~deb12u2", False),
        ("3.0.22-1~deb12u1", True),
        ("3.0.22-1", False),
        ("3.0.21-1", True),
        ("1:3.0.1-1", False),
        ("3.0.3-1", True),
        ("", True),
        ("?", True),
    ],
)
def test_below_the_security_suite_is_a_finding(version: str, found: bool) -> None:
    """The newest version of the security suite is the measure, as Debian orders versions; other suites are not."""
    findings = archive().examine(debian("libssl3", version))
    assert bool(findings) is found


def test_a_debian_finding_names_what_fixes_it() -> None:
    """The fixed version is there, a score is not."""
    (finding,) = archive().examine(debian("libssl3", "3.0.1-1"))  # type: ignore[misc]  # Skipped is not iterable
    assert (finding.fixed, finding.score) == ("3.0.22-1~deb12u2", None)
    assert finding.id == "bookworm-security/libssl3@3.0.22-1~deb12u2"


def test_a_package_the_suite_never_changed_is_compared() -> None:
    """Known to the archive and not in the security suite: nothing to fix."""
    assert archive().examine(debian("libc6", "2.36-9")) == ()


def test_a_package_the_archive_does_not_know_is_skipped() -> None:
    """A package from elsewhere was not compared."""
    assert isinstance(archive().examine(debian("homemade", "1")), Skipped)


@pytest.mark.parametrize(
    ("distribution", "covered"),
    [
        ("", True),
        ("debian-12", True),
        ("debian-12.13", True),
        ("bookworm", True),
        ("debian-13", False),
        ("trixie", False),
    ],
)
def test_only_packages_of_the_suite_are_covered(distribution: str, covered: bool) -> None:
    """A purl that names another release is not compared with this one."""
    assert archive().covers(debian("libssl3", "1", **({"distro": distribution} if distribution else {}))) is covered


def test_other_kinds_and_vendors_are_not_covered() -> None:
    """An Ubuntu package has other versions."""
    ubuntu = PackageURL("deb", "ubuntu", "libssl3", "1")
    assert not archive().covers(Package(ubuntu.to_string(), ubuntu))
    assert not archive().covers(Package(THING, PackageURL.from_string(THING)))


def test_the_date_is_that_of_the_signed_file() -> None:
    """Freshness is when the archive last changed, never when it was asked."""
    database = archive().database
    assert (database.last_update, database.fetched_at) == (datetime(2026, 2, 28, 12, tzinfo=UTC), NOW)
    assert database.digest == Digest.of(RELEASE)


@pytest.mark.parametrize("release", [b"", RELEASE.replace(b"-security", b""), RELEASE.split(b"Date")[0], RELEASE[:-20]])
def test_a_release_file_without_what_is_needed_is_not_scanned(release: bytes) -> None:
    """Another suite's file, or one without a date, is no source."""
    with pytest.raises(NotScanned):
        archive(release=release)


def test_an_archive_that_answers_nothing_has_no_records() -> None:
    """Then nothing is scanned, rather than everything fine."""
    document = sbom("pkg:deb/debian/libssl3@3.0.1-1")
    assert scan(document, [archive(madison="")], NOW).state is ScanState.NOT_SCANNED


def test_apt_answers_from_the_configuration_given(tmp_path: Path) -> None:
    """The real apt, asked over private lists, finds an old version and reads the date of the signed file."""
    ours = _lists(tmp_path)
    found = ask_archive("bookworm", ["thing", "other"], configuration=ours, now=NOW)
    assert (found.known, found.secure) == (frozenset({"thing"}), {"thing": "2.0-1"})
    assert found.database.last_update == datetime(2026, 2, 28, 12, tzinfo=UTC)


def test_apt_without_the_security_suite_is_not_scanned(tmp_path: Path) -> None:
    """A machine whose apt does not know the suite says so."""
    ours = _lists(tmp_path)
    with pytest.raises(NotScanned, match="trixie-security"):
        ask_archive("trixie", [], configuration=ours, now=NOW)


def test_apt_that_fails_is_not_scanned(tmp_path: Path) -> None:
    """A broken configuration is an error with apt's words."""
    broken = tmp_path / "apt.conf"
    broken.write_text("Dir { nonsense\n")
    with pytest.raises(NotScanned, match="failed"):
        ask_archive("bookworm", ["thing"], configuration=broken, now=NOW)


def test_a_machine_without_apt_is_not_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where apt is not, the error says so and how to get it."""
    monkeypatch.setattr(apt, "_PATHS", str(tmp_path))
    with pytest.raises(NotScanned, match="apt is not here"):
        apt.ask_archive("bookworm", ["thing"], configuration=tmp_path / "apt.conf", now=NOW)


def _lists(tmp_path: Path) -> Path:
    """Makes a tiny archive on disk and lets the real apt read it into private lists."""
    assert shutil.which("apt-get"), "apt is needed here: it is on every machine of the demo"
    pool = tmp_path / "archive" / "dists" / "bookworm-security" / "main" / "binary-amd64"
    pool.mkdir(parents=True)
    stanza = "Package: thing\nVersion: 2.0-1\nArchitecture: amd64\nFilename: pool/thing.deb\nSize: 1\nSHA256: {0}\n"
    (pool / "Packages").write_text(stanza.format("0" * 64))
    listed = f"{Digest.of((pool / 'Packages').read_bytes()).hex} {(pool / 'Packages').stat().st_size}"
    (pool.parents[1] / "Release").write_text(
        f"{RELEASE.decode()}Architectures: amd64\nComponents: main\nSHA256:\n {listed} main/binary-amd64/Packages\n"
    )
    for name in ("lists/partial", "cache/archives/partial", "empty"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "status").write_text("")
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/archive bookworm-security main\n")
    configuration = tmp_path / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::parts "{tmp_path}/empty";\nDir::Etc::main "/dev/null";\nDir::Etc::sourceparts "{tmp_path}/empty";\n'
        f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::State::lists "{tmp_path}/lists";\n'
        f'Dir::State::status "{tmp_path}/status";\nDir::Cache "{tmp_path}/cache";\nAPT::Sandbox::User "";\n'
        'APT::Architecture "amd64";\nAPT::Architectures { "amd64"; };\nAcquire::Languages "none";\n'
        'Acquire::Check-Valid-Until "false";\nAcquire::AllowInsecureRepositories "true";\n'
    )
    subprocess.run(
        ["apt-get", "update", "-q"], env={"APT_CONFIG": str(configuration), "PATH": "/usr/bin:/bin"}, check=True
    )
    return configuration


def test_the_predicate_names_the_oldest_source() -> None:
    """A fresh source never hides an old one, and what was skipped is recorded."""
    sources = [Source("pypi", timedelta(hours=9)), Source("npm", timedelta(hours=2))]
    result = scan(sbom(THING, "pkg:npm/thing@1", "thing"), sources, NOW)
    said = scan_predicate(result, version="0.1", started=NOW, finished=NOW)
    assert said.scanner.db.last_update == NOW - timedelta(hours=9)
    assert said.seaway_scan is not None
    assert said.seaway_scan["skipped"] == [{"purl": "thing", "why": "it has no package URL"}]


@pytest.mark.parametrize(
    ("document", "why"), [(sbom(THING), "no source of advisories for pypi"), (sbom(), "no package")]
)
def test_a_scan_without_a_source_says_nothing(document: bytes, why: str) -> None:
    """No database, no freshness: there is nothing to sign, and the error says why."""
    with pytest.raises(NotScanned, match=why):
        scan_predicate(scan(document, [], NOW), version="0.1", started=NOW, finished=NOW)


def test_what_is_written_is_read_back() -> None:
    """The predicate keeps finding, package, score and fix through a statement."""
    finding = Finding("TEST-2026-0001", THING, "a fault", "1.1", 9.8, ("TEST-2026-0002",))
    result = scan(sbom(THING), [Source(finds=(finding,))], NOW)
    said = scan_predicate(result, version="0.1", started=NOW, finished=NOW)
    again = Scan.of(said.about(IMAGE))
    assert again == said
    assert again.scanner.result[0].severity[0].score == "9.8"
    assert again.scanner.result[0].annotations[0]["seaway"] == {
        "purl": THING,
        "says": "a fault",
        "fixed": "1.1",
        "aliases": ["TEST-2026-0002"],
    }


@pytest.mark.parametrize(("kind", "verdict"), [("pypi", "pass"), ("npm", "deny")])
def test_the_gate_reads_a_scan_as_it_was_written(kind: str, verdict: str) -> None:
    """From SBOM bytes through scan and predicate to the gate: whole passes; one package without a source is refused."""
    purls = [THING] if kind == "pypi" else [THING, "pkg:npm/thing@1"]
    document = {"bomFormat": "CycloneDX", "components": [{"name": purl, "purl": purl} for purl in purls]}
    result = scan(json.dumps(document).encode(), [Source()], NOW)
    world = open_world(approved=False)
    world.drop(T.VULNERABILITIES, T.CYCLONEDX)
    world.says("alice", "builder", about=IMAGE, kind=T.CYCLONEDX, **document)
    said = scan_predicate(result, version="0.1", started=NOW, finished=NOW)
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **said.about(IMAGE).predicate)
    world.now = NOW
    assert not list(faults(world.facts.body))
    assert world.verdicts()["scan-fresh"] == verdict


def test_the_fixture_is_what_it_says() -> None:
    """The world of the gate tests has a document a scan accepts."""
    assert scan(json.dumps(SBOM).encode(), [], GATE).state is ScanState.NOT_SCANNED
