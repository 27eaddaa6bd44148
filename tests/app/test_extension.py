"""`x-seaway`: defaults, casts, short spellings, inheritance, and what is said about mistakes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seaway.app import units
from seaway.app.extension import Environment, Extension, GateKeys, read_service, read_top
from seaway.app.load import load, select
from seaway.app.reading import Reader
from seaway.app.release_keys import Criterion, JudgeKeys, ObserveKeys, ReleaseKeys, SloKeys
from seaway.app.service_keys import ServiceExtension

pytestmark = pytest.mark.rootless


def top(text: str) -> tuple[Extension, Reader]:
    """Reads a block written in YAML."""
    reader = Reader()
    return read_top(yaml.safe_load(text), reader), reader


def service(text: str, defaults: ServiceExtension | None = None) -> tuple[ServiceExtension, Reader]:
    """Reads a service's block written in YAML."""
    reader = Reader()
    path = ("services", "api", "x-seaway")
    return read_service(yaml.safe_load(text), defaults or ServiceExtension(), path, reader), reader


def test_the_smallest_block_has_every_default() -> None:
    """`version: 1` alone is the defaults, written."""
    extension, reader = top("version: 1")
    assert extension == dataclasses.replace(Extension(), written=True)
    assert reader.findings == []


def test_defaults_are_those_of_the_reference() -> None:
    """The defaults of release, judge, observe, objectives and gates."""
    assert ReleaseKeys().weights == (10.0, 50.0)
    assert [criterion.name for criterion in ReleaseKeys().criteria] == ["errors", "latency"]
    assert (ReleaseKeys().watch, ReleaseKeys().bake, ReleaseKeys().warm, ReleaseKeys().keep) == (60, 900, 1800, 3)
    judge = JudgeKeys()
    assert (judge.alpha, judge.beta, judge.harm, judge.delta) == (0.01, 0.01, 2.0, 0.005)
    assert (judge.history, judge.at_most, judge.burst, judge.otherwise) == (86400, 1800, "tick", "hold")
    assert (ObserveKeys().sample, ObserveKeys().retention, ObserveKeys().prices) == (0.1, 35 * 86400, "prices.json")
    assert (SloKeys().window, SloKeys().page) == (30 * 86400, ("availability", "latency"))
    gates = GateKeys()
    assert (gates.approvals, gates.soak, gates.parity, gates.admission) == (1, 86400, True, "audit")
    assert Environment().target == "process"


def test_short_spellings_are_read() -> None:
    """Contexts as a list, approvals by title, criteria by name or with keys, bases in one word."""
    extension, reader = top(
        """
        version: 1
        owner: t
        environments:
          dev:
          prod: {target: kubernetes, contexts: [eu, us], gates: {approvals: {ciso: 2}}}
        release: {criteria: [errors, {latency: {budget: 250ms}}]}
        """
    )
    assert reader.findings == []
    assert extension.environments["dev"] == Environment("dev")
    assert {name: each.wave for name, each in extension.environments["prod"].contexts.items()} == {"eu": 1, "us": 2}
    gates = extension.environments["prod"].gates
    assert gates is not None
    assert gates.approvals == {"ciso": 2}
    assert extension.release.criteria == (Criterion("errors"), Criterion("latency", budget=0.25))
    apt, _ = service("image: {base: 'apt:debian/bookworm'}")
    plain, _ = service("image: {base: 'python:3.12-slim'}")
    layout, _ = service("image: {base: {oci: 'path:tag'}}")
    assert apt.image.base is not None
    assert apt.image.base.apt == "debian/bookworm"
    assert plain.image.base is not None
    assert plain.image.base.image == "python:3.12-slim"
    assert layout.image.base is not None
    assert layout.image.base.oci == "path:tag"


def test_interpolated_strings_are_cast() -> None:
    """What interpolation made a string is read as what the key means."""
    read, reader = service("autoscale: {min: '2', max: '10', cpu: '70'}\nwaits: 'true'\nliveness: /healthz")
    assert reader.findings == []
    assert read.autoscale is not None
    assert (read.autoscale.min, read.autoscale.max, read.autoscale.cpu) == (2, 10, 70.0)
    assert read.waits is True
    assert read.liveness == "/healthz"


