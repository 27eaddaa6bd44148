"""Writes `docs/reference/x-seaway.yaml`: every key of `x-seaway` in a compose file that loads, with what it means.

A key shows its default, or an example where the default is nothing; the comment gives unit, default and meaning.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, get_origin

import yaml

from seaway.app.extension import Extension
from seaway.app.extension_schema import PLACES, meanings, unit_of
from seaway.app.keys import Key, blocks_in, keys_of
from seaway.app.spelling import spelled

HEAD = """\
# Every key of x-seaway, in a file that `docker compose config` accepts. Generated from the code: `make docs` writes it.
# After each key: what it takes; its default; what it means. A key shows its default, or an example where that is none.
#
# An editor with a YAML language server completes all of it, and Compose's own keys:
#   seaway config --schema > compose.schema.json     and, as the first line of compose.yaml:
# yaml-language-server: $schema=./compose.schema.json
name: shop

"""
PARTS: Mapping[str, str] = {
    "services": "services:\n  api:\n    image: registry.example/shop/api:1.4.2\n",
    "volumes": "volumes:\n  pg:\n",
    "secrets": "secrets:\n  key:\n    file: key.txt\n",
    "networks": "networks:\n  ai:\n    internal: true\n",
    "models": "models:\n  llm:\n    model: ai/qwen3\n",
}
USES = "    volumes: [pg:/var/lib/pg]\n    secrets: [key]\n    networks: [ai]\n    models: [llm]\n"


def x_seaway() -> str:
    """Returns the page."""
    parts = [HEAD, "x-seaway:\n", *_block(Extension, "  ")]
    for section, kind in PLACES.items():
        parts += ["\n", PARTS[section], USES if section == "services" else "", "    x-seaway:\n"]
        parts += _block(kind, "      ")
    return "".join(parts)


def _block(kind: type, indent: str) -> Iterator[str]:
    for key in keys_of(kind).values():
        yield from _key(kind, key, indent)


def _key(kind: type, key: Key, indent: str) -> Iterator[str]:
    meaning = meanings()[kind.__name__][key.name]
    comment = f"  # {_takes(key)}{_default(key)}: {meaning['says']}{' (not acted on yet)' if key.later else ''}\n"
    inner = next(blocks_in(key.hint), None)
    if inner is None or "example" in meaning or get_origin(key.hint) is tuple:
        yield f"{indent}{key.name}: {_flow(_shown(key, meaning))}{comment}"
        return
    yield f"{indent}{key.name}:{comment}"
    if "name" in meaning:
        yield f"{indent}  {meaning['name']}:\n"
        indent += "  "
    yield from _block(inner, indent + "  ")


def _takes(key: Key) -> str:
    return unit_of(key.hint)


def _default(key: Key) -> str:
    if key.required or (key.name == "version" and key.default == 1):
        return "; required"
    if dataclasses.is_dataclass(key.default):
        return ""
    if key.default in (None, (), {}):
        return "; default none"
    if isinstance(key.default, Mapping):
        return f"; default {', '.join(key.default)}"
    return f"; default {_flow(spelled(key.hint, key.default))}"


def _shown(key: Key, meaning: Mapping[str, Any]) -> Any:
    return meaning["example"] if "example" in meaning else spelled(key.hint, key.default)


def _flow(value: Any) -> str:
    """Returns a value as one line of YAML."""
    if isinstance(value, str):
        return (
            value
            if yaml.safe_load(value) == value and not set(value) & set(":#{}[],&*!|>'\"%@`")
            else json.dumps(value)
        )
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True)
    return text.strip().removesuffix("...").strip()
