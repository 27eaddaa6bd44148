"""Files that are not there yet: what a fresh clone lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from seaway.app.model import App, Service
from seaway.findings import Edit, Finding, Fix, Level

_EXAMPLES = ("{0}.example", "{0}.sample", "{0}.template", "{0}.dist", "example{0}", "sample{0}")


def missing(app: App, absent: Sequence[Path]) -> tuple[Finding, ...]:
    """Returns SW-003 for each env file that is not there, at the first service that names it."""
    return tuple(_finding(app, path) for path in absent)


def _finding(app: App, path: Path) -> Finding:
    name = path.relative_to(app.directory).as_posix() if path.is_relative_to(app.directory) else str(path)
    example = next((each for each in _examples(path) if each.is_file()), None)
    hint = f"cp {example.relative_to(app.directory)} {name}" if example else "env_file: [{path: …, required: false}]"
    places = [(service, index) for service in app.services.values() for index in _named(service, path)]
    edits = tuple(_optional(service, index, name) for service, index in places)
    where = next((place for edit in edits for place in edit.places), None)
    says = f"the env file {name} of {', '.join(dict.fromkeys(service.name for service, _ in places))} is not there"
    return Finding("SW-003", Level.ERROR, says, where, hint, Fix(edits, decide="whether they can do without it"))


def _examples(path: Path) -> Iterator[Path]:
    return (path.with_name(form.format(path.name)) for form in _EXAMPLES)


def _named(service: Service, path: Path) -> Iterator[int]:
    written = service.written.below().root["services"][service.name].get("env_file") or ()
    for index, entry in enumerate(written if isinstance(written, list) else ()):
        if isinstance(entry, dict) and Path(str(entry.get("path", ""))) == path:
            yield index


def _optional(service: Service, index: int, name: str) -> Edit:
    path = ("services", service.name, "env_file", index)
    places = service.written.exact("env_file", index) or service.written.exact("env_file")
    value: object = {"path": name, "required": False}
    single = not service.written.exact("env_file", index)
    return Edit("put", path, [value] if single else value, places)
