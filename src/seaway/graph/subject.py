"""From what a user typed to where to begin: a request's token, a digest, a deployment, a release.

A token says version and minute; the deployment that ran that version then is looked for among those that named it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from seaway.errors import SubjectAmbiguous, SubjectUnknown
from seaway.graph.answer import Gap
from seaway.graph.kinds import Edge, Node
from seaway.graph.reader import Link, Reader, Thing
from seaway_sdk import token
from seaway_sdk.token import Standing

_TOKEN_DIGITS = 72
_MINUTE = 60
_ABOUT = (Edge.APPROVED, Edge.DECIDED, Edge.EVALUATED, Edge.SCANNED, Edge.DESCRIBED, Edge.WAIVED, Edge.PROMOTED)
"""Edges from a deed to what it is about."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where an answer begins; `service` and `version` are set where one service is meant, as by a token."""

    thing: Thing
    at: int | None = None
    standing: str = ""
    deployment: Thing | None = None
    service: str = ""
    version: str = ""
    gaps: tuple[Gap, ...] = field(default=())


def locate(reader: Reader, subject: str, *, environment: str | None, key: bytes) -> Start:
    """Finds where to begin; raises SubjectUnknown or SubjectAmbiguous."""
    if len(subject) == _TOKEN_DIGITS:
        return _of_token(reader, subject, environment, key)
    thing = reader.find(subject)
    return Start(thing, deployment=_deployment_of(reader, thing, environment))


def _of_token(reader: Reader, text: str, environment: str | None, key: bytes) -> Start:
    try:
        read = token.parse(text)
    except ValueError as error:
        raise SubjectUnknown(str(error), hint="copy the answer's header x-seaway-request whole") from error
    standing = read.standing(key) if key else Standing.UNVERIFIED
    served = [(one, link) for one in reader.named(read.version) for link in _served(reader, one, read.version)]
    if environment:
        served = [(one, link) for one, link in served if one.properties.get("environment") == environment]
    if not served:
        raise SubjectUnknown(f"no deployment ran version {read.version}", hint="is this the ledger of that app?")
    begin = read.minutes * _MINUTE
    then = [(one, link) for one, link in served if link.overlaps(begin, begin + _MINUTE)]
    _one_environment(then or served)
    deployment, link = max(then or served, key=lambda found: (found[1].properties["weight"] > 0, found[1].leaf))
    gaps = tuple(_token_gaps(standing, deployed=bool(then), version=read.version))
    service = link.other.key.partition(":")[2]
    return Start(deployment, begin, standing.value, deployment, service, read.version, gaps)


def _served(reader: Reader, thing: Thing, version: str) -> Iterator[Link]:
    if thing.kind is Node.DEPLOYMENT:
        yield from (link for link in reader.out(thing, Edge.SERVES) if link.properties["version"] == version)


def _one_environment(served: Sequence[tuple[Thing, Link]]) -> None:
    names = sorted({str(one.properties.get("environment")) for one, _ in served})
    if len(names) > 1:
        raise SubjectAmbiguous(f"that version ran in {' and '.join(names)} then", hint=f"--on {names[-1]}")


def _token_gaps(standing: Standing, *, deployed: bool, version: str) -> Iterator[Gap]:
    if standing is Standing.FORGED:
        yield Gap(
            "request → version", "the token's MAC is not by this environment's key", "ask for the answer's own header"
        )
    if not deployed:
        yield Gap(
            "request → deployment", f"no deployment of {version} is recorded for that minute", "seaway ledger push"
        )


def _deployment_of(reader: Reader, thing: Thing, environment: str | None) -> Thing | None:
    """Returns the newest deployment that is a thing, runs it, belongs to it or runs an image that holds it."""
    if thing.kind is Node.DEPLOYMENT:
        return thing
    about = [link.other for link in reader.out(thing, *_ABOUT)]
    holders = [link.other for link in reader.into(thing, Edge.HOLDS, Edge.BASED, Edge.BUILT)]
    links = [link for one in (thing, *about, *holders) for link in reader.into(one, Edge.RUNS, Edge.PART)]
    there = [link.other for link in links if environment in (None, link.other.properties.get("environment"))]
    return max(there, key=lambda one: one.leaf, default=None)
