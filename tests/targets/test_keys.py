"""The key table: a row for every key of the Compose schema, each true of what `check` says and lowering does."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from seaway.app.extension_schema import PLACES, ROOTS
from seaway.app.keys import blocks_below, blocks_in, keys_of
from seaway.app.load import How, load, select
from seaway.app.model import App
from seaway.app.schema import schema
from seaway.digest import Digest
from seaway.errors import NotYet, TargetUnsupported
from seaway.image.model import Image, Platform
from seaway.targets.base import Version
from seaway.targets.check import check
from seaway.targets.check.catalogue import catalogue
from seaway.targets.keys import TARGETS, Fate, Row, Target, key_table
from seaway.targets.kubernetes.setting import Setting
from seaway.targets.lower import lower
from seaway.targets.process.refusals import find_refusals

pytestmark = pytest.mark.rootless

DEFINITIONS: dict[str, Any] = schema()["$defs"]
SECTIONS = {"networks": "network", "volumes": "volume", "secrets": "secret", "configs": "config", "models": "model"}
SAYING = {"SW-230", "SW-231", "SW-232"}
BASE = """
name: shop
services:
  api:
    image: registry.example/shop:1
    user: "1000"
  other:
    image: registry.example/other:1
    user: "1000"
volumes: {data: {x-seaway: {size: 1Gi}}}
networks: {side: }
secrets: {key: {file: ./key.txt}}
configs: {conf: {content: hello}}
models: {llm: {model: ai/small}}
x-seaway:
  version: 1
  registry: {push: registry.example/shop}
  environments: {live: {target: %s, secrets: {provider: existing}}}
"""
# Rows whose effect is not in a lowered version: the loader, the build or a neighbour has it.
ELSEWHERE = {
    "service.attach": "what `up` shows",
    "service.build": "the build makes the image",
    "service.image": "the image arrives by digest",
    "service.extends": "the loader resolves it",
    "service.profiles": "the loader resolves it",
    "service.expose": "the native builder's ports are HTTP either way",
    "service.platform": "find_refusals compares it with the machine",
    "service.cpu_period": "without a quota it means nothing",
    "service.provider": "a service that somebody else runs is not lowered",
}


def named_keys(name: str) -> set[str]:
    """The keys of a definition of the schema, those it takes over included."""
    rules = DEFINITIONS[name]
    parts = [part["$ref"].rpartition("/")[2] for part in rules.get("allOf", ())]
    return set(rules.get("properties", ())).union(*(named_keys(part) for part in parts))


def test_every_key_of_the_schema_has_a_row() -> None:
    """Each service key and each key at the top; each key a job has of its own; the 93 of a service are counted."""
    service = named_keys("service")
    assert len(service) == 93
    assert {f"service.{key}" for key in service} <= set(key_table())
    assert {f"top.{key}" for key in schema()["properties"]} <= set(key_table())
    assert {f"job.{key}" for key in named_keys("job") - service} | {"job.profiles"} == {
        name for name, row in key_table().items() if row.section == "job"
    }


@pytest.mark.parametrize("row", key_table().values(), ids=key_table())
def test_a_row_names_a_key_that_the_schema_has(row: Row) -> None:
    """A row for nothing, or for a misspelt sub-key, is a mistake."""
    first, *inner = row.path
    known = {"service": named_keys("service"), "job": named_keys("job"), "top": set(schema()["properties"])}
    assert first in known[row.section]
    if row.section == "top" and inner:
        assert inner[0] in named_keys(SECTIONS[first])


def our_keys() -> Iterator[str]:
    """The keys of x-seaway by their path, those beside volumes and models with their section."""
    for root, prefix in [(ROOTS[0], ""), *((kind, f"{name}.") for name, kind in PLACES.items())]:
        for key in keys_of(root).values():
            yield prefix.removeprefix("services.") + key.name
            for block in blocks_in(key.hint):
                for below in keys_of(block).values():
                    yield f"{prefix.removeprefix('services.')}{key.name}.{below.name}"


@pytest.mark.parametrize("row", key_table().values(), ids=key_table())
def test_a_row_speaks_of_codes_and_keys_that_exist(row: Row) -> None:
    """Codes have pages; what is needed can be written; a word fits its codes."""
    for target, fate in row.fates.items():
        assert set(fate.codes) <= set(catalogue())
        assert not fate.needs or fate.needs in set(our_keys()), fate.needs
        assert fate.needs or fate.word != "needs"
        assert fate.word == "mapped" or fate.codes or fate.needs or fate.today or row.path == ("networks",), target
        assert "SW-232" not in fate.codes or fate.word in ("refused", "needs")
        assert not ({"SW-230", "SW-231"} & set(fate.codes)) or fate.word == "noted"


def test_a_fate_is_one_of_four_words() -> None:
    """Anything else is refused when the table is read."""
    with pytest.raises(ValueError):
        Fate.parse("ignored")
    assert Fate.parse("needs SW-401 expose today") == Fate("needs", ("SW-401",), "expose", today=True)


# -- against check and lowering --------------------------------------------------------------------------------------


def written(folder: Path, row: Row | None, target: Target) -> App:
    """The base app for a target, with the row's example in it."""
    document = yaml.safe_load(BASE % target)
    for name in ("key.txt", "plain.env"):
        (folder / name).write_text("A=b\n")
    if row is not None:
        example = yaml.safe_load(row.example)
        place = document["services"]["api"] if row.section == "service" else document
        if row.section == "top" and len(row.path) == 2:
            section, key = row.path
            own = {"secrets": {"file": "./key.txt"}, "configs": {"content": "x"}}.get(section, {})
            if key in ("external", "driver", "driver_opts") and section in own:
                own = {}
            document[section]["side"] = {**own, key: example}
            kinds = {"networks": ["side"], "volumes": ["side:/side"], "secrets": ["side"], "configs": ["side"]}
            document["services"]["api"][section] = kinds[section]
        elif row.section == "service":
            *outer, last = row.path
            if row.path[0] in ("configs", "secrets", "networks", "ports", "depends_on"):
                outer, last = [], row.path[0]
            if row.path[1:2] in (("update_config",), ("rollback_config",), ("restart_policy",)):
                outer, last = ["deploy"], row.path[1]
            for part in outer:
                place = place.setdefault(part, {})
            place[last] = example
    (folder / "compose.yaml").write_text(yaml.safe_dump(document))
    return load(select(folder, {}), how=How(consistent=False, lenient=True))


