"""`seaway ledger`: the record, checked."""

from __future__ import annotations

from pathlib import Path

import click

from seaway.cli.frame import subcommand
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.evidence.inspection import verify_ledger
from seaway.stages.papers import write_papers


@click.group("ledger")
def ledger_() -> None:
    """The append-only record of what was done, by whom and on which evidence."""


@subcommand(ledger_, "verify")
@click.option(
    "--ledger",
    "directory",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Another ledger's directory than this app's; needs no project.",
)
def verify(output: Output, directory: Path | None) -> None:
    """Check every leaf, tile, checkpoint, signature and key statement; name each file that is not as it was written.

    This app's own ledger is also compared with what the project pins and with what was seen of it before. Reads only;
    needs no key, no lock and no network.
    """
    report = verify_ledger(directory or workspace().place.ledger)
    output.data(
        {
            "directory": str(report.directory),
            "size": report.size,
            "root": report.root.hex() if report.root else None,
            "problems": [str(problem) for problem in report.problems],
            "notes": [str(note) for note in report.notes],
        },
        "\n".join([*(f"note: {note}" for note in report.notes), *map(str, report.problems)]),
    )
    report.or_raise()
    if directory is None:
        workspace().reading().close()  # refuses another ledger than the pinned or the remembered one
    if not output.json:
        output.item({}, f"{report.size} entries, ok")


@subcommand(ledger_, "pin")
def pin(output: Output) -> None:
    """Print the lines for the compose file by which every clone knows this ledger: its key and its first leaf.

    With them no other ledger of that name is taken for it, on no machine; commit them once the first owner is enrolled.
    """
    with workspace().reading() as notary:
        key, genesis = notary.ledger.key, notary.genesis
    said = {"origin": key.origin, "key": key.verifier, "genesis": genesis.hex}
    lines = [f"    {name}: {value}" for name, value in said.items()]
    output.data(said, "\n".join(["x-seaway:", "  ledger:", *lines]))


@subcommand(ledger_, "export")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def export(output: Output, directory: Path) -> None:
    """Write what a stranger needs to verify this ledger's statements with cosign: trusted root, keys, bundles.

    cosign verify --key keys/releaser-production.pub --trusted-root trusted_root.json REPOSITORY@DIGEST
    """
    with workspace().reading() as notary:
        written = write_papers(notary, directory)
    output.data([str(path) for path in written], "\n".join(str(path) for path in written))
