"""Keys of Compose that a target does not carry, that mean nothing there, or that it refuses: from the key table."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.app.model import App, Service
from seaway.app.reading import dotted
from seaway.app.tree import Path
from seaway.targets.check.remark import AppSubject, Remark, Subject
from seaway.targets.keys import MEANINGLESS, NOT_CARRIED, REFUSED, Row, Target, has, of_app, of_service, refused

_SAYS = {
    NOT_CARRIED: "the target {target} does not carry {key}{of}{today}",
    MEANINGLESS: "{key}{of} means nothing on the target {target}",
    REFUSED: "the target {target} refuses {key}{of}{today}",
}


def services(target: Target) -> Subject:
    """Returns what says SW-230, SW-231 and SW-232 of services on a target."""

    def carried(service: Service, _: App) -> Iterator[Remark]:
        if service.extension.kind == "external":
            return
        for code in _SAYS:
            for row, path in of_service(service, has(target, code)):
                yield _remark(code, row, path, target, f" of {service.name}")
        if target == "process":  # what it refuses has no subject of its own
            for row, path in refused(service, target):
                code = row.fates[target].codes[0]
                if code != REFUSED:
                    yield _remark(code, row, path, target, f" of {service.name}")

    return carried


def blocks(target: Target) -> AppSubject:
    """Returns what says the same of keys at the top."""

    def carried(app: App) -> Iterator[Remark]:
        for code in _SAYS:
            for row, path in of_app(app, has(target, code)):
                yield _remark(code, row, path, target, "")

    return carried


def _remark(code: str, row: Row, path: Path, target: Target, of: str) -> Remark:
    today = " yet" if row.fates[target].today else ""
    says = _SAYS.get(code, _SAYS[REFUSED]).format(target=target, key=dotted(path), of=of, today=today)
    return Remark(code, says, path, f"delete {path[-1] if isinstance(path[-1], str) else row.path[-1]}")
