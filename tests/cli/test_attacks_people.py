"""Approvals, exceptions, scans and tests that are replayed, stale or another's: the gate stays shut."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seaway.evidence.deeds import Outcome
from seaway.evidence.envelope import Envelope
from seaway.evidence.ledger import Signed
from seaway.evidence.statement import PredicateType
from tests.cli.shop import Said, Shop, approve, denied, tell_tests, waive

pytestmark = pytest.mark.rootless
DENIED = 40
PROMOTE = ("promote", "production")
NEEDS_FAKETIME = pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")


@pytest.fixture
def shop(opened: Shop, tmp_path: Path) -> Shop:
    """Returns a copy whose gate is open."""
    return opened.copy(tmp_path / "shop")


@pytest.fixture
def shut(founded: Shop, tmp_path: Path) -> Shop:
    """Returns a copy that only misses Bob's word."""
    shop = founded.copy(tmp_path / "shut")
    assert waive(shop).code == 0
    return shop


def stopped(shop: Shop, *rules: str) -> Said:
    """Asserts that the gate refuses by these rules and grants nothing; returns what was said."""
    said = shop.run(*PROMOTE)
    assert (said.code, denied(said)) == (DENIED, set(rules)), said.all
    with shop.space() as space, space.reading() as notary:
        assert notary.verified(predicate_type=PredicateType.REFUSAL), "the refusal is on record"
    return said


def test_the_gate_is_open_before_anybody_attacks(shop: Shop) -> None:
    """So that each refusal here has one reason."""
    assert shop.run(*PROMOTE).code == 0


def test_without_an_approval_the_gate_is_shut(shut: Shop) -> None:
    """The refusal names rule, digest and what would satisfy it."""
    said = stopped(shut, "approved-by-another")
    assert str(shut.bundle().digest) in said.all and "seaway approve production" in said.all
    assert shut.run("release", "production").code == 31, "what was not granted is not released"


def test_an_approval_for_another_environment_opens_nothing(shut: Shop) -> None:
    """Bob approved it for the canteen."""
    shut.do("approve", "canteen", "--key", "bob", "--reason", "read it")
    stopped(shut, "approved-by-another")


def test_an_exception_for_another_environment_waives_nothing(founded: Shop, tmp_path: Path) -> None:
    """Bob let the canteen off the scan."""
    shop = founded.copy(tmp_path / "shop")
    words = ("except", "canteen", "scan-fresh", "--requested-by", "alice", "--ticket", "SEC-1", "--key", "bob")
    shop.do(*words, "--reason", "nobody eats there")
    assert approve(shop).code == 0
    stopped(shop, "scan-fresh")


def test_an_approval_is_of_one_digest(shop: Shop) -> None:
    """Another app under the same name: nothing that was said of the old one holds."""
    (shop.app / "api.py").write_text("print('two')\n")
    shop.git("commit", "-qam", "feat: two")
    shop.do("build")
    tell_tests(shop)
    shop.run("scan")
    stopped(shop, "approved-by-another", "scan-fresh")


def test_an_approval_is_stale_once_there_is_other_evidence(shop: Shop) -> None:
    """Bob has not seen what another suite said."""
    tell_tests(shop, name="manners")
    stopped(shop, "approved-by-another")


def test_an_approval_that_is_replayed_is_the_old_one(shop: Shop) -> None:
    """The same bytes by the same key, past the notary: the ledger gives the first leaf and grows by nothing."""
    bob = shop.signer("bob")
    tell_tests(shop, name="manners")
    with shop.space() as space, space.notary() as notary:
        old = notary.verified(predicate_type=PredicateType.APPROVAL)[-1]
        size = notary.ledger.size
        writer = notary.ledger
        assert hasattr(writer, "append")
        (answer,) = writer.append([Signed(Envelope.seal(old.statement, bob), bob.public)])
        assert (answer.index, answer.known, notary.ledger.size) == (old.index, True, size)
    stopped(shop, "approved-by-another")


def test_who_wrote_it_does_not_approve_it(shut: Shop) -> None:
    """Alice takes a second key with the approver's role: she is still Alice, and the attempt is on record."""
    shut.do("keys", "new", "mallory")
    shut.do("keys", "enrol", "mallory", "--person", "alice", "--roles", "approver")
    said = shut.run("approve", "production", "--key", "mallory", "--reason", "fine")
    assert (said.code, "of their own" in said.all) == (35, True), said.all
    stopped(shut, "approved-by-another")


