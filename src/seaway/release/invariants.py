"""What may never be done, whatever a state wishes: I1 to I9 as a pure filter over actions.

I1 a version has the pods its weight needs before the weight is raised. I2 a version has no requests, observed, and is
drained before it is scaled down; in a batch its pods suffice for the weight it has. I3 abort with nothing in progress
does nothing (`machine`: the ends). I4 only the two versions of this release are moved. I5 an unhealthy stable never
blocks a fix: nothing is asked of the version that loses weight. I6 one wish for weights and one for stable a turn.
I7 no data changes nothing (`events`: Blind). I8 pods are set for each version by itself. I9 nothing moves forward
while the version to return to is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from seaway.digest import Digest
from seaway.release.events import ready_pods, weight_of
from seaway.release.steps import Party, Plan
from seaway.targets.base import Action, Retarget, Retire, RunJob, Scale, Seen, Shift

_PART = 0.1  # of a pod: a whole percent cannot say a third


def needed(weight: float, pods: int) -> int:
    """Returns the pods that this share of requests needs, of `pods` at 100 %."""
    return ceil(weight * pods / 100 - _PART)


def guard(actions: Sequence[Action], seen: Seen, plan: Plan, *, drained: bool = False) -> tuple[Action, ...]:
    """Returns the actions that break no invariant now; `drained` says that the drain's deadline is over."""
    watch = _Watch(plan, seen, drained)
    allowed: list[Action] = []
    for action in actions:
        twice = any(type(before) is type(action) and not isinstance(action, Scale) for before in allowed)
        if not twice and watch.allows(action):
            allowed.append(action)
    return tuple(allowed)


@dataclass(frozen=True, slots=True)
class _Watch:
    """One observation against one plan."""

    plan: Plan
    seen: Seen
    drained: bool

    def allows(self, action: Action) -> bool:
        match action:
            case Shift(weights):
                known = all(self._party(version) for version in weights)
                ready = all(self._may_rise(version, weight) for version, weight in weights.items())
                return (
                    known
                    and sum(weights.values()) == 100
                    and ready
                    and not self._strands(weights.get(self.plan.canary.digest, 0))
                )
            case Scale(version, replicas):
                party = self._party(version)
                return party is not None and all(
                    self._may_scale(party, service, pods) for service, pods in replicas.items()
                )
            case Retire(version):
                party = self._party(version)
                return party is not None and self._may_retire(party)
            case Retarget(version):
                party = self._party(version)
                return (
                    party is not None
                    and self._has_all(party)
                    and not self._strands(100 if party is self.plan.canary else 0)
                )
            case RunJob(version):
                return version == self.plan.canary.digest

    def _party(self, version: Digest) -> Party | None:
        """I4: no third version is touched."""
        if version == self.plan.canary.digest:
            return self.plan.canary
        return self.plan.stable if self.plan.stable is not None and version == self.plan.stable.digest else None

    def _own(self, party: Party) -> tuple[str, ...]:
        """Returns the services that only this version has in this form."""
        return tuple(sorted(self.plan.forked if party is self.plan.canary else self.plan.replaced))

    def _may_rise(self, version: Digest, weight: int) -> bool:
        """I1, and I5: what loses weight is not asked for anything."""
        party = self._party(version)
        if party is None:
            return False
        return all(
            ready_pods(self.seen, service, party.services[service]) >= needed(weight, party.replicas[service])
            for service in self._own(party)
            if weight > (weight_of(self.seen, service, party.services[service]) or 0.0)
        )

    def _strands(self, weight: int) -> bool:
        """I9: whether the canary would get requests while stable is gone."""
        stable = self.plan.stable
        return weight > 0 and stable is not None and f"gone:{stable.digest}" in self.seen.faults

    def _may_scale(self, party: Party, service: str, pods: int) -> bool:
        """I2 in a batch: enough pods stay for the weight that is observed; unknown weight scales nothing down."""
        version = party.services.get(service)
        if version is None or pods < 0:
            return False
        running = sum(pod.service == service and pod.service_version == version for pod in self.seen.pods)
        if pods >= running or service not in self.plan.routes(self.seen, self.plan.split):
            return True
        weight = weight_of(self.seen, service, version)
        return weight is not None and pods >= needed(weight, party.replicas[service])

    def _may_retire(self, party: Party) -> bool:
        """I2: no requests, observed, and drained; never the version that owns the traffic."""
        if self.seen.stable == party.digest and self.plan.stable is not None:
            return False
        return all(
            weight_of(self.seen, service, party.services[service]) == 0.0
            and (self.drained or party.services[service] in self.seen.drained)
            for service in self.plan.routes(self.seen, self.plan.split)
        )

    def _has_all(self, party: Party) -> bool:
        """Whether all requests are observed at this version."""
        services = self.plan.routes(self.seen, self._own(party))
        return all(weight_of(self.seen, service, party.services[service]) == 100.0 for service in services)
