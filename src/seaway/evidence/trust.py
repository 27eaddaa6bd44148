"""What a stranger trusts: logs by their trusted root, and public keys by what they are used for.

By this a site without our ledger verifies the Sigstore bundles that came with a release. Who may sign what is decided
by who hands over which key; the ledger's own rules (`verify.py`) are not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from seaway.errors import EvidenceError, EvidenceInvalid
from seaway.evidence.checkpoint import LogKey, check_origin
from seaway.evidence.encoding import unb64
from seaway.evidence.keys import PublicKey
from seaway.evidence.sigstore import Bundle
from seaway.evidence.statement import Statement
from seaway.evidence.strictjson import read_object

MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"


@dataclass(frozen=True, slots=True)
class Trust:
    """Logs whose proofs count, and keys whose signatures do."""

    logs: tuple[LogKey, ...]
    keys: tuple[PublicKey, ...]

    @classmethod
    def read(cls, root: bytes, keys: Iterable[PublicKey]) -> Self:
        """Reads a `trusted_root.json`; raises EvidenceInvalid for one without a log of ours."""
        document: Any = read_object(root, where="trusted root")
        try:
            if document["mediaType"] != MEDIA_TYPE:
                raise EvidenceInvalid("not a trusted root v0.1", where="mediaType")
            logs = tuple(_log(item) for item in document["tlogs"])
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceInvalid(f"the trusted root lacks something: {error}", where="trusted root") from error
        return cls(logs, tuple(keys))

    def verify(self, data: bytes) -> Statement:
        """Returns what a Sigstore bundle says if one of the keys signed it and one of the logs has it.

        Raises EvidenceInvalid with the reason of the last attempt.
        """
        why: EvidenceError = EvidenceInvalid("no key and no log is trusted", where="trusted root")
        for key in self.keys:
            for log in self.logs:
                try:
                    return Bundle.parse(data, key).verify(log)
                except EvidenceError as error:
                    why = error
        raise EvidenceInvalid(f"nobody trusted says this: {why.says}", where=why.where)


def _log(item: Any) -> LogKey:
    if item["publicKey"]["keyDetails"] != "PKIX_ED25519":
        raise EvidenceInvalid("a log with another kind of key", where="tlogs")
    key = load_der_public_key(unb64(item["publicKey"]["rawBytes"], where="rawBytes"))
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceInvalid("a log with another kind of key", where="tlogs")
    found = LogKey(
        check_origin(urlsplit(item["baseUrl"]).hostname or ""), key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    )
    if unb64(item["logId"]["keyId"], where="keyId") != found.id:
        raise EvidenceInvalid("the log's id is not that of its key", where="logId")
    return found