def test_an_author_who_looks_like_another_is_found(founded: Shop, tmp_path: Path) -> None:
    """Bob's address with a Cyrillic letter, a plus and capitals, as the commit's author: Bob may not approve it."""
    shop = founded.copy(tmp_path / "shop")
    shop.do("keys", "new", "mallory")
    roles = ("--person", "mallory", "--roles", "approver", "--email", "mallory@shop.example")
    shop.do("keys", "enrol", "mallory", *roles)
    (shop.app / "api.py").write_text("print('two')\n")
    shop.git("commit", "-qam", "feat: two", "--author", "M <M\u0430llory+work@Shop.example>")
    shop.do("build")
    said = shop.run("approve", "production", "--key", "mallory", "--reason", "fine")
    assert (said.code, "of their own" in said.all) == (35, True), said.all


def test_an_exception_is_not_signed_by_who_asked_for_it(founded: Shop, tmp_path: Path) -> None:
    """Bob asks Bob."""
    shop = founded.copy(tmp_path / "shop")
    before = shop.files()
    words = ("except", "production", "scan-fresh", "--requested-by", "bob", "--ticket", "SEC-1", "--key", "bob")
    said = shop.run(*words, "--reason", "I say so")
    assert said.code == 30, said.all
    assert shop.files() == before


def test_what_is_built_in_knows_no_exception(granted: Shop, tmp_path: Path) -> None:
    """A policy was weakened; Bob excepts the rule that says so, in vain, until he consents to the policy."""
    shop = granted.copy(tmp_path / "shop")
    path = shop.app / "compose.yaml"
    path.write_text(path.read_text().replace("approvals: 1", "approvals: 0"))
    stopped(shop, "policy-consented")
    words = ("except", "production", "policy-consented", "--requested-by", "alice", "--ticket", "SEC-1", "--key", "bob")
    shop.run(*words, "--reason", "in a hurry")
    assert "policy-consented" in denied(shop.run(*PROMOTE))


def test_a_later_failure_outweighs_the_pass_before(shop: Shop) -> None:
    """The suite ran again and failed; an approval of that does not make it pass."""
    tell_tests(shop, Outcome.FAILED)
    assert approve(shop).code == 0
    stopped(shop, "tests-passed")


def test_missing_tests_are_no_passed_tests(founded: Shop, tmp_path: Path) -> None:
    """A suite that the gate asks for and nobody ran."""
    shop = founded.copy(tmp_path / "shop")
    path = shop.app / "compose.yaml"
    path.write_text(path.read_text().replace("suites: [answers]", "suites: [answers, manners]"))
    path.write_text(path.read_text() + path.read_text().rpartition("    answers:")[2].join(["    manners:", ""]))
    assert waive(shop).code == approve(shop).code == 0
    assert "tests-passed" in denied(shop.run(*PROMOTE))


@NEEDS_FAKETIME
@pytest.mark.parametrize(
    ("days", "rules"), [(4, {"scan-fresh"}), (8, {"scan-fresh", "approved-by-another"})], ids=["exception", "approval"]
)
def test_what_ends_has_ended(days: int, rules: set[str], shop: Shop) -> None:
    """Three days for the exception, seven for the approval, under a clock that is later."""
    said = shop.process(*PROMOTE, prefix=("faketime", "-f", f"+{days}d"))
    assert (said.code, denied(said)) == (DENIED, rules), said.all


@NEEDS_FAKETIME
def test_a_clock_that_is_set_back_brings_nothing_back(shop: Shop) -> None:
    """Later the exception ends; with the clock a day behind the ledger nothing is decided, and nothing is written."""
    before = shop.files()
    said = shop.process(*PROMOTE, prefix=("faketime", "-f", "-1d"))
    assert said.code in (33, 42) and ("clock" in said.all or "behind" in said.all), said.all
    assert shop.files() == before


def edit_lock(shop: Shop, change: Callable[[str], str]) -> None:
    """Changes the lock and commits it, as a pull request would."""
    path = shop.app / "seaway.lock"
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    shop.git("commit", "-qam", "build: lock")


@pytest.mark.parametrize("field", ['"digest": "sha256:', '"diffID": "sha256:', '"base": "sha256:'])
def test_a_digest_changed_in_the_lock_is_not_built(field: str, shop: Shop) -> None:
    """The base named there is not what its bytes are: refused, and the last build stays the last."""
    before = shop.bundle().digest
    edit_lock(shop, lambda text: swapped(text, field))
    said = shop.run("build")
    assert said.code not in (0, 90), said.all
    assert "seaway.lock" in said.all or "sha256:" in said.all
    assert shop.bundle().digest == before


def swapped(text: str, field: str) -> str:
    """Returns a text whose first digest of a field begins with another letter."""
    at = text.index(field) + len(field)
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
