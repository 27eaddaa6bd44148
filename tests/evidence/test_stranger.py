"""What we write is verified by somebody who has nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from tests.evidence.world import World, refusal, subject

pytestmark = pytest.mark.rootless


@pytest.fixture
def papers(world: World, tmp_path: Path) -> list[str]:
    """A bundle from the middle of a log, the trusted root and the key, as files, and what they are said to prove."""
    with world.found() as notary:
        key = world.enrol(notary, "p-op", Role.OPERATOR)
        index = notary.append(refusal(), key).index
        notary.append_all([(refusal(number), world.owner) for number in range(1, 6)])
        (tmp_path / "bundle").write_bytes(notary.bundle(index))
        (tmp_path / "root").write_text(json.dumps(notary.trusted_root()))
    (tmp_path / "key").write_bytes(key.public.to_pem())
    names = [str(tmp_path / name) for name in ("bundle", "root", "key")]
    return [*names, subject().hex, str(PredicateType.REFUSAL)]


def ask(papers: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the stranger's script in an interpreter that cannot see Seaway."""
    script = str(Path(__file__).with_name("stranger.py"))
    hide = "import runpy, sys; sys.modules['seaway'] = None; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    command = [sys.executable, "-I", "-c", hide, script, *papers]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_stranger_verifies_a_bundle(papers: list[str]) -> None:
    """Signature, leaf, inclusion and checkpoint, offline."""
    assert ask(papers).stdout == "verified\n"


@pytest.mark.parametrize("place", [3, 4])
def test_a_stranger_refuses_what_it_does_not_say(papers: list[str], place: int) -> None:
    """Another digest, another type."""
    papers[place] = "f" * 64
    assert "another" in ask(papers).stderr


def test_a_stranger_refuses_another_proof(papers: list[str]) -> None:
    """The script can fail: one hash of the proof is changed."""
    path = Path(papers[0])
    document = json.loads(path.read_text())
    proof = document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["hashes"][0] = proof["hashes"][1]
    path.write_text(json.dumps(document))
    assert "not in the log" in ask(papers).stderr
