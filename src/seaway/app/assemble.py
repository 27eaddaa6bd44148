"""From files to one merged canonical model: the phases that run for each document of each file, in Compose's order.

parse → interpolate → reset → extends → merge → unicity → schema → long forms → unicity; after all files: defaults,
cross-checks, relative paths, pass-through values, normalisation. Files are read through one `Source`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.app.canonical import canonical, fill_defaults
from seaway.app.crosschecks import cross_check
from seaway.app.extend import Bases, Extending, Misplaced, drop
from seaway.app.faults import placed
from seaway.app.interpolate import Interpolation
from seaway.app.merge import merged
from seaway.app.normalise import normalise
from seaway.app.parse import VISITED, Document, documents
from seaway.app.paths import Folder, resolve_paths
from seaway.app.schema import validate
from seaway.app.sources import Source
from seaway.app.tree import Map, Origins, Seq
from seaway.app.tree import Path as TreePath
from seaway.app.unicity import enforce
from seaway.errors import NotYet, ParseError
from seaway.findings import Finding, Level


@dataclass(slots=True)
class Assembly:
    """One load: the source, the variables, the names of the files read so far, and what was found on the way."""

    source: Source
    environment: Mapping[str, str]
    home: str | None = None
    visited: int = VISITED
    names: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)
    parsed: dict[Path, list[Document]] = field(default_factory=dict)
    bases: dict[str, Bases] = field(default_factory=dict)

    def model(self, files: tuple[Path, ...], name: str) -> Map:
        """Returns the merged, normalised model of files; raises AppError with a place."""
        model = Map()
        for file in files:
            for document in self.documents(file):
                model = self._merge(model, document, file)
        if not model:
            raise ParseError("empty compose file", where=self.source.name(files[0]))
        with self._placed(model):
            fill_defaults(model)
            cross_check(model)
            resolve_paths(model, self._folder(self.source.directory))
            self._pass_through(model)
            model["name"] = name
            normalise(model, self.environment)
        return model

    def documents(self, file: Path) -> Sequence[Document]:
        """Returns the documents of a file, read once."""
        if file not in self.parsed:
            name = self.source.name(file)
            self.names.append(name)
            data = self.source.read(file, "compose")
            self.parsed[file] = list(documents(data, name, len(self.names) - 1, visited=self.visited))
        return self.parsed[file]

    @contextmanager
    def _placed(self, tree: Any) -> Iterator[None]:
        with placed(tree, tuple(self.names)):
            yield

    def _folder(self, directory: Path) -> Folder:
        return Folder(str(directory), self.home, self.source.real)

    def _filled(self, document: Document, name: str) -> Map:
        """Returns a document's tree with its variables filled."""
        if not isinstance(document.tree, Map):
            raise ParseError("the top of a compose file must be a mapping", where=name)
        filling = Interpolation(self.environment)
        with self._placed(document.tree):
            filling.fill(document.tree)
        self.used |= filling.used
        origins = Origins(document.tree, tuple(self.names))
        for variable, path in filling.missing.items():
            says = f"the variable {variable} is not set; a blank string stands for it"
            hint = f"set {variable}, or write ${{{variable}:-default}}"
            self.findings.append(Finding("SW-001", Level.NOTE, says, origins.at(*path), hint))
        return document.tree

    def _merge(self, model: Map, document: Document, file: Path) -> Map:
        tree = self._filled(document, self.source.name(file))
        if tree.get("include"):
            raise NotYet("include in a compose file", where=Origins(tree, tuple(self.names)).at("include"))
        drop(model, document.resets)
        with self._placed(tree):
            Extending(self._base).apply(tree, document.resets, str(file))
            model = merged(model, tree)
        with self._placed(model):
            enforce(model)
            validate(model)
            self._drop_version(model)
            canonical(model)
            enforce(model)
        return model

    def _drop_version(self, model: Map) -> None:
        if "version" in model:
            place = Origins(model, tuple(self.names)).at("version")
            says = "the attribute version is obsolete; it is ignored"
            self.findings.append(Finding("SW-002", Level.NOTE, says, place, "delete the line"))
            del model["version"]

    def _base(self, written: str, reader: str) -> Bases:
        """Returns the services of another file for `extends`, in long form, with paths made absolute."""
        file = Path(self._folder(Path(reader).parent).join(written))
        if str(file) not in self.bases:
            self.bases[str(file)] = self._read_base(file)
        return self.bases[str(file)]

    def _read_base(self, file: Path) -> Bases:
        model = Map()
        resets: tuple[TreePath, ...] = ()
        for document in self.documents(file):
            tree, resets = self._filled(document, self.source.name(file)), document.resets
            drop(model, resets)
            with self._placed(tree):
                model = merged(model, tree)
            with self._placed(model):
                enforce(model)
                canonical(model)
                enforce(model)
        with self._placed(model):
            resolve_paths(model, self._folder(file.parent))
        services = model.get("services")
        if not isinstance(services, Map):
            raise Misplaced(f"{self.source.name(file)} has no services to extend", ())
        return Bases(services, resets, str(file))

    def _pass_through(self, model: Map) -> None:
        """Fills list-form variables and configs that name a variable."""
        for service in _mappings(model, "services"):
            entries = service.get("environment")
            if isinstance(entries, Seq):
                for index, entry in enumerate(entries):
                    if isinstance(entry, str) and entry in self.environment:
                        entries[index] = f"{entry}={self.environment[entry]}"
        for config in _mappings(model, "configs"):
            if config.get("environment") in self.environment:
                config["content"] = self.environment[config["environment"]]


def _mappings(model: Map, section: str) -> list[Map]:
    return [each for each in (model.get(section) or {}).values() if isinstance(each, Map)]
