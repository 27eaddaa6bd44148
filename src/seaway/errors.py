"""Every error a user can meet, as one tree.

    SeawayError
    ├── FindingsError 1 · UsageError 2 · DifferencesFound 3 · Undetermined 4 · NotYet 5 · ExtraMissing 6
    ├── AppError        SourceMissing 10 · ParseError 11 · LimitExceeded 12 · InterpolationError 13 · MergeError 14
    │                   SchemaError 15 · ConsistencyError 16 · NameUnknown 17 · EditRefused 18
    ├── ImageError      LockError 20 · DigestMismatch 21 · WheelError 22 · RegistryError 23 · ToolMissing 24
    │                   StoreError 25 · BaseError 27 · BuilderError 28 · NotReproduced 29
    ├── EvidenceError   EvidenceInvalid 30 · EvidenceMissing 31 · LedgerForked 32 · LedgerUnavailable 33
    │                   KeyRefused 35 · NotScanned 36 · AppendRefused 37 · RestoreRefused 38
    ├── PolicyError     PolicyDenied 40 · RuleRefused 41 · Undecided 42 · OutageRefused 43 · ClusterUnfit 44
    ├── TargetError     ClusterUnreachable 50 · ClusterRefused 51 · ApplyConflict 52 · AgentMissing 53
    │                   InstallStale 54 · PreflightMissing 55 · EngineUnavailable 56 · TargetUnsupported 57
    │                   AddressTaken 58 · SnapshotFailed 59
    ├── TelemetryError  ProfileInvalid 60 · SketchInvalid 61 · ObjectiveInvalid 62 · SourceError 63
    │                   SignalStoreUnavailable 64 · PricesInvalid 65 · HookRefused 66
    │                   EvaluationInconclusive 67 · SelfTestFailed 68
    ├── GraphError      SubjectUnknown 70 · SubjectAmbiguous 71 · GraphForked 72 · GraphUnreadable 73
    │                   QueryRefused 74 · ImportRefused 75 · ForecastRefused 76
    ├── ReleaseError    RolledBack 80 · Held 81 · Aborted 82 · Stranded 83 · StepsRefused 84 · NoWayBack 85
    │                   VersionMismatch 86 · StaleEpoch 87 · ReplayMismatch 88 · IllegalEvent 89
    └── InternalError 90

Rules: each leaf has its own exit code; a message is lower case without a full stop; `where` says the place
(file:line:column, an object, a URL); `hint` is the command or the edit that helps next. Only `cli` turns an
error into output. Findings are values, not errors: see `findings.py`; `FindingsError` carries them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from seaway.findings import Finding


class SeawayError(Exception):
    """Something a user should know, with the place it concerns and what to do next."""

    exit_code: ClassVar[int]

    def __init__(self, says: str, *, where: object | None = None, hint: str | None = None) -> None:
        super().__init__(says)
        self.says = says
        self.where = None if where is None else str(where)
        self.hint = hint

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.says}{place}"


def leaves(root: type[SeawayError] = SeawayError) -> Iterator[type[SeawayError]]:
    """Yields each error class that has an exit code, in the order of the tree."""
    if "exit_code" in root.__dict__:
        yield root
    for child in root.__subclasses__():
        yield from leaves(child)


class FindingsError(SeawayError):
    """There are findings of level error."""

    exit_code = 1

    def __init__(self, findings: tuple[Finding, ...], *, hint: str | None = None) -> None:
        super().__init__("; ".join(str(finding) for finding in findings), hint=hint)
        self.findings = findings


class UsageError(SeawayError):
    """The command line cannot be understood."""

    exit_code = 2


class DifferencesFound(SeawayError):
    """Two things were compared in full and differ."""

    exit_code = 3


class Undetermined(SeawayError):
    """The question could not be answered: something needed was unreadable or unknown."""

    exit_code = 4


class NotYet(SeawayError):
    """Seaway does not do this yet; `docs/limits.md` lists every place that says so."""

    exit_code = 5


class ExtraMissing(SeawayError):
    """An optional part is not installed; the hint is the command that adds it."""

    exit_code = 6


class AppError(SeawayError):
    """What the compose files and `x-seaway` say cannot be used."""


class SourceMissing(AppError):
    """A file the app names, or the compose file itself, is not there."""

    exit_code = 10


class ParseError(AppError):
    """A file is not YAML that Compose would read."""

    exit_code = 11


class LimitExceeded(AppError):
    """A file is larger, deeper or wider than the loader allows."""

    exit_code = 12


class InterpolationError(AppError):
    """A variable or a dotenv file cannot be resolved."""

    exit_code = 13


class MergeError(AppError):
    """Two definitions cannot be merged, or extend each other in a circle."""

    exit_code = 14


class SchemaError(AppError):
    """The merged model does not follow the Compose schema or that of `x-seaway`."""

    exit_code = 15


class ConsistencyError(AppError):
    """The model contradicts itself."""

    exit_code = 16


class NameUnknown(AppError):
    """A service, environment or other name does not exist."""

    exit_code = 17


class EditRefused(AppError):
    """An edit of the user's file would lose something."""

    exit_code = 18