def test_null_gives_up_what_may_be_given_up() -> None:
    """`delta: null` has a meaning; null for a plain key keeps the default; `auto` is None."""
    extension, reader = top("version: 1\nrelease: {judge: {delta: null, alpha: null, margin: auto, else: rollback}}")
    assert reader.findings == []
    judge = extension.release.judge
    assert (judge.delta, judge.alpha, judge.margin, judge.otherwise) == (None, 0.01, None, "rollback")


def test_none_is_a_word_where_the_key_has_it() -> None:
    """`expose: none` and `egress: none` are not the same as nothing."""
    read, _ = service("expose: none\negress: none")
    assert (read.expose, read.egress) == ("none", "none")
    assert (ServiceExtension().expose, ServiceExtension().egress) == (None, None)
    listed, _ = service("egress: [internet, 10.0.0.0/8]")
    assert listed.egress == ("internet", "10.0.0.0/8")


def test_a_service_lays_its_keys_over_those_of_the_app() -> None:
    """release, observe, cost and resources key by key; other keys as a whole."""
    extension, _ = top(
        """
        version: 1
        release: {strategy: canary, watch: 5s}
        cost: {center: "1"}
        defaults: {resources: {cpu: 100m, memory: 256Mi}, security: {uid: 1000, userns: true}}
        """
    )
    text = "release: {watch: 9s}\nresources: {cpu: 1}\nsecurity: {writable: [/x]}\ncost: {monthly: 3 EUR}"
    read, reader = service(text, extension.defaults)
    assert reader.findings == []
    assert (read.release.strategy, read.release.watch) == ("canary", 9.0)
    assert (read.resources.cpu, read.resources.memory) == (1.0, 256 << 20)
    assert (read.security.uid, read.security.writable) == (None, ("/x",))
    assert read.cost is not None
    assert (read.cost.center, read.cost.monthly) == ("1", "3 EUR")
    untouched, _ = service("null", extension.defaults)
    assert untouched == extension.defaults


MISTAKES = [
    ("version: 1\nrelase: {}", "SW-101", 'x-seaway.relase: "relase" is not an x-seaway key', 'did you mean "release"?'),
    ("version: 1\nzzz: {}", "SW-101", 'x-seaway.zzz: "zzz" is not an x-seaway key', "known here: cost"),
    ("owner: me", "SW-104", 'x-seaway: "version" is missing', "version: 1"),
    ("version: 2", "SW-103", "x-seaway.version: version 2 is not known", "reads version 1"),
    ("version: 1\nrisk: low", "SW-103", "x-seaway.risk: 'low' is not one of normal, high", ""),
    ("version: 1\nrelease: {watch: soon}", "SW-103", "x-seaway.release.watch: 'soon' is not a duration", ""),
    ("version: 1\nrelease: {weights: [110%]}", "SW-103", "x-seaway.release.weights: ['110%'] is not a percentage", ""),
    ("version: 1\nrelease: {keep: 1.5.2}", "SW-103", "x-seaway.release.keep: '1.5.2' is not a whole number", ""),
    ("version: 1\nroots: here", "SW-103", "x-seaway.roots: 'here' is not a list", ""),
    ("version: 1\nledger: [a]", "SW-103", "x-seaway.ledger: ['a'] is not a mapping", ""),
    ("version: 1\nreferences: {faq: {kind: data}}", "SW-104", 'x-seaway.references.faq: "uri" is missing', "uri"),
    ("version: 1\nenvironments: {p: {gates: {}}}", "SW-104", '"owner" is missing, and there are gates', "owner"),
    ("[]", "SW-103", "x-seaway: the block is not a mapping", ""),
    ("version: 1\nrelease: {criteria: [{a: 1, b: 2}]}", "SW-103", "is not a criterion like", ""),
]


@pytest.mark.parametrize(("text", "code", "says", "hint"), MISTAKES)
def test_a_mistake_is_said_with_its_path(text: str, code: str, says: str, hint: str) -> None:
    """One finding, of the code, with the path and a hint."""
    _, reader = top(text)
    assert [finding.code for finding in reader.findings] == [code]
    assert says in reader.findings[0].says
    assert hint in (reader.findings[0].hint or "")


