"""A fix as replacements of lines in files, for reports that carry fixes; nothing is proven or written here."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seaway.app.model import App
from seaway.errors import AppError
from seaway.findings import Finding
from seaway.revision.draft import Draft, Text
from seaway.revision.mend import make
from seaway.targets.check.sarif import artifact


def replacements(finding: Finding, app: App) -> Sequence[Mapping[str, Any]]:
    """Returns the artifact changes (SARIF 2.1.0, section 3.56) of a fix that asks no decision; none for others."""
    draft = Draft(app.directory)
    if finding.fix is None or finding.fix.decide:
        return ()
    try:
        make(finding.fix, draft, app)
    except AppError:
        return ()
    return [
        {"artifactLocation": artifact(draft.name(text)), "replacements": list(_lines(text))} for text in draft.changed
    ]


def _lines(text: Text) -> Iterator[dict[str, Any]]:
    before, after = (text.original or b"").decode().splitlines(keepends=True), text.text.splitlines(keepends=True)
    for kind, first, last, start, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            region = {"startLine": first + 1, "startColumn": 1, "endLine": last + 1, "endColumn": 1}
            if last == len(before) and before and last > first:
                region |= {"endLine": last, "endColumn": len(before[-1]) + 1}
            yield {"deletedRegion": region, "insertedContent": {"text": "".join(after[start:end])}}
