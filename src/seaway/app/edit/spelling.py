"""How a value that is put into a file is spelled: on one line in brackets, or as an indented block.

A string is quoted whenever a reader of YAML 1.1 or 1.2 could see anything else in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"(-{1,2}(?=[A-Za-z]))?[A-Za-z_/.$][A-Za-z0-9_/.:@$+{}()=~^*-]*( [A-Za-z0-9_/.@$+()=~^*-]+)*")
_SIZE = re.compile(r"[0-9]+([KMGT]i|ms|[msh])")
_FLOW = frozenset(",[]{}")
_WORDS = frozenset(("", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "~"))
_WIDTH = 110


class Block(dict[str, Any]):
    """A mapping that is spelled as a block, a key a line; a plain mapping is spelled on one line."""


def flow(value: object) -> str:
    """Returns a value on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(str(key))}: {flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value, inside=True)


def scalar(value: object, *, inside: bool = False) -> str:
    """Returns a scalar, quoted where it must be; `inside` brackets their marks are quoted too."""
    if isinstance(value, str):
        if "\n" in value or not _is_plain(value, inside=inside):
            return _quoted(value)
        return value
    return json.dumps(value)


def _is_plain(text: str, *, inside: bool) -> bool:
    if _SIZE.fullmatch(text):
        return True
    if text.lower() in _WORDS or text[-1:] == ":" or not _PLAIN.fullmatch(text):
        return False
    if re.fullmatch(r"-?\.([0-9_]+([eE][-+]?[0-9]+)?|inf|Inf|INF)", text):
        return False
    return not (inside and _FLOW & set(text))


def _quoted(text: str) -> str:
    # JSON's escapes are YAML's too, but for the two line separators, which some readers break lines at.
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\L").replace("\u2029", "\\P").replace("\x85", "\\N")


def requoted(value: object, style: str, *, inside: bool) -> str:
    """Returns a scalar in the quotes that were there, where it can be."""
    if isinstance(value, str) and style == '"':
        return _quoted(value)
    if isinstance(value, str) and style == "'" and "\n" not in value:
        return "'" + value.replace("'", "''") + "'"
    return scalar(value, inside=inside)


def entry(key: str, value: object, column: int, newline: str, step: int = 2) -> str:
    """Returns `key: value` for a block whose keys stand in a column; the first line is not indented."""
    return f"{newline}{' ' * column}".join(_lines(key, value, step))


def _lines(key: str, value: object, step: int) -> Iterator[str]:
    name = scalar(key)
    if isinstance(value, Block) and value:
        yield f"{name}:"
        for inner, item in value.items():
            yield from (f"{' ' * step}{line}" for line in _lines(inner, item, step))
        return
    text = flow(value)
    if isinstance(value, Mapping) and value and len(name) + len(text) > _WIDTH:
        yield from _lines(key, Block(value), step)
        return
    yield f"{name}: {text}"
