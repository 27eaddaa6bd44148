"""Writing to the user's own file: what would change is shown, and a person is asked, or `--yes` says it."""

from __future__ import annotations

import sys

import click

from seaway.cli.output import Output
from seaway.errors import UsageError
from seaway.revision.draft import Draft


def written(output: Output, draft: Draft, *, yes: bool, again: str) -> bool:
    """Shows a draft and writes it if that is agreed to; `again` is the command that needs nobody to ask."""
    diff = draft.diff()
    if diff and not output.json:
        output.raw(diff.encode())
    if not diff or not (yes or _agreed(output, again)):
        return False
    draft.write()
    return True


def _agreed(output: Output, again: str) -> bool:
    if output.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("nobody can be asked whether to write this", hint=again)
    return click.confirm("write this?", err=True)