class ImageError(SeawayError):
    """An image cannot be built, read or sent."""


class LockError(ImageError):
    """A lock is unreadable, lacks hashes or is stale."""

    exit_code = 20


class DigestMismatch(ImageError):
    """Bytes do not have the digest they were asked by."""

    exit_code = 21


class WheelError(ImageError):
    """A wheel is missing for the platform, corrupt or hostile."""

    exit_code = 22


class RegistryError(ImageError):
    """A registry is unreachable or refuses."""

    exit_code = 23


class ToolMissing(ImageError):
    """A program that is needed is missing or gives wrong bytes."""

    exit_code = 24


class StoreError(ImageError):
    """The image store cannot be written or is damaged."""

    exit_code = 25


class BaseError(ImageError):
    """The base of an image cannot be used."""

    exit_code = 27


class BuilderError(ImageError):
    """An external builder failed."""

    exit_code = 28


class NotReproduced(ImageError):
    """A rebuild gave other bytes."""

    exit_code = 29


class EvidenceError(SeawayError):
    """Evidence is missing, wrong or cannot be recorded."""


class EvidenceInvalid(EvidenceError):
    """A statement, envelope or proof does not hold."""

    exit_code = 30


class EvidenceMissing(EvidenceError):
    """Evidence that is needed is absent, erased or unavailable."""

    exit_code = 31


class LedgerForked(EvidenceError):
    """The ledger does not extend what was seen of it before; there is no override."""

    exit_code = 32


class LedgerUnavailable(EvidenceError):
    """The ledger cannot be reached or written; nothing was acknowledged, retry."""

    exit_code = 33


class KeyRefused(EvidenceError):
    """A key may not sign this, is unknown, revoked or cannot be opened."""

    exit_code = 35


class NotScanned(EvidenceError):
    """There is no scan that counts."""

    exit_code = 36


class AppendRefused(EvidenceError):
    """The ledger refuses the entry; a retry will not help."""

    exit_code = 37


class RestoreRefused(EvidenceError):
    """A restore would go behind what is remembered."""

    exit_code = 38


class PolicyError(SeawayError):
    """A gate does not open."""


class PolicyDenied(PolicyError):
    """Rules deny this; the findings say each and what would satisfy it."""

    exit_code = 40


class RuleRefused(PolicyError):
    """A rule is outside the subset that every engine agrees on."""

    exit_code = 41


class Undecided(PolicyError):
    """A rule met an error or an unknown state, which never passes."""

    exit_code = 42


class OutageRefused(PolicyError):
    """The change could stop something that runs."""

    exit_code = 43


class ClusterUnfit(PolicyError):
    """The cluster lacks what admission needs."""

    exit_code = 44


class TargetError(SeawayError):
    """A target cannot run or change the app."""


class ClusterUnreachable(TargetError):
    """The API server does not answer."""

    exit_code = 50


class ClusterRefused(TargetError):
    """The API server refused an object."""

    exit_code = 51


