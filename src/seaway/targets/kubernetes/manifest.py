"""Objects as YAML that every reader reads alike: block style, a string in quotes wherever anybody could see more in it.

YAML 1.1 and 1.2 disagree on `yes`, `0o17`, `1e3`, `12:30`, `~` and more; so only plain words that no reader could take
for anything else stand without quotes. Own emitter, since bytes of a rendering must not follow a library's versions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])
_HIDDEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
HEAD = ("apiVersion", "kind", "metadata", "name", "namespace")


def documents(items: Iterable[Mapping[str, object]]) -> str:
    """Returns objects as one stream of documents."""
    return "".join(f"---\n{document(item)}" for item in items)


def document(item: Mapping[str, object]) -> str:
    """Returns one object; what names it comes first, the rest in the order of letters."""
    return "\n".join(_mapping(item, "")) + "\n"


def _mapping(item: Mapping[str, object], indent: str) -> Iterator[str]:
    for key in sorted(item, key=_rank):
        yield from _entry(f"{indent}{_scalar(key)}:", item[key], indent)


def _rank(key: str) -> tuple[int, str]:
    return (HEAD.index(key), "") if key in HEAD else (len(HEAD), key)


def _entry(start: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield start
        yield from _mapping(value, f"{indent}  ")
    elif _is_list(value):
        yield start
        yield from _sequence(value, indent)
    else:
        yield f"{start} {_scalar(value)}"


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value)


def _sequence(items: Sequence[object], indent: str) -> Iterator[str]:
    within = f"{indent}  "
    for item in items:
        if isinstance(item, Mapping) and item:
            lines = list(_mapping(item, within))
        elif _is_list(item):
            lines = list(_sequence(item, within))
        else:
            lines = [f"{within}{_scalar(item)}"]
        yield f"{indent}- {lines[0].removeprefix(within)}"
        yield from lines[1:]


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS


def _quoted(text: str) -> str:
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