def said(app: App, target: Target) -> set[tuple[str, str]]:
    """The codes that check has for an app, with what it says."""
    return {(finding.code, finding.says) for finding in check(app, purpose=target)}


SERVICE = [row for row in key_table().values() if row.section == "service" and row.example]
TOP = [row for row in key_table().values() if row.section == "top" and len(row.path) == 2]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("row", [*SERVICE, *TOP], ids=lambda row: ".".join((row.section, *row.path)))
def test_check_says_what_a_row_says(row: Row, target: Target, tmp_path: Path) -> None:
    """What is not mapped is said with a code of its row; what is mapped is never said to be lost or refused."""
    fate = row.fates[target]
    more = said(written(tmp_path, row, target), target) - said(written(tmp_path, None, target), target)
    new = {code for code, _ in more}
    if fate.word == "mapped":
        outer = key_table()[f"{row.section}.{row.path[0]}"].fates[target].codes
        assert not new & SAYING - set(outer), new
    elif fate.codes:
        assert new & set(fate.codes), (fate, new)


def images(app: App) -> dict[str, Image]:
    """An image for each service."""
    return {name: Image(Digest.of(b"i"), Digest.of(b"c"), Platform(), {"config": {}}, ()) for name in app.services}


def lowered(folder: Path, row: Row | None, target: Target) -> tuple[Version, object]:
    """The version of an app, and its setting on a cluster."""
    app = written(folder, row, target)
    version = lower(app, images(app), Digest.of(b"bundle"))
    return version, Setting.of(app) if target == "kubernetes" else None


@functools.cache
def targets() -> tuple[str, ...]:
    """The targets an environment may name."""
    return tuple(get_args(Target))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("row", SERVICE, ids=lambda row: ".".join((row.section, *row.path)))
def test_lowering_does_what_a_row_says(row: Row, target: Target, tmp_path: Path) -> None:
    """What is mapped changes the version; what is not carried changes nothing; what is refused is refused."""
    fate, name = row.fates[target], ".".join((row.section, *row.path))
    if fate.word == "refused" and "SW-232" in fate.codes:
        with pytest.raises((NotYet, TargetUnsupported)):
            lowered(tmp_path, row, target)
    elif fate.word == "refused" and target == "process":
        assert {finding.code for finding in find_refusals(written(tmp_path, row, target))} & set(fate.codes)
    elif fate.word == "mapped" and name not in ELSEWHERE:
        assert lowered(tmp_path, row, target) != lowered(tmp_path, None, target)
    elif fate.word == "noted" and set(fate.codes) <= {"SW-230", "SW-231"} and len(row.path) == 1:
        assert lowered(tmp_path, row, target) == lowered(tmp_path, None, target), "it is carried: the row is stale"


def test_the_reachable_blocks_are_the_ones_described() -> None:
    """Needs are looked up among the keys of every block."""
    assert set(PLACES.values()) <= set(blocks_below(*ROOTS))
