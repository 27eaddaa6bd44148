"""Suites, run against what runs: in the image of a service, once, and what they report signed for bundle and images.

What is tested is observed before and after: if it changed in between nothing is signed. No report, no test and a
time-out are failures; a skipped test or an undecided threshold is a warning, which no gate accepts.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from seaway.app.extension import SuiteKeys
from seaway.bundle import Bundle
from seaway.digest import Digest
from seaway.errors import AgentMissing, EvaluationInconclusive, EvidenceInvalid, EvidenceMissing, NameUnknown
from seaway.evidence.deeds import Outcome, Resource, TestResult
from seaway.evidence.notary import Notary
from seaway.evidence.suite import Report, read_junit
from seaway.stages.acting import Person, now
from seaway.stages.built import open_bundle
from seaway.stages.calling import known_agent
from seaway.targets.opening import open_target
from seaway.targets.process.once import OUTPUT, Errand
from seaway.targets.process.store import Installed, Store
from seaway.telemetry.evaluation import Measured, Met, Scores, measure, read_scores
from seaway.workspace import Workspace

Say = Callable[[str, str], None]
_NAMES = 2_000


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What a suite came to."""

    name: str
    outcome: Outcome
    report: Report | None
    metrics: tuple[Measured, ...]
    notes: tuple[str, ...]
    lines: tuple[str, ...] = ()
    scores: Scores | None = None
    started: datetime = field(default_factory=now)
    finished: datetime = field(default_factory=now)
    document: bytes = b""


def suites_of(space: Workspace, named: str | None) -> dict[str, SuiteKeys]:
    """Returns the suites to run: the one named, else all that the app has."""
    known = space.base.extension.suites
    if named is None:
        return dict(known)
    if named not in known:
        raise NameUnknown(f'there is no suite "{named}"', where="x-seaway.suites", hint=" or ".join(known) or None)
    return {named: known[named]}


def stable(space: Workspace, environment: str) -> Installed:
    """Returns the version that owns the traffic of an environment here; raises EvidenceMissing if nothing runs."""
    store = Store(space.paths.environment(environment))
    digest = store.wishes().stable if space.paths.environment(environment).folder.is_dir() else None
    if digest is None:
        raise EvidenceMissing(f"nothing runs in {environment}", hint=f"seaway up --on {environment}")
    return store.installed()[digest]


def run_suite(space: Workspace, environment: str, name: str, suite: SuiteKeys, say: Say) -> SuiteResult:
    """Runs a suite against the running bundle; nothing is signed here."""
    installed = stable(space, environment)
    say("suite", name)
    started = now()
    with tempfile.TemporaryDirectory(prefix="seaway-suite-") as folder:
        output = Path(folder)
        output.chmod(0o777)
        code, lines = _run(space, environment, suite, installed, output)
        junit = _file(output, suite.junit)
        scores = _file(output, suite.scores)
    if stable(space, environment).version.digest != installed.version.digest:
        raise EvidenceMissing("what runs changed while it was tested; nothing is signed", hint="run it again")
    return _result(name, suite, (code, junit, scores), lines, started)


def sign(notary: Notary, space: Workspace, environment: str, result: SuiteResult, *, tester: Person) -> Bundle:
    """Records a suite's result for the bundle that runs and for each of its images; returns the bundle."""
    installed = stable(space, environment)
    bundle, _ = open_bundle(space, installed.version.bundle)
    report = notary.payloads.put(result.document) if result.document else None
    predicate = _predicate(result, space.base.extension.suites[result.name], environment, installed, report)
    subjects = [bundle.digest, *sorted({image.digest for image in bundle.images.values()})]
    notary.append_all([(predicate.about(subject), tester.signer) for subject in subjects])
    return bundle


