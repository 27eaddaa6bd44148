"""`seaway check`: what stands between a compose file and production, in under a second, before anything is set up."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from seaway import __version__
from seaway.cli.frame import command, project
from seaway.cli.output import Output, finding_json
from seaway.findings import Finding, Level
from seaway.pipeline import look
from seaway.targets.check import catalogue, explain


@command("check")
@click.argument("environment", required=False)
@click.option("--for", "purpose", type=click.Choice(["process", "docker", "kubernetes"]), help="Whose losses count.")
@click.option("--all", "every", is_flag=True, help="Every finding, not the first of the five weightiest kinds.")
@click.option("--code", "codes", multiple=True, metavar="CODE", help="Only findings of this code; repeatable.")
@click.option("--explain", metavar="CODE", help="The page of a finding: why it matters, how to fix it.")
@click.option("--sarif", is_flag=True, help="As SARIF 2.1.0, with fixes, for code hosts and editors.")
@click.option("--fix", is_flag=True, help="Make the safe edits in your file; with --code, those of that code.")
@click.option("-y", "--yes", is_flag=True, help="Make the edits without asking.")
def check_(output: Output, environment: str | None, **how: Any) -> int:
    """Say what would happen to this app on the way to production.

    Works in any folder with a compose file; nothing has to be installed or configured, nothing is written without
    --fix. A safe edit changes nothing that Compose sees; every edit is shown first, keeps comments and order, and is
    proven by loading the app before and after. Exits 1 if something is refused, 0 otherwise.

    \b
      seaway check
      seaway check production --all
      seaway check --explain SW-302
      seaway check --fix
    """
    if (code := how["explain"]) is not None:
        output.data({"code": code, "page": explain(code)}, explain(code))
        return 0
    for each in how["codes"]:
        explain(each)
    looked = look.look(project(), environment, how["purpose"])
    if how["fix"]:
        return _fix(output, looked, how["codes"], yes=how["yes"])
    found = [each for each in looked.findings if not how["codes"] or each.code in how["codes"]]
    if how["sarif"]:
        _sarif(output, looked, found)
    else:
        _show(output, found, every=how["every"] or bool(how["codes"]))
    return 1 if any(finding.level is Level.ERROR for finding in found) else 0


def _show(output: Output, found: Sequence[Finding], *, every: bool) -> None:
    output.findings(found, every=every, titles={code: entry.title for code, entry in catalogue().items()})
    if found and not output.json:
        safe = sum(1 for each in found if each.fix and each.fix.safe)
        output.say(f"next: seaway check --explain {found[0].code}")
        if safe:
            output.say(f"      seaway check --fix  ({safe} safe edit{'s' if safe > 1 else ''})")


def _sarif(output: Output, looked: look.Looked, found: Sequence[Finding]) -> None:
    sarif = importlib.import_module("seaway.targets.check.sarif")
    replaced = importlib.import_module("seaway.revision.replacements").replacements
    document = sarif.sarif(found, __version__, lambda finding: replaced(finding, looked.app))
    output.document(document)


def _fix(output: Output, looked: look.Looked, codes: Sequence[str], *, yes: bool) -> int:
    mend = importlib.import_module("seaway.revision.mend").mend
    mended = mend(project().selection, looked.app, look.fixable(looked, codes))
    diff = mended.draft.diff()
    written = importlib.import_module("seaway.cli.editing").written(
        output, mended.draft, yes=yes, again="seaway check --fix --yes"
    )
    answer = {
        "diff": diff,
        "written": written,
        "fixed": [finding_json(each) for each in mended.fixed],
        "refused": [{**finding_json(each), "reason": reason} for each, reason in mended.refused],
    }
    output.data(answer, "")
    for each, reason in mended.refused:
        output.say(f"left as it is: {each.where} {each.code}: {reason}")
    counted = ", ".join(f"{code} ×{count}" for code, count in sorted(Counter(e.code for e in mended.fixed).items()))
    output.say(f"fixed: {counted}" if written else ("nothing is written" if diff else "there is nothing to fix safely"))
    decided = sorted({each.fix.decide for each in mended.fixed if each.fix and each.fix.decide}) if written else []
    for each in decided:
        output.say(f"decide: {each}")
    return 0