def test_a_long_value_is_cut_in_a_message() -> None:
    """A message never repeats a page of YAML."""
    _, reader = top("version: 1\nroots: " + "x" * 500)
    assert len(reader.findings[0].says) < 100


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        (units.seconds, "90", None),
        (units.seconds, 90, 90.0),
        (units.seconds, "1h30m", 5400.0),
        (units.seconds, "30d", 2592000.0),
        (units.seconds, "250ms", 0.25),
        (units.seconds, "1.5s", 1.5),
        (units.seconds, "5 minutes", None),
        (units.seconds, "", None),
        (units.percent, "10%", 10.0),
        (units.percent, 50, 50.0),
        (units.percent, "101%", None),
        (units.percent, "-1%", None),
        (units.share, "1%", 0.01),
        (units.share, 0.5, 0.5),
        (units.share, 2, None),
        (units.factor, "2x", 2.0),
        (units.factor, 3, 3.0),
        (units.factor, "twice", None),
        (units.size, "256Mi", 256 << 20),
        (units.size, "8MiB", 8 << 20),
        (units.size, "512m", 512 << 20),
        (units.size, "1K", 1000),
        (units.size, "1G", 10**9),
        (units.size, 5, 5),
        (units.size, "1.5Ki", 1536),
        (units.size, "lots", None),
        (units.size, True, None),
        (units.cores, "100m", 0.1),
        (units.cores, "2", 2.0),
        (units.cores, 0.5, 0.5),
        (units.cores, "many", None),
    ],
)
def test_units_are_read_as_people_write_them(read: Any, written: object, value: float | None) -> None:
    """None stands for what is refused."""
    if value is None:
        with pytest.raises(ValueError):
            read(written)
    else:
        assert read(written) == pytest.approx(value)


def test_blocks_beside_volumes_secrets_networks_and_models_are_read(tmp_path: Path) -> None:
    """Each section's block is among the app's extensions."""
    (tmp_path / "compose.yaml").write_text(
        """
services: {a: {image: x, networks: [n], volumes: ['vol:/v'], secrets: [s], models: [m]}}
volumes: {vol: {x-seaway: {size: 20Gi, class: fast, retain: false}}}
secrets: {s: {file: k, x-seaway: {source: shop/key#value}}}
networks: {n: {internal: true, x-seaway: {peers: {other: {}}}}}
models: {m: {model: ai/x, x-seaway: {bind: external, url: "https://m.example"}}}
"""
    )
    app = load(select(tmp_path, {}))
    volume = app.volume_extensions["vol"]
    assert (volume.size, volume.storage_class, volume.retain) == (20 << 30, "fast", False)
    assert app.secret_extensions["s"].source == "shop/key#value"
    assert dict(app.network_extensions["n"].peers) == {"other": {}}
    assert app.model_extensions["m"].bind == "external"


def test_the_block_merges_across_files_as_compose_merges(tmp_path: Path) -> None:
    """Maps merge, null keeps the base, lists append, !override replaces."""
    (tmp_path / "a.yaml").write_text(
        "x-seaway:\n  {version: 1, owner: a, registry: {allowed: [one], push: p},\n"
        "   release: {criteria: [errors], keep: 5}}\n"
        "services: {a: {image: x, x-seaway: {uses: [faq]}}}"
    )
    (tmp_path / "b.yaml").write_text(
        "x-seaway: {owner: , registry: {allowed: [two]}, release: {criteria: !override [cost]}}\n"
        "services: {a: {x-seaway: {uses: [docs], kind: job}}}"
    )
    app = load(select(tmp_path, {}, files=["a.yaml", "b.yaml"]))
    assert app.extension.owner == "a"
    assert app.extension.registry.allowed == ("one", "two")
    assert app.extension.registry.push == "p"
    assert (app.extension.release.criteria, app.extension.release.keep) == ((Criterion("cost"),), 5)
    assert (app.services["a"].extension.uses, app.services["a"].extension.kind) == (("faq", "docs"), "job")


def test_every_default_survives_being_written_out(tmp_path: Path) -> None:
    """A default written as the reference writes it reads as the default."""
    written = {
        "version": 1,
        "roots": [],
        "risk": "normal",
        "release": {"strategy": "rolling", "weights": ["10%", "50%"], "judge": {}}
        | {"approve": None, "watch": "60s", "bake": "15m", "warm": "30m", "keep": 3, "load": None, "downtime": "0s"},
        "suites": {},
        "observe": {},
        "references": {},
        "kubernetes": {"version": "1.34", "features": [], "storage": {"class": None, "shared_class": None}},
    }
    extension, reader = top(json.dumps(written))
    assert reader.findings == []
    assert extension == dataclasses.replace(Extension(), written=True)