def _run(
    space: Workspace, environment: str, suite: SuiteKeys, installed: Installed, output: Path
) -> tuple[int, tuple[str, ...]]:
    urls = _urls(space, environment)
    if suite.service is None:
        environ = {**os.environ, **urls, "SEAWAY_OUT": str(output)}
        try:
            done = subprocess.run(
                suite.command,
                cwd=space.directory,
                env=environ,
                capture_output=True,
                text=True,
                timeout=suite.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return 124, ()
        return done.returncode, tuple((done.stdout + done.stderr).splitlines())
    errand = Errand(suite.service, suite.command, {**urls, "SEAWAY_OUT": OUTPUT}, output, suite.timeout)
    outcome = open_target(space.paths.environment(environment)).run_once(installed, errand)
    return outcome.code, tuple(line.text for line in outcome.lines)


def _urls(space: Workspace, environment: str) -> dict[str, str]:
    """Returns `SEAWAY_URL_<SERVICE>` of every service that listens."""
    try:
        status: Mapping[str, Any] = known_agent(space).ask("status", environment=environment)
    except AgentMissing as error:
        raise EvidenceMissing(f"nothing runs in {environment}", hint=f"seaway up --on {environment}") from error
    found: dict[str, str] = {}
    for front in status["fronts"]:
        name = front["service"].upper().replace("-", "_").replace(".", "_")
        found.setdefault(f"SEAWAY_URL_{name}", f"http://{front['address']}:{front['port']}")
    return found


def _file(output: Path, name: str | None) -> bytes | None:
    """Returns a file the suite left; one that leads out of the folder is none."""
    if name is None:
        return None
    path = output / name
    if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(output.resolve()):
        return None
    return path.read_bytes()


def _result(
    name: str,
    suite: SuiteKeys,
    left: tuple[int, bytes | None, bytes | None],
    lines: tuple[str, ...],
    started: datetime,
) -> SuiteResult:
    code, junit, scored = left
    notes: list[str] = [] if code == 0 else [f"the command ended with {code}"]
    report: Report | None = None
    scores: Scores | None = None
    metrics: tuple[Measured, ...] = ()
    try:
        report = read_junit(junit) if junit is not None else None
        scores = read_scores(scored) if scored is not None else None
        metrics = tuple(_measured(scores, suite))
    except (EvidenceInvalid, EvaluationInconclusive) as error:
        notes.append(str(error))
    notes += [
        f"{file} was not written"
        for file, data in ((suite.junit, junit), (suite.scores, scored))
        if file and data is None
    ]
    if report is None and scores is None:
        notes.append("there is no report")
    outcome = _outcome(notes, report, metrics)
    return SuiteResult(
        name, outcome, report, metrics, tuple(notes), lines, scores, started, now(), junit or scored or b""
    )


def _measured(scores: Scores | None, suite: SuiteKeys) -> list[Measured]:
    if suite.thresholds and scores is None:
        raise EvaluationInconclusive("there are thresholds and no scores", where=suite.scores)
    if scores is None:
        return []
    if missing := sorted(set(suite.thresholds) - set(scores.metrics)):
        raise EvaluationInconclusive(f"no score named {', '.join(missing)}", where=suite.scores)
    return [measure(metric, scores.metrics[metric], limit) for metric, limit in sorted(suite.thresholds.items())]


def _outcome(notes: list[str], report: Report | None, metrics: tuple[Measured, ...]) -> Outcome:
    failed = bool(notes) or (report is not None and bool(report.failed)) or any(m.met is Met.NO for m in metrics)
    if failed:
        return Outcome.FAILED
    unsure = (report is not None and bool(report.skipped)) or any(m.met is Met.UNDECIDED for m in metrics)
    return Outcome.WARNED if unsure else Outcome.PASSED


def _predicate(
    result: SuiteResult, suite: SuiteKeys, environment: str, installed: Installed, report: Digest | None
) -> TestResult:
    names = result.report or Report((), (), ())
    block = {name: getattr(suite, name) for name in ("kind", "service", "junit", "scores", "dataset", "timeout")}
    block |= {"command": list(suite.command), "thresholds": dict(suite.thresholds)}
    configuration = [Resource.named("suite", Digest.of_json(block)), Resource.named("target", installed.version.digest)]
    stated: dict[str, object] = {
        "name": result.name,
        "kind": suite.kind,
        "environment": environment,
        "seed": result.scores.seed if result.scores else 0,
        "counts": names.counts,
        "metrics": [metric.json() for metric in result.metrics],
        "notes": list(result.notes),
        "startedAt": result.started.isoformat().replace("+00:00", "Z"),
        "finishedAt": result.finished.isoformat().replace("+00:00", "Z"),
    }
    if report is not None:
        stated["report"] = {"digest": str(report), "mediaType": "application/octet-stream"}
    return TestResult(
        result=result.outcome,
        configuration=tuple(configuration),
        passed_tests=names.passed[:_NAMES],
        warned_tests=names.skipped[:_NAMES],
        failed_tests=names.failed[: max(0, _NAMES - len(names.passed) - len(names.skipped))],
        seaway_suite=stated,
    )
