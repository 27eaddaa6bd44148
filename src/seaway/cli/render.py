"""`seaway render`: the bundle as files that a cluster takes."""

from __future__ import annotations

from pathlib import Path

import click

from seaway.cli.frame import chooses, command
from seaway.cli.opening import workspace
from seaway.cli.output import Output, finding_json
from seaway.errors import NotYet
from seaway.pipeline import render
from seaway.pipeline.choice import Choice


@command("render")
@click.argument("environment")
@click.option(
    "--to",
    "form",
    type=click.Choice(["manifests", "helm", "kustomize", "compose"]),
    default="manifests",
    show_default=True,
    help="The spelling.",
)
@click.option("-o", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Where to write (default: stdout).")
@click.option("--registry", metavar="PLACE", help="Where a cluster pulls from (default: x-seaway.registry.push).")
@click.option("--strict", is_flag=True, help="Exit 1 also for what is lost and not accepted.")
@chooses("bundle")
def render_(
    output: Output,
    environment: str,
    form: str,
    folder: Path | None,
    registry: str | None,
    strict: bool,
    choice: Choice,
) -> None:
    """Write the bundle as Kubernetes objects, images by digest, compared with the published schemas.

    The same bundle gives the same bytes. What a cluster cannot carry is refused with its place in the compose file;
    `install.yaml` is for an administrator, `app.yaml` is the app.

    \b
      seaway render production -o manifests
      kubectl apply --server-side -f manifests/install.yaml -f manifests/app.yaml
    """
    if form != "manifests":
        raise NotYet(f"rendering as {form}", hint="seaway render ENV --to manifests")
    space = workspace()
    name = space.environment(environment)
    made = render.render(space, name, folder, choice=choice, strict=strict, registry=registry)
    images = {each.service: str(each.image) for each in made.version.blueprint.workloads}
    told = {
        "version": str(made.version.digest),
        "bundle": str(made.version.bundle),
        "namespace": made.setting.namespace,
        "images": images,
        "objects": [f"{item['kind']}/{item['metadata']['name']}" for item in made.rendered.app],  # type: ignore[index]
        "schema": made.schema,
        "notInSchema": list(made.unknown),
        "findings": [finding_json(each) for each in made.findings],
        "files": [str(folder / name) for name in made.files] if folder else [],
    }
    output.data(told, None if folder else "".join(made.files.values()).rstrip("\n"))
    for each in made.findings:
        output.say(str(each))
    counted = f"{len(made.rendered.app)} objects, valid against the schemas of Kubernetes {made.schema}"
    output.say(f"{counted}{', but not in them: ' + ', '.join(made.unknown) if made.unknown else ''}")
