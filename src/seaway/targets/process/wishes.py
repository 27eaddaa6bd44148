"""What is wished of an environment, and how an action changes it: pure, absolute, the same twice as once.

Pods belong to (service, service version), so two versions that share a service share its pods. Only this is
remembered of the past; all else is observed. Not here: where it is stored (`target.py`), how it is met (`plan.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seaway.digest import Digest
from seaway.errors import NameUnknown, OutageRefused, UsageError
from seaway.targets.base import Action, Retarget, Retire, RunJob, Scale, Shift, Version
from seaway.targets.document import decode, encode

Versions = Mapping[Digest, Version]


@dataclass(frozen=True, slots=True)
class Wishes:
    """The wishes: pods by service and service version, percent by version, jobs as `service/service version`.

    `active` lists versions whose pods may be needed, oldest first; `down` is the wish that nothing runs.
    """

    epoch: int = 0
    stable: Digest | None = None
    active: tuple[Digest, ...] = ()
    pods: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    jobs: tuple[str, ...] = ()
    down: bool = False

    def apply(self, action: Action, versions: Versions) -> Wishes:
        """Returns the wishes after an action; raises NameUnknown, UsageError or OutageRefused and changes nothing."""
        match action:
            case Scale():
                return self._scale(action, _known(versions, action.version))
            case Shift():
                return self._shift(action, versions)
            case Retarget():
                _known(versions, action.version)
                return replace(self._with(action.version), stable=action.version)
            case Retire():
                return self._retire(action.version, versions)
            case RunJob():
                return self._run(action, _known(versions, action.version))

    def share(self, service: str, versions: Versions) -> dict[str, int]:
        """Returns the percent of each service version of a service; before any shift, all is the stable one's."""
        shares: dict[str, int] = {}
        stable = {str(self.stable): 100} if self.stable else {}
        for text, percent in (self.weights or stable).items():
            version = versions.get(Digest.parse(text))
            if version and (name := version.service_versions.get(service)):
                shares[name] = shares.get(name, 0) + percent
        return shares

    def document(self) -> dict[str, Any]:
        """Returns the wishes as JSON."""
        document: dict[str, Any] = encode(self)
        return document

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> Wishes:
        """Reads wishes; None, no file yet, is no wish at all."""
        wishes = decode(cls, document or {})
        assert isinstance(wishes, Wishes)
        return wishes

    def _with(self, version: Digest) -> Wishes:
        return self if version in self.active else replace(self, active=(*self.active, version))

    def _scale(self, action: Scale, version: Version) -> Wishes:
        pods = {service: dict(counts) for service, counts in self.pods.items()}
        for service, count in action.replicas.items():
            name = version.service_versions.get(service)
            if name is None:
                raise NameUnknown(f'no service "{service}" in version {version.digest.short}')
            if count < 0:
                raise UsageError(f"{service} cannot have {count} replicas")
            pods.setdefault(service, {})[name] = count
        return replace(self._with(version.digest), pods=pods, down=False)

    def _shift(self, action: Shift, versions: Versions) -> Wishes:
        for version in action.weights:
            _known(versions, version)
        if sum(action.weights.values()) != 100 or min(action.weights.values()) < 0:
            raise UsageError(f"weights must be percents that sum to 100, not {sorted(action.weights.values())}")
        wishes = self
        for version in action.weights:
            wishes = wishes._with(version)
        return replace(wishes, weights={str(version): percent for version, percent in action.weights.items()})

    def _retire(self, version: Digest, versions: Versions) -> Wishes:
        share = self.weights.get(str(version), 0)
        if share or version == self.stable:
            reason = f"has {share}% of requests" if share else "is stable"
            raise OutageRefused(
                f"version {version.short} {reason} and cannot be retired", hint="move its requests to another version"
            )
        active = tuple(each for each in self.active if each != version)
        needed = {pair for each in active if each in versions for pair in versions[each].service_versions.items()}
        pods = {
            service: {name: count for name, count in counts.items() if (service, name) in needed}
            for service, counts in self.pods.items()
        }
        weights = {text: percent for text, percent in self.weights.items() if text != str(version)}
        jobs = tuple(key for key in self.jobs if tuple(key.rsplit("/", 1)) in needed)
        return replace(self, active=active, pods=pods, weights=weights, jobs=jobs)

    def _run(self, action: RunJob, version: Version) -> Wishes:
        name = version.service_versions.get(action.job)
        if name is None:
            raise NameUnknown(f'no job "{action.job}" in version {version.digest.short}')
        key = f"{action.job}/{name}"
        wishes = self._with(version.digest)
        return wishes if key in self.jobs else replace(wishes, jobs=(*self.jobs, key), down=False)


def _known(versions: Versions, digest: Digest) -> Version:
    version = versions.get(digest)
    if version is None:
        raise NameUnknown(f"version {digest.short} is not installed here", hint="install it before it is wished for")
    return version
