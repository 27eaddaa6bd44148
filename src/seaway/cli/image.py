"""`seaway image`: the images that were built here, looked at and handed out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from seaway.cli.frame import subcommand
from seaway.cli.opening import workspace
from seaway.cli.output import Output, size_text
from seaway.errors import DifferencesFound, StoreError, Undetermined, UsageError
from seaway.image.diff import Change, ImageDiff, compare
from seaway.image.disk import disk_errors
from seaway.image.oci_archive import Root, archive_size, write_archive
from seaway.stages import inspecting


@click.group("image")
def image_() -> None:
    """The images in this project's store. IMAGE is a service, a digest, or the beginning of one."""


@subcommand(image_, "ls")
def ls(output: Output) -> None:
    """List the images and bundles in the store."""
    found = list(inspecting.known(workspace()))
    rows = [(one.digest.hex[:12], one.kind, one.name or "-", one.layers or "-", size_text(one.size)) for one in found]
    output.data(
        [
            {"digest": str(one.digest), "kind": one.kind, "name": one.name, "layers": one.layers, "size": one.size}
            for one in found
        ],
        output.table(rows, ("digest", "kind", "name", "layers", "size")),
    )


@subcommand(image_, "diff")
@click.argument("before")
@click.argument("after")
def diff(output: Output, before: str, after: str) -> int:
    """Say in what two images differ: packages, files, config, and what a node that has BEFORE pulls for AFTER.

    Exits 0 if they are equal, 3 if they differ, 4 if something could not be read.
    """
    space = workspace()
    found = compare(inspecting.find_image(space, before), inspecting.find_image(space, after), space.store)
    output.data(diff_json(found), "\n".join(diff_lines(found)))
    if found.unreadable:
        return Undetermined.exit_code
    return 0 if found.is_equal else DifferencesFound.exit_code


@subcommand(image_, "explain")
@click.argument("image")
def explain(output: Output, image: str) -> None:
    """Say for each layer of IMAGE why it exists, and what a new version of each package in it sends."""
    space = workspace()
    found = inspecting.explain(space, inspecting.find_image(space, image))
    rows: list[tuple[object, ...]] = []
    for number, one in enumerate(found, 1):
        rows.append((number, one.layer.descriptor.digest.hex[:12], size_text(one.cost), one.why))
        rows += [("", "", "", f"  {wheel}: a new version sends {size_text(one.cost)}") for wheel in one.wheels]
    output.data(
        [
            {"digest": str(one.layer.descriptor.digest), "size": one.cost, "why": one.why, "wheels": list(one.wheels)}
            for one in found
        ],
        output.table(rows, ("layer", "digest", "size", "why")),
    )


@subcommand(image_, "verify")
@click.argument("image", required=False)
def verify(output: Output, image: str | None) -> None:
    """Read and hash every byte of IMAGE, or of all that is in the store, and name what is not as it was written."""
    space = workspace()
    if image is None:
        wrong = list(space.store.check())
    else:
        wrong = list(inspecting.faults(space.store, inspecting.find_image(space, image)))
    output.data({"image": image, "faults": wrong}, "\n".join(wrong) or "whole")
    if wrong:
        raise StoreError(f"{len(wrong)} of its parts are not whole", where=image or "store", hint="seaway build")


@subcommand(image_, "export")
@click.argument("image")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--name", default="", metavar="NAME:TAG", help="What docker load is to call it.")
def export(output: Output, image: str, file: Path | None, name: str) -> None:
    """Write IMAGE as one tar, to FILE or to standard output, for docker load, podman load, skopeo and ctr.

    seaway image export api | docker load
    """
    space = workspace()
    found = inspecting.find_image(space, image)
    roots = [Root(found.digest, name)]
    with output.progress("export") as watch:
        watch.expect(archive_size(space.store, roots))
        write_out(output, write_archive(space.store, roots), file, watch.advance)
    if file is not None:
        said = {"image": str(found.digest), "id": str(found.config_digest), "file": str(file)}
        output.data(said, f"{file}  {found.digest}  id {found.config_digest}")


def write_out(output: Output, blocks: Iterator[bytes], file: Path | None, advance: Callable[[int], None]) -> None:
    """Writes an archive to a file, which appears only whole, or to standard output, if that is no terminal."""
    if file is None:
        if output.json or sys.stdout.isatty():
            raise UsageError("an archive is not for a terminal", hint="name a file, or pipe it: … | docker load")
        for block in blocks:
            output.raw(block)
        return
    partial = file.with_name(f".{file.name}.partial")
    try:
        with disk_errors(file), partial.open("wb") as sink:
            for block in blocks:
                sink.write(block)
                advance(len(block))
        with disk_errors(file):
            partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def diff_json(found: ImageDiff) -> dict[str, object]:
    """Returns a difference as JSON."""

    def listed(changes: tuple[Change, ...]) -> list[dict[str, str]]:
        return [{"name": one.name, "before": one.before, "after": one.after} for one in changes]

    return {
        "equal": found.is_equal,
        "packages": listed(found.packages),
        "config": listed(found.config),
        "files": listed(found.files),
        "layers": {"shared": found.shared, "pull": found.pull},
        "unreadable": list(found.unreadable),
    }


def diff_lines(found: ImageDiff) -> Iterator[str]:
    """Yields a difference for people, files last and counted beyond twenty."""
    for kind, changes in (("package", found.packages), ("config", found.config), ("file", found.files[:20])):
        for one in changes:
            yield f"{kind:<8} {one.name}  {one.before or '-'} → {one.after or '-'}"
    if len(found.files) > 20:
        yield f"file     {len(found.files) - 20} more"
    for says in found.unreadable:
        yield f"unread   {says}"
    yield f"layers   {found.shared} shared, {size_text(found.pull)} to pull" if not found.is_equal else "equal"
