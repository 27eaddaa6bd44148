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

    def __init_subclass__(cls, *, code: int | None = None) -> None:
        """Gives a leaf of the tree its exit code."""
        super().__init_subclass__()
        if code is not None:
            cls.exit_code = code

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


class FindingsError(SeawayError, code=1):
    """There are findings of level error."""

    def __init__(self, findings: tuple[Finding, ...], *, hint: str | None = None) -> None:
        super().__init__("; ".join(str(finding) for finding in findings), hint=hint)
        self.findings = findings


class UsageError(SeawayError, code=2):
    """The command line cannot be understood."""


class DifferencesFound(SeawayError, code=3):
    """Two things were compared in full and differ."""


class Undetermined(SeawayError, code=4):
    """The question could not be answered: something needed was unreadable or unknown."""


class NotYet(SeawayError, code=5):
    """Seaway does not do this yet; `docs/limits.md` lists every place that says so."""


class ExtraMissing(SeawayError, code=6):
    """An optional part is not installed; the hint is the command that adds it."""


class AppError(SeawayError):
    """What the compose files and `x-seaway` say cannot be used."""


class SourceMissing(AppError, code=10):
    """A file the app names, or the compose file itself, is not there."""


class ParseError(AppError, code=11):
    """A file is not YAML that Compose would read."""


class LimitExceeded(AppError, code=12):
    """A file is larger, deeper or wider than the loader allows."""


class InterpolationError(AppError, code=13):
    """A variable or a dotenv file cannot be resolved."""


class MergeError(AppError, code=14):
    """Two definitions cannot be merged, or extend each other in a circle."""


class SchemaError(AppError, code=15):
    """The merged model does not follow the Compose schema or that of `x-seaway`."""


class ConsistencyError(AppError, code=16):
    """The model contradicts itself."""


class NameUnknown(AppError, code=17):
    """A service, environment or other name does not exist."""


class EditRefused(AppError, code=18):
    """An edit of the user's file would lose something."""


class ImageError(SeawayError):
    """An image cannot be built, read or sent."""


class LockError(ImageError, code=20):
    """A lock is unreadable, lacks hashes or is stale."""


class DigestMismatch(ImageError, code=21):
    """Bytes do not have the digest they were asked by."""


class WheelError(ImageError, code=22):
    """A wheel is missing for the platform, corrupt or hostile."""


class RegistryError(ImageError, code=23):
    """A registry is unreachable or refuses."""


class ToolMissing(ImageError, code=24):
    """A program that is needed is missing or gives wrong bytes."""


class StoreError(ImageError, code=25):
    """The image store cannot be written or is damaged."""


class BaseError(ImageError, code=27):
    """The base of an image cannot be used."""


class BuilderError(ImageError, code=28):
    """An external builder failed."""


class NotReproduced(ImageError, code=29):
    """A rebuild gave other bytes."""


class EvidenceError(SeawayError):
    """Evidence is missing, wrong or cannot be recorded."""


class EvidenceInvalid(EvidenceError, code=30):
    """A statement, envelope or proof does not hold."""


class EvidenceMissing(EvidenceError, code=31):
    """Evidence that is needed is absent, erased or unavailable."""


class LedgerForked(EvidenceError, code=32):
    """The ledger does not extend what was seen of it before; there is no override."""


class LedgerUnavailable(EvidenceError, code=33):
    """The ledger cannot be reached or written; nothing was acknowledged, retry."""


class KeyRefused(EvidenceError, code=35):
    """A key may not sign this, is unknown, revoked or cannot be opened."""


class NotScanned(EvidenceError, code=36):
    """There is no scan that counts."""


class AppendRefused(EvidenceError, code=37):
    """The ledger refuses the entry; a retry will not help."""


class RestoreRefused(EvidenceError, code=38):
    """A restore would go behind what is remembered."""


class PolicyError(SeawayError):
    """A gate does not open."""


class PolicyDenied(PolicyError, code=40):
    """Rules deny this; the findings say each and what would satisfy it."""


class RuleRefused(PolicyError, code=41):
    """A rule is outside the subset that every engine agrees on."""


