"""Outcomes that come later, by request token: parsed as a whole, then counted one by one.

A body is JSON lines `{"request": TOKEN, "name": NAME, "passed": true|false}`; a line that is none refuses the body and
counts nothing. A token that is forged, aged, repeated or of another version is refused by itself, and counted.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from seaway_sdk import token
from seaway_sdk.conventions import LABEL_BYTES, LABEL_DAYS, LABEL_MEMORY, NAME_LIMIT, RESERVED

_FUTURE_MINUTES = 5


class LabelsInvalid(ValueError):
    """A body that is not labels; says the line."""


class Refusal(StrEnum):
    """Why a label was not counted."""

    FORGED = "label_forged"
    AGED = "label_aged"
    REPEATED = "label_repeated"
    FOREIGN = "label_foreign"


@dataclass(frozen=True, slots=True)
class Label:
    """One late outcome of one request."""

    request: token.Token
    name: str
    passed: bool


def usable(name: object) -> bool:
    """Tells whether an outcome may have this name: short, an identifier, not one the request path counts."""
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isidentifier()
        and len(name) <= NAME_LIMIT
        and name not in RESERVED
    )


def parse(body: bytes) -> tuple[Label, ...]:
    """Reads a body of labels; raises LabelsInvalid with the line, counted from 1."""
    if len(body) > LABEL_BYTES:
        raise LabelsInvalid(f"more than {LABEL_BYTES} bytes")
    return tuple(_label(at, line) for at, line in enumerate(body.splitlines(), 1) if line.strip())


def _label(at: int, line: bytes) -> Label:
    try:
        said = json.loads(line)
        request = token.parse(said["request"])
        name, passed = said["name"], said["passed"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LabelsInvalid(f"line {at}: {_why(error)}") from error
    if not usable(name) or not isinstance(passed, bool) or len(said) != 3:
        raise LabelsInvalid(f'line {at}: wants exactly "request", "name" (an identifier) and "passed" (true or false)')
    return Label(request, name, passed)


def _why(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


class Desk:
    """Decides which labels count, for a process of one version with one key; remembers the newest 65,536."""

    def __init__(self, version: str, key: bytes) -> None:
        self._version = version
        self._key = key
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def judge(self, label: Label, now: float) -> Refusal | None:
        """Returns why a label does not count, or None and remembers it."""
        if label.request.standing(self._key) is token.Standing.FORGED:
            return Refusal.FORGED
        age = now / 60 - label.request.minutes
        if age > LABEL_DAYS * 1440 or age < -_FUTURE_MINUTES:
            return Refusal.AGED
        if label.request.version != self._version:
            return Refusal.FOREIGN
        return self._remember((label.request.trace, label.name))

    def _remember(self, case: tuple[str, str]) -> Refusal | None:
        if case in self._seen:
            return Refusal.REPEATED
        self._seen[case] = None
        if len(self._seen) > LABEL_MEMORY:
            self._seen.popitem(last=False)
        return None
