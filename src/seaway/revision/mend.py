"""Fixes of findings as changes of the user's files, each proven, or refused with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seaway.app.model import App
from seaway.app.select import Selection
from seaway.app.tree import Path as TreePath
from seaway.errors import AppError, EditRefused
from seaway.findings import Finding, Fix
from seaway.revision.draft import Draft
from seaway.revision.placing import Files, place, placed
from seaway.revision.proof import State, changes, is_outside, strays


@dataclass(slots=True)
class Mended:
    """A draft with what was fixed in it, the paths that this spoke of, and what was not fixed, with the reason."""

    draft: Draft
    fixed: list[Finding] = field(default_factory=list)
    refused: list[tuple[Finding, str]] = field(default_factory=list)
    spoken: list[TreePath] = field(default_factory=list)


def mend(selection: Selection, app: App, findings: Sequence[Finding]) -> Mended:
    """Returns the draft that fixes findings: all at once, or one by one where together they are not proven."""
    wanted = [finding for finding in findings if finding.fix is not None]
    before = State.of(selection, {})
    whole = Mended(Draft(app.directory))
    try:
        _all(whole, selection, app, (wanted, before))
    except AppError:
        whole = Mended(Draft(app.directory))
        for group in _groups(wanted):
            _one(whole, selection, app, (group, before))
    return whole


def _all(whole: Mended, selection: Selection, app: App, given: tuple[Sequence[Finding], State]) -> None:
    findings, before = given
    whole.spoken = [path for finding in findings for path in make(finding.fix, whole.draft, app)]
    _prove(whole.spoken, _are_safe(findings), before, _after(selection, whole.draft))
    whole.fixed += findings


def _one(whole: Mended, selection: Selection, app: App, given: tuple[Sequence[Finding], State]) -> None:
    group, before = given
    trial = whole.draft.copy()
    try:
        spoken = whole.spoken + [path for finding in group for path in make(finding.fix, trial, app)]
        _prove(spoken, _are_safe([*whole.fixed, *group]), before, _after(selection, trial))
    except AppError as problem:
        whole.refused += [(finding, problem.says) for finding in group]
        return
    whole.draft, whole.spoken = trial, spoken
    whole.fixed += group


def _groups(findings: Sequence[Finding]) -> Iterable[Sequence[Finding]]:
    """Groups what is said of one place: services that share it through an anchor or a base are fixed together."""
    found: dict[object, list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.code, finding.where), []).append(finding)
    return found.values()


def _after(selection: Selection, draft: Draft) -> State:
    return State.of(selection, draft.drafts)


def make(fix: Fix | None, draft: Draft, app: App) -> list[TreePath]:
    """Makes the edits of a fix in a draft, all or none; returns the paths they speak of."""
    files = Files(app.directory, app.files)
    trial = draft.copy()
    spoken = [path for change in (fix.edits if fix else ()) for path in place(placed(change, app), trial, files)]
    draft.files = trial.files
    return spoken


def _are_safe(findings: Sequence[Finding]) -> bool:
    return all(finding.fix.safe for finding in findings if finding.fix)


def _prove(spoken: Sequence[TreePath], safe: bool, before: State, after: State) -> None:
    """Raises EditRefused where a change reaches further than it says, or a safe one into Compose's own model."""
    changed = set(changes(before, after))
    extra = strays(changed, spoken)
    if extra:
        raise EditRefused(f"it would change {'.'.join(map(str, sorted(extra, key=str)[0]))} too")
    outside = [path for path in changed if safe and is_outside(path)]
    if outside:
        raise EditRefused(f"it would change {'.'.join(map(str, outside[0]))}, which Compose sees")
