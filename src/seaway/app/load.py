"""Loads compose files into an `App`, for one environment of `x-seaway`.

`environments` is read first, from the first file, uninterpolated: choosing files cannot depend on the files chosen.
Governed loads interpolate from the environment's env files alone: a release is a function of files, not of a shell.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from seaway.app.assemble import Assembly
from seaway.app.bound import bound, is_active
from seaway.app.built import Parts, built
from seaway.app.consistency import Project, check_consistency
from seaway.app.faults import placed
from seaway.app.head import Head, choose, for_environment, touched
from seaway.app.interpolate import Variables, substitute
from seaway.app.model import App
from seaway.app.parse import VISITED
from seaway.app.resolve import Resolver
from seaway.app.select import Selection, normal_name, project_name, select
from seaway.app.sources import Source, SourceFile, is_file
from seaway.app.tree import Map
from seaway.errors import InterpolationError, SchemaError
from seaway.findings import Finding, Level

__all__ = ["ExtensionInvalid", "Selection", "load", "select", "sources"]


class ExtensionInvalid(SchemaError):
    """`x-seaway` says something that cannot be read; `findings` has all of it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{first.says} [{first.code}]{more}", where=first.where, hint=first.hint)
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class How:
    """How to load: `governed` takes no variable from the shell, `consistent` checks references, `lenient` returns
    errors of `x-seaway` as findings of the app instead of raising them, `drafts` stand for files not yet written."""

    governed: bool = False
    consistent: bool = True
    lenient: bool = False
    visited: int = VISITED
    drafts: Mapping[Path, bytes] = field(default_factory=dict)


def load(
    selection: Selection, environment: str | None = None, *, governed: bool = False, how: How | None = None
) -> App:
    """Loads what was selected, for an environment of `x-seaway` (None: the first); raises AppError with a place."""
    with _uncollected():
        return _Loading.of(selection, how or How(governed=governed)).app(environment)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the collector of cycles away: a load makes many containers and no cycle."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def sources(selection: Selection) -> tuple[SourceFile, ...]:
    """Loads every environment and returns all files that any of them reads, sorted."""
    head = _Loading.of(selection, How(governed=True)).head()
    found: set[SourceFile] = set()
    for name in head.environments(head.reader()):
        found |= set(_with_configs(load(selection, name, governed=True)))
    return tuple(sorted(found))


def _with_configs(app: App) -> tuple[SourceFile, ...]:
    source = Source(app.directory)
    for config in app.configs.values():
        path = Path(str(config.get("file", "")))
        if is_file(path):
            source.read(path, "config")
    return (*app.sources, *source.files)


@dataclass(slots=True)
class _Loading:
    """The steps of one load, over one assembly."""

    selection: Selection
    how: How
    assembly: Assembly

    @classmethod
    def of(cls, selection: Selection, how: How) -> _Loading:
        source = Source(selection.directory, drafts=how.drafts)
        return cls(selection, how, Assembly(source, selection.environ, selection.shell.get("HOME"), how.visited))

    def head(self) -> Head:
        """Returns what the first file says before anything is filled in."""
        documents = self.assembly.documents(self.selection.files[0])
        return Head(documents, tuple(self.assembly.names))

    def app(self, wanted: str | None) -> App:
        """Runs the phases in order."""
        head = self.head()
        reader = head.reader()
        environments = head.environments(reader)
        environment = choose(environments, wanted)
        if self.how.governed:
            self.assembly.source.confine(head.roots())
        self.selection = for_environment(
            self.selection, environment, source=self.assembly.source, governed=self.how.governed
        )
        findings = [*reader.findings, *self._touched()]
        model, document = self._models()
        inactive = self._split(document)
        app = built(Parts(self.assembly, model, document, inactive), environments, environment)
        return self._checked(replace(app, findings=(*findings, *self.assembly.findings, *app.findings)))

    def _touched(self) -> list[Finding]:
        found: list[Finding] = []
        for file in self.selection.files[1:]:
            documents = self.assembly.documents(file)
            found += touched(file.name, documents, tuple(self.assembly.names))
        return found

    def _models(self) -> tuple[Map, Map]:
        assembly = self.assembly
        assembly.environment = self.selection.environ
        name = project_name(self.selection, self._written_name())
        assembly.environment = {**self.selection.environ, "COMPOSE_PROJECT_NAME": name}
        model = assembly.model(self.selection.files, name)
        if self.how.governed:
            _refuse_shell(assembly.findings, self.selection)
        with placed(model, tuple(assembly.names)):
            return model, bound(model)

    def _written_name(self) -> str | None:
        """Returns the name that the files give, filled; None where none does."""
        found, leading = None, False
        for file in self.selection.files:
            for index, document in enumerate(self.assembly.documents(file)):
                name = document.tree.get("name") if isinstance(document.tree, Map) else None
                if isinstance(name, str) and name:
                    found, leading = name, leading or index == 0
        try:
            filled = substitute(found or "", Variables(self.selection.environ.get))
        except ValueError as problem:
            raise InterpolationError(f"name: {problem}", where=self.selection.files[0].name) from problem
        # A blank name falls back on the folder's only where no file's first document has one.
        return filled if leading or normal_name(filled) else None

    def _split(self, document: Map) -> Map:
        """Takes inactive services and jobs out of a document, checks the rest, reads env files; returns services."""
        services, inactive = document["services"], Map()
        for name in [each for each in services if not is_active(services[each], self.selection.profiles)]:
            inactive.put(name, services.pop(name), services.at.get(name))
        jobs = document.get("jobs", {})
        for name in [each for each in jobs if not is_active(jobs[each], self.selection.profiles)]:
            del jobs[name]
        if self.how.consistent:
            with placed(document, tuple(self.assembly.names)):
                check_consistency(Project(services, frozenset(inactive), document))
        resolver = Resolver(self.assembly.source, self.assembly.environment)
        for service in services.values():
            resolver.resolve(service)
        return inactive

    def _checked(self, app: App) -> App:
        errors = [finding for finding in app.findings if finding.level is Level.ERROR]
        if errors and not self.how.lenient:
            raise ExtensionInvalid(errors)
        return app


def _refuse_shell(findings: Sequence[Finding], selection: Selection) -> None:
    """Raises SW-021 for a variable that only the shell sets."""
    for finding in findings:
        name = finding.says.split(" ")[2] if finding.code == "SW-001" else ""
        if name in selection.shell:
            raise InterpolationError(
                f"only the shell sets {name}, and a release is made of files alone [SW-021]",
                where=finding.where,
                hint=f"set {name} in an env_file of the environment",
            )
