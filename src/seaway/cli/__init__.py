"""The command line: one file a command, imported only when it runs.

`main` is the one place where an error becomes an exit code. `COMMANDS` is the one table of commands: name → module
and the line that `seaway --help` shows, so that help starts without importing any of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from pathlib import Path

import click

from seaway import __version__
from seaway.cli.output import Output
from seaway.errors import InternalError, SeawayError

ROAD, LAPTOP, ASK, GROUPS = "The road", "This machine", "Questions", "More"
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("init", ROAD, "add the smallest x-seaway block to this folder's compose file"),
    "check": ("check", ROAD, "say what stands between this compose file and production"),
    "config": ("config", LAPTOP, "print the resolved compose model, as Compose does"),
    "lock": ("lock", ROAD, "pin base, wheels and models of each native image in seaway.lock"),
    "build": ("build", ROAD, "build reproducible images and the bundle; sign where a key is at hand"),
    "render": ("render", ROAD, "write the bundle as Kubernetes objects, images by digest"),
    "verify-build": ("verify_build", ROAD, "make an image again and compare every byte"),
    "up": ("up", LAPTOP, "run the app on this machine"),
    "down": ("down", LAPTOP, "stop what runs of this app on this machine"),
    "ps": ("ps", LAPTOP, "list what runs"),
    "logs": ("logs", LAPTOP, "show what the services wrote"),
    "exec": ("exec", LAPTOP, "run a command inside a running replica"),
    "test": ("test", ROAD, "run an environment's suites against its running bundle and sign the result"),
    "load": ("load", ROAD, "send the recorded requests, count and label the answers"),
    "scan": ("scan", ROAD, "compare what is in the images with advisories and sign the result"),
    "except": ("exception", ROAD, "sign an exception to a rule, with a reason and an end"),
    "approve": ("approve", ROAD, "sign an approval for what would be promoted, or for a waiting release"),
    "promote": ("promote", ROAD, "grant the bundle to an environment if its gates open"),
    "publish": ("publish", ROAD, "send the promoted bundle to the registry, with its proof attached"),
    "release": ("release", ROAD, "bring the promoted bundle live, watched"),
    "status": ("status", ROAD, "say which bundle is where, what runs and what waits for whom"),
    "pause": ("steer", ROAD, "hold a running release where it is"),
    "resume": ("steer", ROAD, "let a held or paused release go on"),
    "abort": ("steer", ROAD, "give all traffic back to stable"),
    "rollback": ("rollback", ROAD, "return to the version before, configuration included"),
    "ship": ("ship", ROAD, "walk the whole road as far as the gates let it"),
    "why": ("why", ASK, "say which image, model, data, policy and approval stand behind a request or digest"),
    "image": ("image", GROUPS, "look at the images that were built, hand them to an engine"),
    "bundle": ("bundle", GROUPS, "show what is released, carry it to a site without a network"),
    "keys": ("keys", GROUPS, "make keys and say whose they are"),
    "ledger": ("ledger", GROUPS, "verify the record"),
    "policy": ("policy", GROUPS, "show the rules of an environment, consent to a change of them"),
    "judge": ("judge", GROUPS, "replay a verdict, or rehearse the judge on simulated traffic"),
    "advisories": ("advisories", GROUPS, "import directories of advisories"),
    "agent": ("agent", GROUPS, "the supervisor that keeps the app and its releases going"),
    "help": ("help", GROUPS, "explain exit codes and findings"),
}


class Road(click.Group):
    """The top group: commands come from `COMMANDS` and are imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns all names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the one module that has the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"seaway.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds the nearest names to an unknown command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], COMMANDS)
            hint = f"\n\nhint: did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(error.message + hint, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands section by section, without importing them."""
        for section in (ROAD, LAPTOP, ASK, GROUPS):
            rows = [(name, line) for name, (_, where, line) in COMMANDS.items() if where == section]
            with formatter.section(section):
                formatter.write_dl(rows)


@click.command(cls=Road, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="seaway")
@click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE", help="Compose file, as in docker compose; repeatable."
)
@click.option("-p", "--project-name", metavar="NAME", help="Project name, as in docker compose.")
@click.option("--profile", "profiles", multiple=True, metavar="NAME", help="Profile to enable; repeatable.")
@click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="File of variables; repeatable.")
@click.option("--project-directory", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the app.")
@click.pass_context
def cli(
    ctx: click.Context,
    files: tuple[str, ...],
    project_name: str | None,
    profiles: tuple[str, ...],
    env_files: tuple[str, ...],
    project_directory: Path | None,
) -> None:
    """Take an app that runs with `docker compose up` to a governed, watched release: same file, same digests.

    Start in any folder with a compose file:  seaway check
    """
    ctx.obj = {
        "files": files,
        "project_name": project_name,
        "profiles": profiles,
        "env_files": env_files,
        "directory": project_directory,
    }


def main() -> None:
    """Runs the command line and exits with the code that `errors.py` gives what happened."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command; returns the exit code."""
    Output.spoken = ""
    output = Output(json="--json" in arguments, color="--no-color" not in arguments)
    try:
        result = cli.main(args=arguments, prog_name="seaway", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _interrupted(output)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except SeawayError as error:
        output.error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (the outermost loop: a fault of ours becomes a report and code 90)
        if _is_interrupt(error):
            return _interrupted(output)
        # Only now: what a report needs is not worth its time at every start.
        output.error(importlib.import_module("seaway.cli.fault").report(error))
        return InternalError.exit_code


def _interrupted(output: Output) -> int:
    output.say("\ninterrupted; the stores are whole, the same command goes on from here")
    return 130


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt stands behind it: Python 3.11 makes a RuntimeError of one that meets a class being made."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
