"""A key of another algorithm or curve, or the same key in another form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from seaway.errors import KeyRefused
from seaway.evidence.keys import PrivateKey, PublicKey
from tests.evidence.refused import refused

pytestmark = pytest.mark.rootless
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_OTHERS: dict[str, Callable[[], Private]] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("name", _OTHERS)
def test_only_p256_is_a_key(name: str) -> None:
    """Refused as a public and as a private key."""
    key = _OTHERS[name]()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with refused(KeyRefused, "only ECDSA P-256", 35):
        PublicKey.parse(spki)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with refused(KeyRefused, "only ECDSA P-256", 35):
        PrivateKey.from_pem(pem, None, where="key")


def test_a_key_has_one_form() -> None:
    """A compressed point, trailing bytes and rubbish are refused."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    header = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    with refused(KeyRefused, "one DER form", 35):
        PublicKey.parse(header + point)
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for other in (spki + b"\0", spki[:-1], b""):
        with refused(KeyRefused, "not a public key", 35):
            PublicKey.parse(other)
