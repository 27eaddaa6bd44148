"""Facts of a layer, from the same walk that writes it: files with hashes, ELF files, components.

A `LayerRecord` is kept under the layer's key, so that a second build makes and reads nothing; the list of files, which
is large, is a blob of its own. Not here: what follows from facts (`closure.py`, `sbom.py`, `diff.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seaway.digest import Digest, canonical
from seaway.errors import StoreError
from seaway.findings import Finding, Level
from seaway.image.elf import MAGIC, Elf, read_elf
from seaway.image.model import Component, Content, Descriptor, Entry, FileFact, Layer

FACTS = "application/vnd.seaway.facts.v1+json"
_IN_MEMORY = 64 << 20
_CHUNK = 1 << 20


class ElfWatch:
    """Looks at the files that pass through a layer writer and keeps the facts of those that are ELF."""

    def __init__(self) -> None:
        self._found: list[Elf] = []

    def __call__(self, entry: Entry) -> Callable[[bytes], None] | None:
        """Gives the writer a function that takes an entry's bytes; see `write_layer`."""
        return _Taking(entry.path, entry.content, self._found).take if entry.content else None

    @property
    def elves(self) -> tuple[Elf, ...]:
        """The ELF files seen, in the order of their paths."""
        return tuple(sorted(self._found, key=lambda elf: elf.path))


class _Taking:
    """One file while it passes: kept in memory if it is ELF and not huge, else forgotten with its first block."""

    def __init__(self, path: str, content: Content, found: list[Elf]) -> None:
        self._path = path
        self._content = content
        self._found = found
        self._held: bytearray | None = bytearray()

    def take(self, block: bytes) -> None:
        if self._held is None:
            return
        if not self._held and not block.startswith(MAGIC):
            self._held = None
        elif self._content.size > _IN_MEMORY:
            self._end(lambda at, size: _read_again(self._content, at, size))
        else:
            self._held += block
            if len(self._held) == self._content.size:
                data = bytes(self._held)
                self._end(lambda at, size: data[at : at + size])

    def _end(self, read_at: Callable[[int, int], bytes]) -> None:
        self._held = None
        if elf := read_elf(self._path, read_at):
            self._found.append(elf)


def _read_again(content: Content, at: int, size: int) -> bytes:
    """Reads a part of a file too large to hold, from its start; a few such parts are enough for an ELF."""
    with content.open() as stream:
        while at:
            at -= len(block := stream.read(min(at, _CHUNK)))
            if not block:
                return b""
        parts = []
        while size and (block := stream.read(min(size, _CHUNK))):
            parts.append(block)
            size -= len(block)
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """What is known of a layer once it was made; `files` names the blob with its list of files."""

    layer: Layer
    files: Digest
    components: tuple[Component, ...] = ()
    elves: tuple[Elf, ...] = ()
    findings: tuple[Finding, ...] = ()

    def json(self) -> dict[str, object]:
        """Returns the record as JSON."""
        return {
            "layer": layer_json(self.layer),
            "files": str(self.files),
            "components": [_plain(component) for component in self.components],
            "elves": [_plain(elf) for elf in self.elves],
            "findings": [finding_json(finding) for finding in self.findings],
        }

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> LayerRecord:
        """Reads a record; raises StoreError for what is none."""
        try:
            return cls(
                parse_layer(body["layer"]),
                Digest.parse(body["files"]),
                tuple(Component(**_tuples(part)) for part in body["components"]),
                tuple(Elf(**_tuples(part)) for part in body["elves"]),
                tuple(parse_finding(part) for part in body["findings"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                "a layer's record is damaged", hint="delete its file from the image store; seaway build writes it anew"
            ) from error


def layer_json(layer: Layer) -> dict[str, object]:
    """Returns a layer as in records and locks."""
    return {
        "mediaType": layer.descriptor.media_type,
        "digest": str(layer.descriptor.digest),
        "size": layer.descriptor.size,
        "diffID": str(layer.diff_id),
        "tarSize": layer.tar_size,
        "createdBy": layer.created_by,
    }


def parse_layer(body: Mapping[str, Any]) -> Layer:
    """Reads a layer; raises KeyError, TypeError or ValueError."""
    descriptor = Descriptor(str(body["mediaType"]), Digest.parse(body["digest"]), int(body["size"]))
    return Layer(descriptor, Digest.parse(body["diffID"]), int(body["tarSize"]), str(body["createdBy"]))


def files_json(facts: Iterable[FileFact]) -> bytes:
    """Returns the list of a layer's files, sorted by path, as canonical JSON."""
    rows = sorted(([f.path, str(f.kind), f.mode, f.size, f.sha256, f.link] for f in facts), key=lambda row: str(row[0]))
    return canonical({"files": rows})


def image_facts(base: Digest, records: Sequence[LayerRecord]) -> bytes:
    """Returns the facts of an image: its layers, where their files are listed, and what is in them."""
    layers = [{"digest": str(r.layer.descriptor.digest), "files": str(r.files)} for r in records]
    components = [_plain(component) for record in records for component in record.components]
    components.sort(key=lambda body: (str(body["purl"]), str(body["sha256"])))
    return canonical({"mediaType": FACTS, "base": str(base), "layers": layers, "components": components})


def finding_json(finding: Finding) -> dict[str, str]:
    """Returns a finding as in records."""
    return {
        "code": finding.code,
        "level": str(finding.level),
        "says": finding.says,
        "where": str(finding.where or ""),
        "hint": finding.hint or "",
    }


def parse_finding(body: Mapping[str, str]) -> Finding:
    """Reads a finding; raises KeyError or ValueError."""
    return Finding(body["code"], Level(body["level"]), body["says"], body["where"] or None, body["hint"] or None)


def _plain(value: Component | Elf) -> dict[str, object]:
    return {key: list(part) if isinstance(part, tuple) else part for key, part in asdict(value).items()}


def _tuples(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(part) if isinstance(part, list) else part for key, part in body.items()}
