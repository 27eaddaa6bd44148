"""What `seaway why` answers: values with the leaf that said each, and the gaps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gap:
    """A hop that nothing in the ledger proves: why, and what would."""

    hop: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Material:
    """A model, data set or prompt in an image; `signed_by` is who signed for its files, empty if nobody."""

    kind: str
    key: str
    name: str
    uri: str
    signed_by: str
    licence: str
    state: str
    leaf: int


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """Where an image came from."""

    key: str
    service: str
    commit: str
    builder: str
    base: tuple[str, ...]
    materials: tuple[Material, ...]
    leaf: int


@dataclass(frozen=True, slots=True)
class Said:
    """A deed about the subject, as its statement has it: who signed it, at which leaf."""

    id: str
    leaf: int
    by: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Why:
    """Everything behind one request, digest or deployment; `standing` is a token's MAC, `at` its minute or None.

    Incomplete if there are gaps: the command prints all of it and exits 4.
    """

    subject: str
    kind: str
    at: int | None
    standing: str
    state: str
    service: str
    version: str
    deployment: Said | None
    environment: str
    place: str
    bundle: str
    images: tuple[ImageAnswer, ...]
    release: Said | None
    decision: Said | None
    policy: Said | None
    approvals: tuple[Said, ...]
    exceptions: tuple[Said, ...]
    evaluations: tuple[Said, ...]
    scans: tuple[Said, ...]
    gaps: tuple[Gap, ...]

    @property
    def models(self) -> tuple[Material, ...]:
        """The models of all images, once each."""
        return self._materials("model")

    @property
    def data(self) -> tuple[Material, ...]:
        """The data sets of all images, once each."""
        return self._materials("data")

    def json(self) -> dict[str, Any]:
        """Returns the answer as plain values."""
        return asdict(self)

    def _materials(self, kind: str) -> tuple[Material, ...]:
        found = {(one.key, one.name): one for image in self.images for one in image.materials if one.kind == kind}
        return tuple(found.values())
