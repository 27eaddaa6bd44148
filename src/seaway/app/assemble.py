"""From files to one merged canonical model: the phases that run for each document of each file, in Compose's order.

parse → interpolate → include → reset → extends → merge → unicity → schema → long forms → unicity; after all files:
defaults, cross-checks, relative paths, pass-through values; and for the whole: normalisation. An included set of files
passes all but the last with a scope of its own. Files are read through one `Source`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from seaway.app.canonical import canonical, fill_defaults
from seaway.app.crosschecks import cross_check
from seaway.app.extend import Bases, Endless, Extending, Misplaced, drop
from seaway.app.faults import placed
from seaway.app.include import Entry, Scope, check_chain, env_files, is_remote, join_in, locate, read_entries
from seaway.app.interpolate import Interpolation
from seaway.app.merge import merged
from seaway.app.normalise import normalise
from seaway.app.parse import EXPANDED, VISITED, Document, documents
from seaway.app.paths import Folder, resolve_paths
from seaway.app.schema import validate
from seaway.app.select import read_env_files
from seaway.app.sources import Source, exists, is_file
from seaway.app.tree import Map, Origins, Seq
from seaway.app.tree import Path as TreePath
from seaway.app.unicity import enforce
from seaway.errors import LimitExceeded, NotYet, ParseError
from seaway.findings import Finding, Level

# More than any project has; a file that includes itself by way of its overrides would go on for ever.
INCLUDES = 1000
INCLUDED_DEPTH = 50


@dataclass(slots=True)
class Assembly:
    """One load: the source, the variables, the names of the files read so far, and what was found on the way.

    `parsed` are the documents nobody has changed yet; `files` the files read, in order; `bases` what `extends` read,
    by scope and file.
    """

    source: Source
    environment: Mapping[str, str]
    home: str | None = None
    visited: int = VISITED
    names: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)
    parsed: dict[Path, Sequence[Document]] = field(default_factory=dict)
    files: dict[Path, int] = field(default_factory=dict)
    bases: dict[tuple[int, str], Bases] = field(default_factory=dict)
    included: int = 0
    size: int = 0

    def model(self, files: tuple[Path, ...], name: str) -> Map:
        """Returns the merged, normalised model of files; raises AppError with a place."""
        here = str(self.source.directory)
        model = self._loaded(files, Scope(here, here, here, self.environment))
        if not model:
            raise ParseError("empty compose file", where=self.source.name(files[0]))
        with self._placed(model):
            model["name"] = name
            normalise(model, self.environment)
        return model

    def _loaded(self, files: Sequence[Path], scope: Scope) -> Map:
        """Returns the merged model of files in a scope, with absolute paths."""
        model = Map()
        for file in files:
            for document in self._taken(file):
                scope = replace(scope, chain=(*scope.chain, str(file)))
                model = self._merge(model, document, scope)
        with self._placed(model):
            fill_defaults(model)
            cross_check(model)
            resolve_paths(model, self._folder(scope.root))
            _pass_through(model, scope.environment)
        return model

    def documents(self, file: Path) -> Sequence[Document]:
        """Returns the documents of a file, to look at."""
        if file not in self.parsed:
            name = self.source.name(file)
            number = self.files.setdefault(file, len(self.names))
            if number == len(self.names):
                self.names.append(name)
            data = self.source.read(file, "compose")
            self.parsed[file] = list(documents(data, name, number, visited=self.visited))
            self.size += self.parsed[file][-1].size if self.parsed[file] else 0
            if self.size > max(EXPANDED, self.visited):
                raise LimitExceeded(f"all files together have more than {EXPANDED} values", where=name)
        return self.parsed[file]

    def _taken(self, file: Path) -> Sequence[Document]:
        """Returns the documents of a file, to change: whoever asks next gets others."""
        self.documents(file)
        return self.parsed.pop(file)

    @contextmanager
    def _placed(self, tree: Any) -> Iterator[None]:
        with placed(tree, tuple(self.names)):
            yield

    def _folder(self, directory: str) -> Folder:
        return Folder(directory, self.home, self.source.real)

    def _filled(self, document: Document, name: str, environment: Mapping[str, str]) -> Map:
        """Returns a document's tree with its variables filled."""
        if not isinstance(document.tree, Map):
            raise ParseError("the top of a compose file must be a mapping", where=name)
        filling = Interpolation(environment)
        with self._placed(document.tree):
            filling.fill(document.tree)
        self.used |= filling.used
        origins = Origins(document.tree, tuple(self.names))
        for variable, path in filling.missing.items():
            says = f"the variable {variable} is not set; a blank string stands for it"
            hint = f"set {variable}, or write ${{{variable}:-default}}"
            self.findings.append(Finding("SW-001", Level.NOTE, says, origins.at(*path), hint))
        return document.tree

    def _merge(self, model: Map, document: Document, scope: Scope) -> Map:
        tree = self._filled(document, self.source.name(Path(scope.chain[-1])), scope.environment)
        with self._placed(tree):
            self._include(tree, document.resets, scope)
        drop(model, document.resets)
        with self._placed(tree):
            reading = partial(self._base, scope=scope)
            Extending(reading).apply(tree, Bases(Map(), document.resets, scope.folder))
            model = merged(model, tree)
        with self._placed(model):
            enforce(model)
            validate(model)
            self._drop_version(model)
            canonical(model)
            enforce(model)
        return model

    def _include(self, tree: Map, resets: tuple[TreePath, ...], scope: Scope) -> None:
        """Loads what a document includes and adds it to the tree, in place."""
        for index, entry in enumerate(read_entries(tree.get("include"))):
            if entry.files:
                self._admit(entry, scope, index)
                join_in(self._included(entry, scope, index), tree, resets)
        tree.pop("include", None)

    def _is_folder(self, path: str) -> bool:
        file = Path(path)
        return exists(file) and file.is_dir()

    def _admit(self, entry: Entry, scope: Scope, index: int) -> None:
        self.included += 1
        if self.included > INCLUDES or len(scope.chain) > INCLUDED_DEPTH:
            raise Endless(f"more than {INCLUDES} files, or {INCLUDED_DEPTH} levels, are included", ("include", index))
        if remote := next((file for file in entry.files if is_remote(file)), None):
            raise NotYet(
                f"including files from elsewhere ({remote}) [SW-019]",
                where=scope.chain[-1],
                hint="copy them into the project and include them from there",
            )

    def _included(self, entry: Entry, scope: Scope, index: int) -> Map:
        here = str(self.source.directory)
        place = locate(entry, scope, here, self._is_folder)
        check_chain(place.files[0], scope, index)
        files = env_files(entry, scope, here)
        if not entry.env_files and is_file(Path(place.folder, ".env")):
            files = [f"{place.folder}/.env"]
        added = read_env_files([Path(file) for file in files], scope.environment, partial(self.source.read, role="env"))
        inner = Scope(place.folder, place.root, place.written, {**added, **scope.environment}, scope.chain)
        return self._loaded([Path(file) for file in place.files], inner)

    def _drop_version(self, model: Map) -> None:
        if "version" in model:
            place = Origins(model, tuple(self.names)).at("version")
            says = "the attribute version is obsolete; it is ignored"
            self.findings.append(Finding("SW-002", Level.NOTE, says, place, "delete the line"))
            del model["version"]

    def _base(self, written: str, reader: Bases, *, scope: Scope) -> Bases:
        """Returns the services of another file for `extends`, in long form, with paths made absolute."""
        if is_remote(written):
            raise NotYet(
                f"extending a service from elsewhere ({written})", hint="copy the file into the project and name it"
            )
        file = Path(self._folder(reader.folder).join(written))
        key = (id(scope.environment), str(file))
        if key not in self.bases:
            self.bases[key] = self._read_base(file, scope.environment)
        return self.bases[key]

    def _read_base(self, file: Path, environment: Mapping[str, str]) -> Bases:
        model = Map()
        resets: tuple[TreePath, ...] = ()
        for document in self._taken(file):
            tree, resets = self._filled(document, self.source.name(file), environment), document.resets
            drop(model, resets)
            with self._placed(tree):
                model = merged(model, tree)
            with self._placed(model):
                enforce(model)
                canonical(model)
                enforce(model)
        with self._placed(model):
            resolve_paths(model, self._folder(str(file.parent)))
        services = model.get("services")
        if not isinstance(services, Map):
            raise Misplaced(f"{self.source.name(file)} has no services to extend", ())
        return Bases(services, resets, str(file.parent), self.source.name(file))


def _pass_through(model: Map, environment: Mapping[str, str]) -> None:
    """Fills list-form variables and configs that name a variable."""
    for service in _mappings(model, "services"):
        entries = service.get("environment")
        if isinstance(entries, Seq):
            for index, entry in enumerate(entries):
                if isinstance(entry, str) and entry in environment:
                    entries[index] = f"{entry}={environment[entry]}"
    for config in _mappings(model, "configs"):
        if config.get("environment") in environment:
            config["content"] = environment[config["environment"]]


def _mappings(model: Map, section: str) -> list[Map]:
    return [each for each in (model.get(section) or {}).values() if isinstance(each, Map)]
