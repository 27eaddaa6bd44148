"""Two wheels that bring one path: who keeps it.

Rules: equal bytes and mode: the wheel first by name keeps it; different ones are an error until
`x-seaway.image.winner` names one; what the environment itself needs cannot be replaced. pip lets the last one win in
silence. Pure. Not here: what a wheel brings (`wheel.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from seaway.findings import Finding, Level

ENVIRONMENT = "the environment itself"


@dataclass(frozen=True, slots=True)
class Claim:
    """A wheel's claim to a path: its name and what it would put there."""

    wheel: str
    path: str
    sha256: str
    mode: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """Who lost which paths, by wheel name, and what could not be settled."""

    drops: Mapping[str, frozenset[str]]
    findings: tuple[Finding, ...]


def settle(claims: Iterable[Claim], winner: Mapping[str, str]) -> Settlement:
    """Decides each path that several wheels claim.

    `winner` maps a path (from the root of the image or of site-packages) to a wheel's name.
    """
    by_path: dict[str, list[Claim]] = {}
    for claim in claims:
        by_path.setdefault(claim.path, []).append(claim)
    drops: dict[str, set[str]] = {}
    findings = list(_nested(by_path))
    for path, rivals in sorted(by_path.items()):
        if len(rivals) < 2:
            continue
        keeper = _keeper(path, rivals, winner)
        if keeper is None:
            findings.append(_unsettled(path, rivals))
        for rival in rivals:
            if rival.wheel != keeper:
                drops.setdefault(rival.wheel, set()).add(path)
    return Settlement({wheel: frozenset(paths) for wheel, paths in drops.items()}, tuple(findings))


def _keeper(path: str, rivals: list[Claim], winner: Mapping[str, str]) -> str | None:
    names = {rival.wheel for rival in rivals}
    if ENVIRONMENT in names:
        return None
    named = winner.get(path) or winner.get(path.partition("/site-packages/")[2])
    if named in names:
        return named
    is_same = len({(rival.sha256, rival.mode) for rival in rivals}) == 1
    return min(names) if is_same else None


def _unsettled(path: str, rivals: list[Claim]) -> Finding:
    names = " and ".join(sorted(rival.wheel for rival in rivals))
    hint = f"say whose it is: x-seaway.image.winner: {{{path}: {min(rival.wheel for rival in rivals)}}}"
    if any(rival.wheel == ENVIRONMENT for rival in rivals):
        hint = "this wheel cannot be used in an image"
    return Finding("SW-1006", Level.ERROR, f"{names} bring different files at one path", path, hint)


def _nested(by_path: Mapping[str, list[Claim]]) -> Iterable[Finding]:
    """Yields a finding for each path that is a file in one wheel and a directory in another."""
    for path, rivals in sorted(by_path.items()):
        for parent in PurePosixPath(path).parents:
            if str(parent) in by_path:
                names = " and ".join(sorted({rivals[0].wheel, by_path[str(parent)][0].wheel}))
                yield Finding(
                    "SW-1006", Level.ERROR, f"a file and a directory at one path come from {names}", str(parent)
                )
