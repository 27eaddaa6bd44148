"""What every command shares: its common options, and how it finds the project."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import click

from seaway.cli.output import Output
from seaway.workspace import Workspace

Run = Callable[..., Any]


def command(name: str, **settings: Any) -> Callable[[Run], click.Command]:
    """Makes a command with the options that every command has; the function gets an `Output` first."""

    def make(function: Run) -> click.Command:
        made: click.Command = click.command(name, **settings)(_common(function))
        return made

    return make


def subcommand(group: click.Group, name: str, **settings: Any) -> Callable[[Run], click.Command]:
    """Makes a command of a group, with the options that every command has."""

    def make(function: Run) -> click.Command:
        made: click.Command = group.command(name, **settings)(_common(function))
        return made

    return make


def workspace() -> Workspace:
    """Opens the project that the global options or the current folder name."""
    chosen = click.get_current_context().find_root().obj or {}
    return Workspace.find(dict(os.environ), **chosen)


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
