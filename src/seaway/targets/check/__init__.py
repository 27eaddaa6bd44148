"""What a target cannot carry: findings about an app, each with its place and a fix that works.

`check` is pure. A file a subject; a code's level for each purpose, its risk and its page are data in `findings.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from seaway.app.model import App, Service
from seaway.app.tree import Origins, Path
from seaway.findings import Finding, Fix, Level, Position
from seaway.targets.check import (
    carried,
    configuration,
    lifecycle,
    network,
    resources,
    security,
    serving,
    storage,
    unacted,
    workload,
)
from seaway.targets.check.catalogue import RISKS, Purpose, catalogue, explain
from seaway.targets.check.remark import AppSubject, Remark, Subject
from seaway.targets.check.repair import below, drop, of_loading

__all__ = ["Purpose", "catalogue", "check", "explain"]

SUBJECTS: tuple[Subject, ...] = (
    security.users,
    security.rights,
    security.runtimes,
    security.sockets,
    configuration.variables,
    configuration.stores,
    configuration.mounted_files,
    workload.images,
    workload.kinds,
    workload.labels,
    lifecycle.health,
    lifecycle.hooks,
    lifecycle.updates,
    lifecycle.migrations,
    network.ports,
    network.neighbours,
    network.attachments,
    network.modes,
    storage.mounts,
    storage.memory,
    resources.requests,
    resources.gpus,
    resources.limits,
    resources.placement,
    serving.models,
    serving.providers,
    unacted.services,
)
APP_SUBJECTS: tuple[AppSubject, ...] = (
    configuration.drivers,
    workload.names,
    network.networks,
    storage.volumes,
    unacted.blocks,
)

# Processes of this machine share little with pods; what they refuse is in the key table.
PROCESS_SUBJECTS: tuple[Subject, ...] = (
    security.users,
    configuration.variables,
    configuration.stores,
    workload.images,
    lifecycle.health,
    lifecycle.updates,
    network.neighbours,
    unacted.services,
)

_LEVELS = (Level.ERROR, Level.LOSS, Level.NOTE)


def check(app: App, *, purpose: Purpose, today: date | None = None) -> tuple[Finding, ...]:
    """Returns what is to be said about an app on its way to a purpose, gravest first.

    Order: level, risk, code, place. A loss that a service accepts is a note until the acceptance ends (`today`
    None: never). What loading found is among it.
    """
    loading = (replace(finding, fix=of_loading(finding)) for finding in app.findings)
    found = [*loading, *_of_services(app, purpose, today), *_of_app(app, purpose)]
    return tuple(sorted(_once(found), key=_weight))


def _once(found: Iterable[Finding]) -> Iterable[Finding]:
    """Returns findings without repeats; what is shared through an anchor is said once, and fixed for all."""
    once: dict[Finding, Finding] = {}
    for finding in found:
        known = once.get(finding)
        if known is None or known.fix is None or finding.fix is None:
            once.setdefault(finding, finding)
        else:
            edits = dict.fromkeys((*known.fix.edits, *finding.fix.edits))
            once[finding] = replace(known, fix=replace(known.fix, edits=tuple(edits)))
    return once.values()


def _of_services(app: App, purpose: Purpose, today: date | None) -> Iterator[Finding]:
    for service in app.services.values():
        for subject in (*(PROCESS_SUBJECTS if purpose == "process" else SUBJECTS), carried.services(purpose)):
            for remark in subject(service, app):
                finding = _finding(remark, _chain(service, remark.path), purpose)
                if finding is not None:
                    yield _accepted(replace(finding, fix=_fix(remark, ("services", service.name))), service, today)


def _of_app(app: App, purpose: Purpose) -> Iterator[Finding]:
    for subject in (*((unacted.blocks,) if purpose == "process" else APP_SUBJECTS), carried.blocks(purpose)):
        for remark in subject(app):
            origins = _written(app) if "x-seaway" in remark.path else app.origins
            finding = _finding(remark, origins.chain(*remark.path), purpose)
            if finding is not None:
                yield replace(finding, fix=_fix(remark, ()))


def _finding(remark: Remark, chain: Sequence[Position], purpose: Purpose) -> Finding | None:
    level = catalogue()[remark.code].levels[purpose]
    if level is None:
        return None
    where = next(iter(chain), None)
    return Finding(remark.code, level, remark.says, where, remark.hint, overrode=tuple(chain[1:]))


def _chain(service: Service, path: Path) -> tuple[Position, ...]:
    origins = service.written if path[:1] == ("x-seaway",) else service.origins
    return origins.chain(*path) or origins.chain()


def _fix(remark: Remark, prefix: Path) -> Fix:
    return below(remark.fix or drop(*remark.path), prefix)


def _written(app: App) -> Origins:
    """Returns the places of the merged files, `x-seaway` beside volumes, networks and models among them."""
    service = next(iter({**app.services, **app.inactive}.values()), None)
    return app.origins if service is None else replace(service.written, prefix=())


def _accepted(finding: Finding, service: Service, today: date | None) -> Finding:
    leave = service.extension.accept.get(finding.code)
    if leave is None or finding.level is not Level.LOSS:
        return finding
    if today is not None and _ended(leave.until, today):
        says = f"{finding.says}; its acceptance ended on {leave.until}"
        return replace(finding, says=says)
    says = f"{finding.says}; accepted by {leave.owner} until {leave.until}: {leave.reason}"
    return replace(finding, level=Level.NOTE, says=says, hint=None, fix=None)


def _ended(until: str, today: date) -> bool:
    """Returns whether a date is over; one that cannot be read never counts as leave."""
    try:
        return date.fromisoformat(until[:10]) < today
    except ValueError:
        return True


def _weight(finding: Finding) -> tuple[object, ...]:
    entry = catalogue().get(finding.code)
    risk = RISKS.index(entry.risk) if entry else len(RISKS)
    where = finding.where
    place = (where.file, where.line, where.column) if isinstance(where, Position) else (str(where or ""), 0, 0)
    return (_LEVELS.index(finding.level), risk, finding.code, place, finding.says)