class Undecided(PolicyError, code=42):
    """A rule met an error or an unknown state, which never passes."""


class OutageRefused(PolicyError, code=43):
    """The change could stop something that runs."""


class ClusterUnfit(PolicyError, code=44):
    """The cluster lacks what admission needs."""


class TargetError(SeawayError):
    """A target cannot run or change the app."""


class ClusterUnreachable(TargetError, code=50):
    """The API server does not answer."""


class ClusterRefused(TargetError, code=51):
    """The API server refused an object."""


class ApplyConflict(TargetError, code=52):
    """A field belongs to somebody else."""


class AgentMissing(TargetError, code=53):
    """No agent runs in this environment."""


class InstallStale(TargetError, code=54):
    """The installed agent needs an upgrade first."""


class PreflightMissing(TargetError, code=55):
    """A declared need has no fresh preflight."""


class EngineUnavailable(TargetError, code=56):
    """An engine, Docker or Envoy, is missing or does not answer."""


class TargetUnsupported(TargetError, code=57):
    """This target cannot carry the app."""


class AddressTaken(TargetError, code=58):
    """An address or port is in use by another program."""


class SnapshotFailed(TargetError, code=59):
    """A snapshot before a migration failed; nothing has changed."""


class TelemetryError(SeawayError):
    """Signals cannot be read or computed."""


class ProfileInvalid(TelemetryError, code=60):
    """A reference profile is damaged or of another layout."""


class SketchInvalid(TelemetryError, code=61):
    """A sketch's bytes are not a canonical sketch."""


class ObjectiveInvalid(TelemetryError, code=62):
    """An objective cannot be met or measured as written."""


class SourceError(TelemetryError, code=63):
    """A metric source failed; the judge holds."""


class SignalStoreUnavailable(TelemetryError, code=64):
    """The store of signals cannot be used."""


class PricesInvalid(TelemetryError, code=65):
    """A price file is wrong."""


class HookRefused(TelemetryError, code=66):
    """A webhook's address is not allowed."""


class EvaluationInconclusive(TelemetryError, code=67):
    """Scores do not decide the threshold."""


class SelfTestFailed(TelemetryError, code=68):
    """Generated rules fail their own tests; nothing is written."""


class GraphError(SeawayError):
    """A question about the ledger's graph cannot be answered."""


class SubjectUnknown(GraphError, code=70):
    """Nothing is known under that name; the hint has the nearest."""


class SubjectAmbiguous(GraphError, code=71):
    """Several things have that name or prefix."""


class GraphForked(GraphError, code=72):
    """The ledger does not extend what was folded."""


class GraphUnreadable(GraphError, code=73):
    """The graph's file is corrupt or newer; rebuild it."""


class QueryRefused(GraphError, code=74):
    """The query does more than read."""


class ImportRefused(GraphError, code=75):
    """A foreign document is refused; nothing was appended."""


class ForecastRefused(GraphError, code=76):
    """There is too little history for an honest forecast."""


class ReleaseError(SeawayError):
    """A release did not end live."""


class RolledBack(ReleaseError, code=80):
    """The release was judged worse and stable has all traffic again."""


class Held(ReleaseError, code=81):
    """The release waits: for data, for a certificate or for a person."""


class Aborted(ReleaseError, code=82):
    """The release was aborted, denied, superseded or revoked."""


class Stranded(ReleaseError, code=83):
    """The way back failed too; a person is needed."""


class StepsRefused(ReleaseError, code=84):
    """The strategy cannot be carried out here; nothing has changed."""


class NoWayBack(ReleaseError, code=85):
    """What to return to is gone or needs a restore."""


class VersionMismatch(ReleaseError, code=86):
    """What was rendered is not the version asked for."""


class StaleEpoch(ReleaseError, code=87):
    """Another agent has taken over."""


class ReplayMismatch(ReleaseError, code=88):
    """A replay gives another state or verdict than the record."""


class IllegalEvent(ReleaseError, code=89):
    """The machine met an event its table does not know: a bug."""


class InternalError(SeawayError, code=90):
    """A fault of Seaway itself; a report file without secrets was written."""
