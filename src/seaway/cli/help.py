"""`seaway help`: exit codes and findings, from the tables the code itself uses."""

from __future__ import annotations

import click

from seaway.cli.frame import subcommand
from seaway.cli.output import Output
from seaway.errors import leaves


@click.group("help")
def help_() -> None:
    """Explain exit codes and findings."""


@subcommand(help_, "exit-codes")
def exit_codes(output: Output) -> None:
    """List every exit code, generated from the tree of errors."""
    codes = exit_code_table()
    output.data(
        [{"code": code, "name": name, "means": means} for code, name, means in codes],
        output.table(codes, ("code", "name", "means")),
    )


def exit_code_table() -> list[tuple[int, str, str]]:
    """Returns (code, name, meaning) of every way a command can end, sorted by code."""
    rows = [(0, "done", "Done, nothing wrong."), (130, "interrupted", "Interrupted; the stores are whole.")]
    rows += [(leaf.exit_code, leaf.__name__, (leaf.__doc__ or "").split("\n")[0]) for leaf in leaves()]
    return sorted(rows)
