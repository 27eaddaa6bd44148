"""Scans: each image's bill of materials against Debian's security suite and imported advisories, signed as it came out.

A source that cannot be asked is no source: its packages are not scanned, the result says so and no gate passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packageurl import PackageURL

from seaway import __version__
from seaway.bundle import Bundle
from seaway.digest import Digest, canonical
from seaway.errors import BaseError, EvidenceMissing, NotScanned, ToolMissing
from seaway.evidence.notary import Notary
from seaway.evidence.scan import advisories
from seaway.evidence.scan.apt import ask_archive
from seaway.evidence.scan.interface import LARGEST, Advisories, ScanResult, scan
from seaway.evidence.scan.predicate import scan_predicate
from seaway.evidence.statement import PredicateType
from seaway.evidence.strictjson import read_object
from seaway.image.aptget import private_apt
from seaway.stages.acting import Person, now
from seaway.workspace import Workspace

Say = Callable[[str, str], None]
SUITES = {"11": "bullseye", "12": "bookworm", "13": "trixie"}


@dataclass(frozen=True, slots=True)
class Scanned:
    """The scan of one image, and why a source could not be asked."""

    service: str
    image: Digest
    result: ScanResult
    started: datetime
    finished: datetime
    problems: tuple[str, ...] = ()


def scan_bundle(space: Workspace, notary: Notary, bundle: Bundle, say: Say) -> tuple[Scanned, ...]:
    """Scans every image of a bundle by its newest verified bill of materials."""
    bills = {service: _bill(notary, service, image.digest) for service, image in sorted(bundle.images.items())}
    say("advisories", "asking")
    sources, problems = _sources(space, bills.values())
    found = []
    for service, bill in bills.items():
        say("scan", service)
        started = now()
        result = scan(bill, sources, started)
        found.append(Scanned(service, bundle.images[service].digest, result, started, now(), problems))
    return tuple(found)


def sign(notary: Notary, scanned: tuple[Scanned, ...], *, scanner: Person) -> tuple[str, ...]:
    """Records the scans; returns the images for which there was no source and so nothing to say."""
    deeds, silent = [], []
    for one in scanned:
        try:
            predicate = scan_predicate(one.result, version=__version__, started=one.started, finished=one.finished)
            deeds.append((predicate.about(one.image), scanner.signer))
        except NotScanned:
            silent.append(one.service)
    if deeds:
        notary.append_all(deeds)
    return tuple(silent)


def _bill(notary: Notary, service: str, image: Digest) -> bytes:
    """Returns the newest verified SBOM of an image as canonical JSON."""
    for verified in reversed(notary.verified(subject=image)):
        statement = verified.statement
        if statement.predicate_type == PredicateType.CYCLONEDX:
            return canonical(statement.predicate)
        if statement.predicate_type == PredicateType.REFERENCE:
            reference = statement.predicate["references"]
            assert isinstance(reference, list)
            return notary.payloads.get(Digest(reference[0]["digest"]["sha256"]))
    raise EvidenceMissing(f"{service} has no signed bill of materials", where=str(image), hint="seaway build")


def _sources(space: Workspace, bills: Iterable[bytes]) -> tuple[list[Advisories], tuple[str, ...]]:
    found: list[Advisories] = []
    problems: list[str] = []
    for (suite, architecture), names in sorted(_debian(bills).items()):
        try:
            found.append(_archive(space, suite, architecture, names))
        except (NotScanned, BaseError, ToolMissing) as error:
            problems.append(f"Debian {suite}: {error}")
    try:
        found += advisories.imported(advisories_folder(space), now=now())
    except NotScanned as error:
        problems.append(str(error))
    return found, tuple(problems)


def _archive(space: Workspace, suite: str, architecture: str, names: set[str]) -> Advisories:
    with private_apt(suite, architecture, space.cache) as apt:
        apt.update()
        return ask_archive(suite, names, configuration=apt.config, now=now())


def _debian(bills: Iterable[bytes]) -> dict[tuple[str, str], set[str]]:
    """Returns the names of Debian packages in bills of materials by suite and architecture."""
    names: dict[tuple[str, str], set[str]] = {}
    for package in (package for bill in bills for package in _packages(bill)):
        qualifiers = package.qualifiers if isinstance(package.qualifiers, dict) else {}
        suite = SUITES.get(qualifiers.get("distro", "").removeprefix("debian-"), qualifiers.get("distro", ""))
        names.setdefault((suite, qualifiers.get("arch", "")), set()).add(package.name)
    every = {suite: known for (suite, architecture), known in names.items() if architecture == "all"}
    return {key: known | every.get(key[0], set()) for key, known in names.items() if key[1] != "all"}


def _packages(bill: bytes) -> Iterator[PackageURL]:
    listed = read_object(bill, where="sbom", limit=LARGEST).get("components")
    for component in listed if isinstance(listed, list) else ():
        purl = component.get("purl", "") if isinstance(component, dict) else ""
        if str(purl).startswith("pkg:deb/debian/"):
            yield PackageURL.from_string(purl)


def advisories_folder(space: Workspace) -> Path:
    """Returns where imported advisories are kept, for all projects of the user."""
    return space.place.data / "advisories"
