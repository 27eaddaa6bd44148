"""Another ledger under the same name: cut, rolled back, rebuilt, or not the one that the project pins."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.shop import ROLES, Shop, approve

pytestmark = pytest.mark.rootless
FORKED = 32


@pytest.fixture
def shop(opened: Shop, tmp_path: Path) -> Shop:
    """Returns a copy to attack."""
    return opened.copy(tmp_path / "shop")


def pin(shop: Shop, **changes: str) -> None:
    """Writes into the compose file what pins the ledger."""
    said = {**shop.do("ledger", "pin"), **changes}
    lines = "".join(f"    {name}: {value}\n" for name, value in said.items())
    path = shop.app / "compose.yaml"
    path.write_text(path.read_text().replace("  version: 1\n", f"  version: 1\n  ledger:\n{lines}"))


def rebuild(shop: Shop) -> None:
    """Puts a ledger of one's own in the place of the old one: same name, same keys, another log key."""
    shutil.rmtree(shop.ledger)
    shutil.rmtree(shop.home / "state")
    shop.do("keys", "enrol", "alice", "--person", "alice", "--roles", ROLES, "--email", "alice@shop.example")


@pytest.mark.parametrize(
    "words", [("ledger", "verify"), ("promote", "production"), ("status", "production")], ids=" ".join
)
def test_a_ledger_that_was_rolled_back_is_refused(words: tuple[str, ...], shop: Shop, founded: Shop) -> None:
    """An older copy is whole in itself; what was seen of the newer one outlives it."""
    shutil.rmtree(shop.ledger)
    shutil.copytree(founded.ledger, shop.ledger)
    said = shop.run(*words)
    assert (said.code, "leaves and had" in said.all) == (FORKED, True), said.all


@pytest.mark.parametrize("words", [("ledger", "verify"), ("promote", "production")], ids=" ".join)
def test_a_ledger_that_went_another_way_is_refused(words: tuple[str, ...], shop: Shop, founded: Shop) -> None:
    """An older copy to which somebody added other entries is as long, and no extension."""
    other = founded.copy(shop.home / "other")
    for number in range(3):
        assert approve(other, "--reason", f"read it, {number}").code == 0
    shutil.rmtree(shop.ledger)
    shutil.copytree(other.ledger, shop.ledger)
    said = shop.run(*words)
    assert (said.code, "does not extend" in said.all) == (FORKED, True), said.all


def test_a_ledger_under_another_key_is_refused(shop: Shop) -> None:
    """Built anew while the memory stayed."""
    memory = (shop.home / "state" / "checkpoint" / "shop.local").read_bytes()
    rebuild(shop)
    (shop.home / "state" / "checkpoint" / "shop.local").write_bytes(memory)
    said = shop.run("ledger", "verify")
    assert (said.code, "another key than before" in said.all) == (FORKED, True), said.all


def test_the_pinned_ledger_is_taken(shop: Shop) -> None:
    """The lines that `ledger pin` prints are those that hold."""
    pin(shop)
    assert shop.run("ledger", "verify").code == 0
    assert shop.run("promote", "production").code == 0


def test_a_rebuilt_ledger_passes_without_a_pin(shop: Shop) -> None:
    """A machine that saw nothing before, and a project that says nothing: what a pin is for."""
    rebuild(shop)
    assert shop.run("ledger", "verify").code == 0


@pytest.mark.parametrize("words", [("ledger", "verify"), ("promote", "production"), ("keys", "list")], ids=" ".join)
@pytest.mark.parametrize("name", ["key", "genesis"])
def test_another_ledger_than_the_pinned_one_is_refused(name: str, words: tuple[str, ...], shop: Shop) -> None:
    """Even on a machine that never saw the right one."""
    said = shop.do("ledger", "pin")
    rebuild(shop)
    pin(shop, **{name: said[name]})
    before = shop.files()
    refused = shop.run(*words)
    assert (refused.code, f"x-seaway.ledger.{name}" in refused.all) == (FORKED, True), refused.all
    assert shop.files() == before


def test_no_ledger_is_founded_where_one_is_pinned(shop: Shop) -> None:
    """A machine without the ledger does not begin another one under its name."""
    pin(shop)
    shutil.rmtree(shop.ledger)
    shutil.rmtree(shop.home / "state")
    said = shop.run("keys", "enrol", "alice", "--person", "alice", "--roles", "owner")
    assert (said.code, "pins is not here" in said.all) == (31, True), said.all
    assert not shop.ledger.exists()


def test_a_ledger_whose_end_was_cut_off_is_refused(shop: Shop) -> None:
    """The tiles are whole and the checkpoint is an older, true one: the journal knows better."""
    older = shop.home / "older"
    shutil.copytree(shop.ledger, older)
    assert approve(shop).code == 0
    shutil.copy(older / "checkpoint", shop.ledger / "checkpoint")
    for words in (("ledger", "verify"), ("promote", "production")):
        assert shop.run(*words).code in (30, FORKED)


def test_a_cleaned_project_and_another_folder_know_the_same(shop: Shop) -> None:
    """`git clean -fdx`: evidence, people and grants are the user's, and the app's own are made again, byte for byte."""
    before = {words: shop.run(*words).answer for words in (("keys", "list"), ("ledger", "verify"))}
    bundle = shop.bundle().digest
    shop.git("commit", "-qam", "build: the lock, as the build completed it")
    root = (shop.app / "base" / "root.tar").read_bytes()
    shop.git("clean", "-fdxq")
    assert not (shop.app / ".seaway").exists()
    for words, answer in before.items():
        assert shop.run(*words).answer == answer
    (shop.app / "base").mkdir()
    (shop.app / "base" / "root.tar").write_bytes(root)
    assert shop.do("build")["bundle"] == str(bundle)
    assert approve(shop).code == 0, "the new build's provenance is new evidence"
    assert shop.run("promote", "production").code == 0
