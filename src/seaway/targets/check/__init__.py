"""What a target cannot carry: findings about an app, each with its place and a fix that works.

`check` is pure. A file a subject; a code's level for each purpose, its risk and its page are data in `findings.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from seaway.app.model import App, Service
from seaway.findings import Finding, Level, Position
from seaway.targets.check import configuration, lifecycle, network, resources, security, serving, storage, workload
from seaway.targets.check.catalogue import RISKS, Purpose, catalogue, explain
from seaway.targets.check.remark import AppSubject, Remark, Subject

__all__ = ["Purpose", "check", "explain"]

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
)
APP_SUBJECTS: tuple[AppSubject, ...] = (configuration.drivers, workload.names, network.networks, storage.volumes)

_LEVELS = (Level.ERROR, Level.LOSS, Level.NOTE)


def check(app: App, *, purpose: Purpose, today: date | None = None) -> tuple[Finding, ...]:
    """Returns what is to be said about an app on its way to a purpose, gravest first.

    Order: level, risk, code, place. A loss that a service accepts is a note until the acceptance ends (`today`
    None: never). What loading found is among it.
    """
    found = [*app.findings, *_of_services(app, purpose, today), *_of_app(app, purpose)]
    return tuple(sorted(dict.fromkeys(found), key=_weight))


def _of_services(app: App, purpose: Purpose, today: date | None) -> Iterator[Finding]:
    for service in app.services.values():
        for subject in SUBJECTS:
            for remark in subject(service, app):
                finding = _finding(remark, service.where(*remark.path) or service.where(), purpose)
                if finding is not None:
                    yield _accepted(finding, service, today)


def _of_app(app: App, purpose: Purpose) -> Iterator[Finding]:
    for subject in APP_SUBJECTS:
        for remark in subject(app):
            finding = _finding(remark, app.origins.at(*remark.path), purpose)
            if finding is not None:
                yield finding


def _finding(remark: Remark, where: Position | None, purpose: Purpose) -> Finding | None:
    level = catalogue()[remark.code].levels[purpose]
    return None if level is None else Finding(remark.code, level, remark.says, where, remark.hint)


def _accepted(finding: Finding, service: Service, today: date | None) -> Finding:
    leave = service.extension.accept.get(finding.code)
    if leave is None or finding.level is not Level.LOSS:
        return finding
    if today is not None and _ended(leave.until, today):
        says = f"{finding.says}; its acceptance ended on {leave.until}"
        return Finding(finding.code, Level.LOSS, says, finding.where, finding.hint)
    says = f"{finding.says}; accepted by {leave.owner} until {leave.until}: {leave.reason}"
    return Finding(finding.code, Level.NOTE, says, finding.where, None)


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
