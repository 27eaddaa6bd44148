"""What every command shares: its common options, how it finds the project, whom it asks for a passphrase."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from seaway.cli.output import Output
from seaway.errors import KeyRefused
from seaway.pipeline.choice import Choice, Say
from seaway.project import Project

Run = Callable[..., Any]
Kind = TypeVar("Kind", bound=Project)


def command(name: str, **settings: Any) -> Callable[[Run], click.Command]:
    """Makes a command with the options that every command has; the function gets an `Output` first."""

    def make(function: Run) -> click.Command:
        return click.command(name, cls=click.Command, **settings)(_common(function))

    return make


def subcommand(group: click.Group, name: str, **settings: Any) -> Callable[[Run], click.Command]:
    """Makes a command of a group, with the options that every command has."""

    def make(function: Run) -> click.Command:
        return group.command(name, cls=click.Command, **settings)(_common(function))

    return make


def chooses(*names: str) -> Callable[[Run], Run]:
    """Adds the options of a `Choice`, those named: key, bundle, reason; the function gets it as `choice`."""
    known = {
        "reason": click.option("--reason", default="", help="Why; goes into the ledger."),
        "bundle": click.option("--bundle", metavar="DIGEST", help="Another bundle than the one built last."),
        "key": click.option("--key", metavar="NAME|URI", help="The key that signs, where several could."),
    }

    def add(function: Run) -> Run:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            given = {name: kwargs.pop(name) for name in known if name in names}
            return function(*args, choice=Choice(**given), **kwargs)

        for name in known:
            if name in names:
                run = known[name](run)
        return run

    return add


def project() -> Project:
    """Returns the project that the global options or the current folder name, its stores and ledger not at hand."""
    return found(Project)


def found(kind: type[Kind]) -> Kind:
    """Finds the project as a `Project` or more."""
    chosen = click.get_current_context().find_root().obj or {}
    return kind.find(dict(os.environ), passphrase, **chosen)


def teller(output: Output) -> Say:
    """Returns what the pipeline tells its progress to: lines on stderr, aligned."""

    def say(what: str, detail: str) -> None:
        output.say(f"{output.style(f'{what:<9}', 'dim', sys.stderr)} {detail}")

    return say


def passphrase(uri: str) -> bytes:
    """Returns a key's passphrase: SEAWAY_PASSPHRASE_<NAME>, else SEAWAY_PASSPHRASE, else asked for on a terminal."""
    name = Path(uri.partition(":")[2]).stem
    variable = f"SEAWAY_PASSPHRASE_{name.upper().replace('-', '_').replace('.', '_')}"
    for given in (variable, "SEAWAY_PASSPHRASE"):
        if value := os.environ.get(given):
            return value.encode()
    if not sys.stdin.isatty():
        raise KeyRefused(f"the key {name} needs its passphrase", where=uri, hint=f"export {variable}=…")
    return str(click.prompt(f"passphrase of {name}", hide_input=True, err=True)).encode()


def _common(function: Run) -> Run:
    @functools.wraps(function)
    def run(*args: Any, json: bool, quiet: bool, verbose: int, no_color: bool, **kwargs: Any) -> Any:
        return function(Output(json=json, quiet=quiet, verbose=verbose, color=not no_color), *args, **kwargs)

    for option in (
        click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR."),
        click.option("-v", "--verbose", count=True, help="Say more; repeatable."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but the answer."),
        click.option("--json", is_flag=True, help="Answer as JSON."),
    ):
        run = option(run)
    return run
