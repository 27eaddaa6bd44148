"""Rule files as plain values: YAML read so that what a person sees is what is meant.

Booleans are `true` and `false` alone (YAML 1.2), so that `on` is a key and `no` a word; a key twice, an alias or a
merge key is refused. The small readers here name the place of what they refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import yaml

from seaway.errors import RuleRefused

LARGEST = 64 << 10


class _Loader(yaml.SafeLoader):
    """YAML 1.2 booleans, no aliases, no key twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases have no place in a rule")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) != len(keys) or "<<" in keys:
            raise yaml.YAMLError(f"a key is there twice, or merged, at line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


_BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))


def read_document(path: str, text: str) -> Mapping[str, object]:
    """Parses one file into a mapping with a name; raises RuleRefused."""
    if len(text.encode()) > LARGEST:
        raise RuleRefused(f"a rule is at most {LARGEST} bytes", where=path)
    try:
        body = yaml.load(text, Loader=_Loader)  # a SafeLoader, stricter
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RuleRefused(f"not YAML a rule may use: {str(error).splitlines()[0]}", where=path) from error
    found = mapping(path, "a rule", body)
    text_of(f"{path}: name", found.get("name"))
    return found


def mapping(where: str, key: str, value: object) -> Mapping[str, object]:
    """Returns a mapping with text keys."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise RuleRefused(f"{key} is a mapping", where=where)
    return cast("Mapping[str, object]", value)


def list_of(where: str, key: str, value: object) -> list[object]:
    """Returns a list."""
    if not isinstance(value, list):
        raise RuleRefused(f"{key} is a list", where=where)
    return value


def texts(where: str, key: str, value: object) -> tuple[str, ...]:
    """Returns a list of texts, none of them empty."""
    return tuple(text_of(f"{where}: {key}", item) for item in list_of(where, key, value))


def text_of(where: str, value: object) -> str:
    """Returns text that is not empty."""
    if not isinstance(value, str) or not value:
        raise RuleRefused("text is needed here", where=where)
    return value
