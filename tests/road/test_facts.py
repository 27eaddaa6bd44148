"""What must not leak, must not be undone by a clock, and must outlive a cleaned project: the record and its secrets."""

from __future__ import annotations

import base64
import gzip
import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.road.leaks import find_leaks
from tests.road.road import ENVIRONMENT_SECRET, PASSPHRASES, SECRET, Road, ledger_size, release_of
from tests.road.verbs import EXCEPTION

pytestmark = pytest.mark.rootless


def secrets(road: Road) -> dict[str, bytes]:
    """Returns every value that must stay secret: compose secrets, passphrases, the bodies of key files."""
    keys = {f"key {path.stem}": _body(path) for path in road.data.rglob("*.pem")}
    phrases = {f"passphrase {name}": phrase.encode() for name, phrase in PASSPHRASES.items()}
    return {"secret of a file": SECRET.encode(), "secret of a variable": ENVIRONMENT_SECRET.encode(), **phrases, **keys}


def _body(path: Path) -> bytes:
    return base64.b64decode("".join(path.read_text().splitlines()[1:-1]))[-48:]


def test_no_secret_is_written_where_others_read(live: Road) -> None:
    """Not in layers, ledger, logs, specs or the agent's store; the environment's own secrets folder is the owner's."""
    kept = [path for path in live.project.glob("environments/*/secrets") if path.is_dir()]
    assert kept and all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in kept)
    keys = [path.parent for path in live.data.rglob("alice.pem")]
    inside = list(live.project.rglob("run/secrets"))
    assert find_leaks({"alive": b"listening"}, [live.project]), "the search reads nothing"
    found = find_leaks(secrets(live), [live.app / ".seaway", live.data, live.project], spared=[*kept, *keys, *inside])
    assert not found, "\n".join(found)


def test_no_replica_sees_a_passphrase(live: Road) -> None:
    """The agent keeps a key in memory; what it starts inherits none of the variables that opened it."""
    programs = [row["program"] for row in live.do("ps", "--on", "production") if row["program"]]
    assert programs
    phrases = [phrase.encode() for phrase in PASSPHRASES.values()]
    for pid in programs:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        assert not [phrase for phrase in phrases if phrase in environ]


def test_a_planted_leak_is_found(tmp_path: Path) -> None:
    """The search can fail: raw, in base64 at each offset, in hex, and in a compressed layer."""
    value = {"token": SECRET.encode()}
    spellings = [b"x" * before + SECRET.encode() for before in range(3)]
    planted = {
        "raw": spellings[1],
        **{f"base64-{at}": base64.b64encode(text + b"tail") for at, text in enumerate(spellings)},
        "hex": SECRET.encode().hex().encode(),
        "layer": gzip.compress(b"more" + SECRET.encode()),
        "layer-64": gzip.compress(base64.b64encode(spellings[2])),
    }
    for name, data in planted.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "clean").write_bytes(b"nothing here")
    assert find_leaks(value, [tmp_path]) == [f"token in {tmp_path / name}" for name in sorted(planted)]


def test_a_secret_in_a_source_file_stops_the_build(live: Road) -> None:
    """The value of a compose secret planted in the app's own files never becomes a layer."""
    planted = live.app / "settings.py"
    planted.write_text(f"TOKEN = {SECRET!r}\n")
    try:
        said = live.run("build")
    finally:
        planted.unlink()
    assert said.code not in (0, 90) and "settings.py" in said.out + said.err
    assert SECRET not in said.out + said.err
    assert not find_leaks({"token": SECRET.encode()}, [live.app / ".seaway"])


@pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")
@pytest.mark.parametrize(
    "words",
    [
        ("approve", "production", "--key", "bob", "--reason", "read it"),
        ("promote", "production"),
        ("test", "staging"),
        (*EXCEPTION, "--reason", "x", "--key", "bob"),
    ],
)
def test_a_clock_set_back_is_refused(live: Road, words: tuple[str, ...]) -> None:
    """A day back, so that what has expired would hold again: a clear error, and nothing is written."""
    before, wishes = ledger_size(live), _wishes(live)
    said = live.run(*words, prefix=("faketime", "-f", "-1d"))
    assert said.code in (33, 35, 42), f"{said.code} {said.out[-600:]} {said.err[-600:]}"
    assert "clock" in said.out + said.err or "behind" in said.out + said.err
    assert (ledger_size(live), _wishes(live), live.whole()) == (before, wishes, [])


def _wishes(road: Road) -> list[bytes]:
    return [path.read_bytes() for path in sorted(road.project.glob("environments/*/wishes.json"))]


def test_two_builds_at_once_end_alike(live: Road) -> None:
    """One waits for the other where they meet; both name the same bundle."""
    both = [live.start("build"), live.start("build")]
    ended = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert ended[0][0] == ended[1][0]
    assert live.whole() == []


def test_an_approval_beside_a_promotion(live: Road) -> None:
    """Both are recorded, in some order."""
    before = ledger_size(live)
    both = [
        live.start("approve", "production", "--key", "bob", "--reason", "again"),
        live.start("promote", "production"),
    ]
    ended = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert ledger_size(live) >= before + 2
    assert live.whole() == []


def test_a_cleaned_project_has_lost_no_fact(live: Road) -> None:
    """`git clean -fdx`: ledger, keys and `why` answer; a new build gives the same bundle."""
    bundle = live.do("build")["bundle"]
    kept = live.home / "kept"
    for name in ("private", "base", ".seaway"):  # what is the user's own no build makes again; the store: see the end
        shutil.copytree(live.app / name, kept / name, copy_function=os.link)
    live.git("clean", "-fdxq")
    assert not (live.app / ".seaway").exists()
    for name in ("private", "base"):
        shutil.copytree(kept / name, live.app / name, copy_function=os.link, dirs_exist_ok=True)
    answer = live.do("why", release_of(live)["bundle"])
    assert "bob" in str(answer["lines"])
    assert live.do("ledger", "verify")["problems"] == []
    assert {row["person"] for row in live.do("keys", "list")} == {"alice", "bob"}
    assert live.do("build")["bundle"] == bundle
    shutil.rmtree(live.app / ".seaway")  # it has the last bundle only, and later tests go back to one before it
    (kept / ".seaway").rename(live.app / ".seaway")
    shutil.rmtree(kept)
    assert live.whole() == []


def test_why_answers_without_graph_and_store(live: Road) -> None:
    """Both are derived: the graph is folded again from the ledger."""
    bundle = release_of(live)["bundle"]
    before = live.do("why", bundle)["lines"]
    shutil.rmtree(live.data / "graph")
    assert live.do("why", bundle)["lines"] == before
