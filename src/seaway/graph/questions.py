"""`why`: from a request, a digest or a deployment back to model, data, policy, approvals, and how its release ended.

Each hop is an edge that a leaf of the ledger said; a hop that nothing says is a gap, never left out in silence. Point
reads only, so it answers in milliseconds whatever the ledger's size.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.graph.answer import Gap, ImageAnswer, Material, Said, Why
from seaway.graph.identity import seconds
from seaway.graph.kinds import Edge, Node, State
from seaway.graph.reader import Reader, Thing
from seaway.graph.store import GraphStore
from seaway.graph.subject import Start, locate

_MATERIALS = (Node.MODEL, Node.DATA, Node.PROMPT)


def why(store: GraphStore, subject: str, *, environment: str | None = None, key: bytes = b"") -> Why:
    """Answers for a request token, a digest (or its prefix, at least six digits), a deployment or a release.

    `key` checks a token's MAC, `environment` chooses where several ran the same version. Raises SubjectUnknown,
    SubjectAmbiguous.
    """
    reader = Reader(store.connection)
    return _Answering(reader, locate(reader, subject, environment=environment, key=key), subject).answer()


class _Answering:
    """One question on its way."""

    def __init__(self, reader: Reader, start: Start, subject: str) -> None:
        self._reader = reader
        self._start = start
        self._subject = subject
        self._gaps = list(start.gaps)
        self._deployment = start.deployment
        self._environment = str(self._deployment.properties.get("environment", "")) if self._deployment else ""

    def answer(self) -> Why:
        """Walks every hop."""
        bundle, images = self._bundle(), self._images()
        told = tuple(self._image(one) for one in images)
        decision = self._decision([*([bundle] if bundle else []), *images])
        subjects = [*([bundle] if bundle else []), *images]
        if self._deployment is None:
            self._gap("→ deployment", "it was never deployed", f"seaway release {self._environment or 'ENV'}")
        state = max((State.UNKNOWN if self._gaps else State.VERIFIED), self._weakest(told))
        return Why(
            subject=self._subject,
            kind="request" if self._start.at is not None else self._start.thing.kind.name.lower(),
            at=self._start.at,
            standing=self._start.standing,
            state=state.name.lower(),
            service=self._start.service,
            version=self._start.version,
            deployment=self._said(self._deployment) if self._deployment else None,
            environment=self._environment,
            place=str(self._deployment.properties.get("place", "")) if self._deployment else "",
            bundle=bundle.key if bundle else "",
            images=told,
            release=self._release(),
            decision=self._said(decision) if decision else None,
            policy=self._policy(decision),
            approvals=tuple(self._approvals(bundle)),
            exceptions=tuple(self._exceptions(subjects, decision)),
            evaluations=self._deeds(subjects, Edge.EVALUATED),
            scans=self._deeds(subjects, Edge.SCANNED),
            gaps=tuple(self._gaps),
        )

    def _bundle(self) -> Thing | None:
        """The bundle whose deployment first had these rendered objects: a way back names them again."""
        if self._start.thing.kind is Node.BUNDLE:
            return self._start.thing
        if self._deployment is None:
            return None
        manifest = str(self._deployment.properties.get("manifest", ""))
        first = next(iter(self._reader.named(manifest)), self._deployment)
        runs = [link.other for link in self._reader.out(first, Edge.RUNS) if link.other.kind is Node.BUNDLE]
        return runs[0] if runs else None

    def _images(self) -> list[Thing]:
        if self._start.thing.kind is Node.IMAGE:
            return [self._start.thing]
        if self._deployment is None:
            return []
        links = self._reader.out(self._deployment, Edge.RUNS)
        chosen = [link for link in links if self._start.service in ("", link.properties.get("service"))]
        found = {link.other.key: link.other for link in chosen if link.other.kind is Node.IMAGE}
        if not found:
            self._gap("deployment → image", "the deployment names no image", "seaway release again")
        return list(found.values())

    def _image(self, image: Thing) -> ImageAnswer:
        commits = [link.other.key.partition(":")[2] for link in self._reader.out(image, Edge.BUILT)]
        short = f"image {image.key[7:19]}"
        if "builder" not in image.properties:
            self._gap(f"{short} → build", "no provenance of it is recorded", "seaway build")
        elif not commits:
            self._gap(f"{short} → commit", "it was built from files that no commit has", "commit, then seaway build")
        return ImageAnswer(
            key=image.key,
            service=str(image.properties.get("service", "")),
            commit=commits[-1] if commits else "",
            builder=str(image.properties.get("builder", "")),
            base=tuple(str(link.other.properties.get("name", "")) for link in self._reader.out(image, Edge.BASED)),
            materials=tuple(self._materials(image)),
            leaf=image.leaf,
        )

    def _materials(self, image: Thing) -> Iterator[Material]:
        for link in self._reader.out(image, Edge.HOLDS):
            thing = link.other
            said = thing.properties
            signed = str(said.get("signedBy", ""))
            if thing.kind in _MATERIALS:
                yield Material(
                    kind=thing.kind.name.lower(),
                    key=thing.key,
                    name=str(link.properties.get("as", "")),
                    uri=str(said.get("uri", "")),
                    signed_by=signed,
                    licence=str(said.get("licence", "")),
                    state=(State.VERIFIED if signed else State.DECLARED).name.lower(),
                    leaf=link.leaf,
                )

    def _decision(self, subjects: list[Thing]) -> Thing | None:
        """The newest decision that let this run here, no later than it ran."""
        until = self._moment(self._deployment)
        found = [
            link.other
            for thing in subjects
            for link in self._reader.into(thing, Edge.DECIDED)
            if self._environment in ("", link.other.properties.get("environment"))
            and link.other.properties.get("result") == "PASSED"
            and (until is None or (self._moment(link.other) or 0) <= until)
        ]
        if not found:
            why_not = f"no decision that let it into {self._environment or 'any environment'} is recorded"
            self._gap("bundle → decision", why_not, "seaway promote, in an environment with gates")
        return max(found, key=lambda one: one.leaf, default=None)

    def _policy(self, decision: Thing | None) -> Said | None:
        links = self._reader.out(decision, Edge.UNDER) if decision else []
        return self._said(links[0].other) if links else None

    def _approvals(self, bundle: Thing | None) -> Iterator[Said]:
        for link in self._reader.into(bundle, Edge.APPROVED) if bundle else ():
            if self._environment in ("", link.other.properties.get("environment")):
                yield self._said(link.other)

    def _exceptions(self, subjects: list[Thing], decision: Thing | None) -> Iterator[Said]:
        """Exceptions about what ran, or about the policy it ran under, that held when it was decided."""
        policy = [link.other for link in self._reader.out(decision, Edge.UNDER)] if decision else []
        at = self._moment(decision)
        seen = set()
        for thing in [*subjects, *policy]:
            for link in self._reader.into(thing, Edge.WAIVED):
                said = link.other.properties
                there = said.get("environment") == self._environment
                if at is None or link.other.key in seen or not there:
                    continue
                if seconds(said["notBefore"]) <= at < seconds(said["notAfter"]):
                    seen.add(link.other.key)
                    yield self._said(link.other)

    def _deeds(self, subjects: list[Thing], kind: Edge) -> tuple[Said, ...]:
        return tuple(self._said(link.other) for thing in subjects for link in self._reader.into(thing, kind))

    def _release(self) -> Said | None:
        links = self._reader.out(self._deployment, Edge.PART) if self._deployment else []
        return self._said(links[0].other) if links else None

    def _said(self, thing: Thing) -> Said:
        by = [link.other.key.partition(":")[2] for link in self._reader.out(thing, Edge.BY)]
        return Said(thing.key, thing.leaf, by[0] if by else "", thing.properties)

    def _gap(self, hop: str, why_not: str, fix: str) -> None:
        self._gaps.append(Gap(hop, why_not, fix))

    @staticmethod
    def _moment(thing: Thing | None) -> int | None:
        return seconds(str(thing.properties["at"])) if thing and "at" in thing.properties else None

    @staticmethod
    def _weakest(images: tuple[ImageAnswer, ...]) -> State:
        found = [State[one.state.upper()] for image in images for one in image.materials]
        return max(found, default=State.VERIFIED)
