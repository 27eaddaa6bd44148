"""A stranger verifies a Sigstore bundle offline: nothing of Seaway, `cryptography` only.

Usage: stranger.py BUNDLE TRUSTED_ROOT KEY.pub SUBJECT_HEX PREDICATE_TYPE; prints `verified` or dies.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def h(data: bytes) -> bytes:
    """Hashes."""
    return hashlib.sha256(data).digest()


bundle, root, pem = (Path(name).read_bytes() for name in sys.argv[1:4])
b, log, d = json.loads(bundle), json.loads(root)["tlogs"][0], base64.b64decode
entry, envelope = b["verificationMaterial"]["tlogEntries"][0], b["dsseEnvelope"]
payload, kind = d(envelope["payload"]), envelope["payloadType"].encode()
pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
key: Any = serialization.load_pem_public_key(pem)
key.verify(d(envelope["signatures"][0]["sig"]), pae, ec.ECDSA(hashes.SHA256()))
statement = json.loads(payload)
assert [s["digest"] for s in statement["subject"]] == [{"sha256": sys.argv[4]}], "another subject"
assert statement["predicateType"] == sys.argv[5], "another type"
spec = json.loads(d(entry["canonicalizedBody"]))["spec"]["hashedRekordV002"]
spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
assert d(spec["data"]["digest"]) == h(pae) and d(spec["signature"]["verifier"]["publicKey"]["rawBytes"]) == spki
node, last = int(entry["logIndex"]), int(entry["inclusionProof"]["treeSize"]) - 1
top = h(b"\0" + d(entry["canonicalizedBody"]))
for sibling in map(d, entry["inclusionProof"]["hashes"]):
    top = h(b"\1" + sibling + top) if node & 1 or node == last else h(b"\1" + top + sibling)
    while not node & 1 and node == last and node:
        node, last = node >> 1, last >> 1
    node, last = node >> 1, last >> 1
text, _, signatures = entry["inclusionProof"]["checkpoint"]["envelope"].partition("\n\n")
assert text.split("\n")[1:] == [entry["inclusionProof"]["treeSize"], base64.b64encode(top).decode()], "not in the log"
log_key: Any = serialization.load_der_public_key(d(log["publicKey"]["rawBytes"]))
log_key.verify(d(signatures.split()[2])[4:], f"{text}\n".encode())
assert d(signatures.split()[2])[:4] == d(log["logId"]["keyId"])[:4], "another log"
print("verified")