class ApplyConflict(TargetError):
    """A field belongs to somebody else."""

    exit_code = 52


class AgentMissing(TargetError):
    """No agent runs in this environment."""

    exit_code = 53


class InstallStale(TargetError):
    """The installed agent needs an upgrade first."""

    exit_code = 54


class PreflightMissing(TargetError):
    """A declared need has no fresh preflight."""

    exit_code = 55


class EngineUnavailable(TargetError):
    """An engine, Docker or Envoy, is missing or does not answer."""

    exit_code = 56


class TargetUnsupported(TargetError):
    """This target cannot carry the app."""

    exit_code = 57


class AddressTaken(TargetError):
    """An address or port is in use by another program."""

    exit_code = 58


class SnapshotFailed(TargetError):
    """A snapshot before a migration failed; nothing has changed."""

    exit_code = 59


class TelemetryError(SeawayError):
    """Signals cannot be read or computed."""


class ProfileInvalid(TelemetryError):
    """A reference profile is damaged or of another layout."""

    exit_code = 60


class SketchInvalid(TelemetryError):
    """A sketch's bytes are not a canonical sketch."""

    exit_code = 61


class ObjectiveInvalid(TelemetryError):
    """An objective cannot be met or measured as written."""

    exit_code = 62


class SourceError(TelemetryError):
    """A metric source failed; the judge holds."""

    exit_code = 63


class SignalStoreUnavailable(TelemetryError):
    """The store of signals cannot be used."""

    exit_code = 64


class PricesInvalid(TelemetryError):
    """A price file is wrong."""

    exit_code = 65


class HookRefused(TelemetryError):
    """A webhook's address is not allowed."""

    exit_code = 66


class EvaluationInconclusive(TelemetryError):
    """Scores do not decide the threshold."""

    exit_code = 67


class SelfTestFailed(TelemetryError):
    """Generated rules fail their own tests; nothing is written."""

    exit_code = 68


class GraphError(SeawayError):
    """A question about the ledger's graph cannot be answered."""


class SubjectUnknown(GraphError):
    """Nothing is known under that name; the hint has the nearest."""

    exit_code = 70


class SubjectAmbiguous(GraphError):
    """Several things have that name or prefix."""

    exit_code = 71


class GraphForked(GraphError):
    """The ledger does not extend what was folded."""

    exit_code = 72


class GraphUnreadable(GraphError):
    """The graph's file is corrupt or newer; rebuild it."""

    exit_code = 73


class QueryRefused(GraphError):
    """The query does more than read."""

    exit_code = 74


class ImportRefused(GraphError):
    """A foreign document is refused; nothing was appended."""

    exit_code = 75


class ForecastRefused(GraphError):
    """There is too little history for an honest forecast."""

    exit_code = 76


class ReleaseError(SeawayError):
    """A release did not end live."""


class RolledBack(ReleaseError):
    """The release was judged worse and stable has all traffic again."""

    exit_code = 80


class Held(ReleaseError):
    """The release waits: for data, for a certificate or for a person."""

    exit_code = 81


class Aborted(ReleaseError):
    """The release was aborted, denied, superseded or revoked."""

    exit_code = 82


class Stranded(ReleaseError):
    """The way back failed too; a person is needed."""

    exit_code = 83


class StepsRefused(ReleaseError):
    """The strategy cannot be carried out here; nothing has changed."""

    exit_code = 84


class NoWayBack(ReleaseError):
    """What to return to is gone or needs a restore."""

    exit_code = 85


class VersionMismatch(ReleaseError):
    """What was rendered is not the version asked for."""

    exit_code = 86


class StaleEpoch(ReleaseError):
    """Another agent has taken over."""

    exit_code = 87


class ReplayMismatch(ReleaseError):
    """A replay gives another state or verdict than the record."""

    exit_code = 88


class IllegalEvent(ReleaseError):
    """The machine met an event its table does not know: a bug."""

    exit_code = 89


class InternalError(SeawayError):
    """A fault of Seaway itself; a report file without secrets was written."""

    exit_code = 90
