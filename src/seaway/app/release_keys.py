"""`x-seaway.release`: how a release goes live, as a user writes it (defaults: release.md, section 2).

What a strategy does with these keys, and which are allowed together, is the room `release`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seaway.app.keys import later
from seaway.app.reading import Bytes, Cores, Factor, Percent, Seconds, Share, Unreadable

Strategy = Literal["rolling", "canary", "blue-green", "shadow", "recreate", "all-at-once"]


@dataclass(frozen=True, slots=True)
class JudgeKeys:
    """How sure the judge must be: error rates, the harm to exclude, margins and times in seconds.

    `margin` and `tick` are None for auto; `burst` is `tick` or how many requests of a pod may fail together;
    `delta` None gives up the absolute certificate; `otherwise` (written `else`) is what follows `at_most`.
    """

    alpha: Share = 0.01
    beta: Share = 0.01
    harm: Factor = 2.0
    delta: Share | None = 0.005
    margin: Share | None = None
    tick: Seconds | None = None
    burst: Literal["tick"] | int = "tick"
    history: Seconds = later(86400.0)
    at_most: Seconds = 1800.0
    otherwise: Literal["hold", "rollback", "promote"] = field(default="hold", metadata={"key": "else"})


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing a release is judged by; `delta` and `budget` override the judge's.

    `optional` is what nobody wrote: judged only in services that say when a request is slow.
    """

    name: str
    delta: Share | None = None
    budget: Seconds | None = None
    harm: Factor | None = None
    optional: bool = field(default=False, metadata={"key": None})

    @staticmethod
    def shorthand(value: object) -> object:
        """Reads `errors`, or `{latency: {budget: 250ms}}`."""
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, Mapping) and len(value) == 1 and "name" not in value:
            name, keys = next(iter(value.items()))
            if isinstance(keys, Mapping):
                return {"name": name, **keys}
        if isinstance(value, Mapping) and "name" in value:
            return value
        raise Unreadable("a criterion like errors or {latency: {budget: 250ms}}")

    @staticmethod
    def spellings(long: dict[str, Any]) -> dict[str, Any]:
        """Returns the JSON Schema of what `shorthand` reads."""
        keys = {**long, "properties": {name: rule for name, rule in long["properties"].items() if name != "name"}}
        del keys["required"]
        named = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": keys}
        return {"anyOf": [{"type": "string"}, {**named, "propertyNames": {"not": {"const": "name"}}}, long]}

    def short(self) -> object:
        """Returns the criterion as a user writes it."""
        keys = {"delta": self.delta, "budget": self.budget, "harm": self.harm}
        given = {name: value for name, value in keys.items() if value is not None}
        return {self.name: given} if given else self.name


@dataclass(frozen=True, slots=True)
class Approval:
    """A person with this title is asked before the weight `before`, in percent."""

    before: Percent
    by: str


@dataclass(frozen=True, slots=True)
class LoadKeys:
    """Requests that Seaway sends: a file of JSON lines, or what a command in a service prints; `rate` a second."""

    rate: float | None = None
    requests: str | None = None
    service: str | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseKeys:
    """`x-seaway.release`: weights in percent, times in seconds."""

    strategy: Strategy = "rolling"
    weights: tuple[Percent, ...] = (10.0, 50.0)
    criteria: tuple[Criterion, ...] = (Criterion("errors"), Criterion("latency", optional=True))
    judge: JudgeKeys = JudgeKeys()
    approve: Approval | None = None
    watch: Seconds = 60.0
    bake: Seconds = 900.0
    warm: Seconds = later(1800.0)
    keep: int = later(3)
    load: LoadKeys | None = later(None)
    downtime: Seconds = later(0.0)


@dataclass(frozen=True, slots=True)
class MetricsKeys:
    """Where a service serves its metrics."""

    port: int
    path: str = "/metrics"


@dataclass(frozen=True, slots=True)
class ObserveKeys:
    """`x-seaway.observe` (observe.md, section 6.1); `metrics` None is auto, `retention` in seconds."""

    metrics: MetricsKeys | None = later(None)
    otlp: str | None = later(None)
    logs: str = later("json")
    sample: Share = later(0.1)
    prometheus: str | None = later(None)
    alerts: Mapping[str, object] = later({})
    webhooks: Mapping[str, object] = later({})
    segments: tuple[str, ...] = later(())
    features: Mapping[str, object] = later({})
    prices: str = later("prices.json")
    retention: Seconds = later(35 * 86400.0)


@dataclass(frozen=True, slots=True)
class OutcomeKeys:
    """Two events of the app whose quotient is an objective, in percent."""

    good: str
    total: str
    target: float


@dataclass(frozen=True, slots=True)
class ObjectiveKeys:
    """An objective over two PromQL counters, in percent."""

    bad: str
    total: str
    target: float


@dataclass(frozen=True, slots=True)
class SloKeys:
    """`services.*.x-seaway.slo`: targets in percent, thresholds and `window` in seconds, by quantile (`p95`)."""

    window: Seconds = later(30 * 86400.0)
    availability: float | None = None
    latency: Mapping[str, Seconds] = field(default_factory=dict)
    ttft: Mapping[str, Seconds] = field(default_factory=dict)
    evaluations: Mapping[str, float] = field(default_factory=dict)
    feedback: Mapping[str, float] = field(default_factory=dict)
    freshness: Mapping[str, Seconds] = later({})
    outcomes: Mapping[str, OutcomeKeys] = later({})
    objectives: Mapping[str, ObjectiveKeys] = later({})
    page: tuple[str, ...] = later(("availability", "latency"))


@dataclass(frozen=True, slots=True)
class CostKeys:
    """`x-seaway.cost`: a cost centre and a monthly budget such as `300 EUR`."""

    center: str | None = later(None)
    monthly: str | None = later(None)


@dataclass(frozen=True, slots=True)
class ResourceKeys:
    """Requests where `deploy.resources` says nothing: processors, bytes, whole GPUs."""

    cpu: Cores | None = None
    memory: Bytes | None = None
    gpu: int | None = later(None)
