"""The environment and labels of services, with their files read: `env_file` and `label_file`.

A service's own `environment` wins over its files, a later file over an earlier one. Source: compose-go
`Project.WithServicesEnvironmentResolved`, `WithServicesLabelsResolved`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.app import dotenv
from seaway.app.interpolate import Lookup
from seaway.app.sources import Source
from seaway.app.tree import Map, Mark, mark_of
from seaway.errors import InterpolationError, LimitExceeded, SourceMissing

# Read anew for each service that names them.
MOST = 8 << 20


@dataclass(frozen=True, slots=True)
class Resolver:
    """Reads the files of services through a source; `environment` is the project's."""

    source: Source
    environment: Mapping[str, str]
    plain: dict[tuple[Path, str | None], dict[str, str]] = field(default_factory=dict)
    parsed: list[int] = field(default_factory=lambda: [0])

    def resolve(self, service: Map) -> None:
        """Merges a bound service's env files and label files into it, in place; the key `env_file` goes away."""
        self._environment(service)
        self._labels(service)

    def _environment(self, service: Map) -> None:
        own = service.get("environment") or Map()
        for key, value in own.items():
            if value is None and key in self.environment:
                own[key] = self.environment[key]
        found = Map({key: value for key, value in own.items() if value is not None})
        lookup = self._after(own)
        marks: dict[str, Mark | None] = {}
        for index, entry in enumerate(service.get("env_file") or ()):
            self._read(entry, lookup, found)
            for key in found:
                marks.setdefault(key, mark_of(service["env_file"], index))
        found.update(own)
        if found:
            found.at = {key: mark for key, mark in marks.items() if mark is not None} | own.at
            service.put("environment", found, service.at.get("environment") or service.at.get("env_file"))
        service.pop("env_file", None)

    def _after(self, own: Map) -> Lookup:
        return lambda name: self.environment.get(name, own.get(name))

    def _read(self, entry: Mapping[str, Any], lookup: Lookup, found: Map) -> None:
        # A blank path is bound to no path; `required` is printed only where it is false.
        path = Path(entry.get("path", ""))
        if not entry.get("path") or not self.source.has(path):
            if entry.get("required") is False:
                return
            name = self.source.name(path) if entry.get("path") else "''"
            raise SourceMissing(f"env file {name} not found", where=name)
        self._parse(path, entry.get("format"), lookup, found)

    def _parse(self, path: Path, form: str | None, lookup: Lookup, found: dict[str, str]) -> None:
        if (path, form) in self.plain:
            found.update(self.plain[path, form])
            return
        text = self._text(path)
        asked: list[str] = []

        def noted(name: str) -> str | None:
            asked.append(name)
            return lookup(name)

        self._into(path, form, noted, (text, found))
        if not asked:
            # A file that looks nothing up says the same to every service.
            self.plain[path, form] = {}
            self._into(path, form, lookup, (text, self.plain[path, form]))

    def _text(self, path: Path) -> str:
        data = self.source.read(path, "env")
        self.parsed[0] += len(data)
        if self.parsed[0] > MOST:
            raise LimitExceeded(f"env files with variables of more than {MOST >> 20} MiB", where=self.source.name(path))
        return data.decode("utf-8", "replace")

    def _into(self, path: Path, form: str | None, lookup: Lookup, read: tuple[str, dict[str, str]]) -> None:
        text, found = read
        try:
            if form == "raw":
                found.update(dotenv.parse_raw(text, lookup))
            elif form in (None, ""):
                dotenv.parse(text, lookup, found)
            else:
                raise ValueError(f'unsupported env_file format "{form}"')
        except ValueError as problem:
            raise InterpolationError(str(problem), where=self.source.name(path)) from problem

    def _labels(self, service: Map) -> None:
        files = service.get("label_file") or ()
        if not files:
            return
        found: dict[str, str] = {}
        for file in files:
            path = Path(file)
            text = self.source.read(path, "label").decode("utf-8", "replace")
            try:
                found |= dotenv.parse(text, found.get)
            except ValueError as problem:
                raise InterpolationError(str(problem), where=self.source.name(path)) from problem
        own = service.get("labels") or Map()
        labels = Map(found | own)
        labels.at = dict(own.at)
        if labels:
            service["labels"] = labels
