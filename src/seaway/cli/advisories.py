"""`seaway advisories`: directories of advisories, brought by whoever has them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from seaway.cli.frame import subcommand
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.evidence.scan import advisories
from seaway.evidence.shape import write_time
from seaway.stages.acting import now
from seaway.stages.scanning import advisories_folder


@click.group("advisories")
def advisories_() -> None:
    """Advisories that scans compare with; none come with Seaway."""


@subcommand(advisories_, "import")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--source", default="", help="Where they are from, if manifest.json does not say.")
@click.option("--fetched-at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="When, if manifest.json does not say.")
def import_(output: Output, directory: Path, source: str, fetched_at: datetime | None) -> None:
    """Import a directory of OSV records (one JSON file each) with its manifest.json."""
    found = advisories.import_directory(
        directory, advisories_folder(workspace()), now=now(), source=source, fetched_at=fetched_at
    )
    output.data(
        {"ecosystem": found.ecosystem, "records": found.records, "lastUpdate": write_time(found.last_update)},
        f"{found.ecosystem}: {found.records} records, newest of {write_time(found.last_update)}",
    )


@subcommand(advisories_, "list")
def listing(output: Output) -> None:
    """List what was imported and how old it is."""
    found = [each.database for each in advisories.imported(advisories_folder(workspace()), now=now())]
    rows = [(each.ecosystem, each.records, write_time(each.last_update), write_time(each.fetched_at)) for each in found]
    names = ("ecosystem", "records", "newest", "fetched")
    output.data([dict(zip(names, row, strict=True)) for row in rows], output.table(rows, names))
