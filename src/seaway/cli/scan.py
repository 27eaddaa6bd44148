"""`seaway scan`: images against advisories, signed as it came out."""

from __future__ import annotations

from collections import Counter

from seaway.cli.frame import chooses, command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.errors import NotScanned
from seaway.evidence.scan.interface import ScanState
from seaway.pipeline import verify
from seaway.pipeline.choice import Choice
from seaway.stages.scanning import Scanned


@command("scan")
@chooses("bundle", "key")
def scan_(output: Output, choice: Choice) -> int:
    """Compare what is in the bundle's images with advisories and sign the result.

    Debian packages are compared with the security suite through apt; other ecosystems with directories brought by
    `seaway advisories import`. What has no source is not scanned, and nothing that is not scanned passes a gate.
    Exits 36 if anything was left out, 1 for findings.
    """
    scanned, silent = verify.scan(workspace(), teller(output), choice=choice)
    output.data([_json(one) for one in scanned], "\n".join(_text(one) for one in scanned))
    if silent:
        raise NotScanned(f"no source of advisories for {', '.join(silent)}", hint="seaway advisories import DIR")
    if any(one.result.state is not ScanState.SCANNED for one in scanned):
        return NotScanned.exit_code
    return 1 if any(one.result.findings for one in scanned) else 0


def _json(one: Scanned) -> dict[str, object]:
    return {
        "service": one.service,
        "image": str(one.image),
        "state": str(one.result.state),
        "packages": one.result.packages,
        "findings": [
            {"id": each.id, "purl": each.purl, "fixed": each.fixed, "score": each.score} for each in one.result.findings
        ],
        "skipped": [{"purl": each.purl, "why": each.why} for each in one.result.skipped],
        "problems": list(one.problems),
    }


def _text(one: Scanned) -> str:
    reasons = Counter(each.why for each in one.result.skipped)
    lines = [
        f"{one.service:<10} {one.result.state}  {one.result.packages} packages, {len(one.result.findings)} findings"
    ]
    lines += [f"  {each.id}  {each.purl}: {each.says}" for each in one.result.findings]
    lines += [f"  not compared: {count} packages, {why}" for why, count in sorted(reasons.items())]
    lines += [f"  {problem}" for problem in one.problems]
    return "\n".join(lines)
