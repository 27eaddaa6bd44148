"""Debian packages against the archive's security suite: what is installed below the version there is a finding.

The archive gives no advisory ids and no scores, so a finding is named by package and version and its score is not
known, which counts as high. Freshness is the date in the signed Release file of the security suite. Versions are
Debian's (deb-version(7)). Pure: apt's answer is text that comes in; who runs apt is in `apt.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from univers.versions import DebianVersion, InvalidVersion

from seaway.digest import Digest
from seaway.errors import NotScanned
from seaway.evidence.scan.interface import Database, Finding, Package, Skipped

_RELEASES = {"bookworm": "12", "trixie": "13", "bullseye": "11", "forky": "14"}


@dataclass(frozen=True, slots=True)
class DebianArchive:
    """A suite as apt sees it: `secure` is each binary package's newest version in the security suite."""

    suite: str
    known: frozenset[str]
    secure: Mapping[str, str]
    database: Database

    def covers(self, package: Package) -> bool:
        """Tells whether it is a Debian package, and of this suite as far as its purl says."""
        distribution = (package.url.qualifiers or {}).get("distro", "")
        return package.url.type == "deb" and package.url.namespace == "debian" and self._is_suite(distribution)

    def examine(self, package: Package) -> Sequence[Finding] | Skipped:
        """Compares the installed version with the security suite's."""
        name = package.url.name
        if name not in self.known:
            return Skipped(package.purl, f"the archive has no package {name} in {self.suite}")
        fixed = self.secure.get(name)
        if fixed is None:
            return ()
        below = _is_below(package.version, fixed)
        if below is False:
            return ()
        says = f"installed {package.version}, the security suite has {fixed}"
        if below is None:
            says = f"the installed version {package.version!r} cannot be compared with {fixed}"
        return (Finding(f"{self.suite}-security/{name}@{fixed}", package.purl, says, fixed),)

    def _is_suite(self, distribution: str) -> bool:
        named = distribution.removeprefix("debian-").split(".", 1)[0]
        return distribution == "" or named in (self.suite, _RELEASES.get(self.suite, self.suite))


def read_archive(suite: str, madison: str, *, release: bytes, source: str, now: datetime) -> DebianArchive:
    """Reads what `apt-cache madison` says of all packages asked for, and the security suite's Release file.

    Raises NotScanned where the security suite is not among apt's sources or says no date.
    """
    known, secure = set(), dict[str, str]()
    for line in madison.splitlines():
        name, version, place = (part.strip() for part in line.split("|"))
        known.add(name)
        if f" {suite}-security/" in place and _is_below(secure.get(name, ""), version) is not False:
            secure[name] = version
    database = Database(
        ecosystem=f"Debian:{suite}",
        source=source,
        last_update=_date(release, suite),
        fetched_at=now,
        records=len(known),
        digest=Digest.of(release),
    )
    return DebianArchive(suite, frozenset(known), secure, database)


def _date(release: bytes, suite: str) -> datetime:
    """Returns the date of a Release file that is of this security suite and still valid (Debian repository format)."""
    lines = (
        line.partition(":") for line in release.decode("utf-8", "replace").splitlines() if not line.startswith(" ")
    )
    fields = {name: value.strip() for name, _, value in lines}
    if fields.get("Codename") != f"{suite}-security":
        raise NotScanned(f"the Release file is not that of {suite}-security", hint="add the security suite to apt")
    try:
        return parsedate_to_datetime(fields["Date"]).astimezone(UTC)
    except (KeyError, ValueError) as error:
        raise NotScanned(f"the Release file of {suite}-security has no date") from error


def _is_below(version: str, other: str) -> bool | None:
    """Compares two Debian versions; None where one of them is none. An empty one is below all."""
    if not version:
        return True
    try:
        return bool(DebianVersion(version) < DebianVersion(other))
    except InvalidVersion:
        return None
