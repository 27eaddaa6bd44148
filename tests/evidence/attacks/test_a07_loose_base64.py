"""One signature under several spellings would be several envelopes by digest."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.encoding import unb64
from tests.evidence.refused import refused

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize("text", ["QQ", "QR==", "QQ==\n", " QQ==", "QQ==QQ==", "_-8=", "QQ=", "Q Q=", None, 7])
def test_loose_base64_is_refused(text: object) -> None:
    """Missing padding, spare bits, spaces, the other alphabet, or no string at all."""
    with refused(EvidenceInvalid, "base64", 30):
        unb64(text)


def test_canonical_base64_is_read() -> None:
    """The one form is taken."""
    assert unb64("QQ==") == b"A"
