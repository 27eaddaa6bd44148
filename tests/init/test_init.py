"""`seaway init` on differently shaped projects: what it writes, and that everybody accepts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from seaway.app.load import How, load, select
from seaway.cli import run
from seaway.errors import EditRefused, SourceMissing
from seaway.findings import Level
from seaway.revision.draft import Draft
from seaway.revision.first import First, Wishes, first_block, first_file
from seaway.targets.check import check
from tests.app.oracle import BINARY

pytestmark = pytest.mark.rootless

PROJECTS = Path(__file__).parent / "projects"
GOLDEN = Path(__file__).parent / "written"
NAMES = sorted(path.name for path in PROJECTS.iterdir())


def copied(name: str, tmp_path: Path) -> Path:
    """A project of its own, in a folder that is always called the same."""
    return Path(shutil.copytree(PROJECTS / name, tmp_path / name))


def begun(folder: Path, wishes: Wishes | None = None) -> First:
    """The draft of what init would write."""
    if not any(folder.glob("*compose.y*ml")):
        return first_file(folder, wishes or Wishes(), {})
    return first_block(select(folder, {}), wishes or Wishes())


def refusals(folder: Path) -> set[str]:
    """The codes that check refuses or calls a loss, on the way to a Docker host."""
    app = load(select(folder, {}), how=How(lenient=True))
    return {each.code for each in check(app, purpose="docker") if each.level is not Level.NOTE}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_the_smallest_block_and_stays_so(name: str, tmp_path: Path) -> None:
    """The diff, what was read and what is left, as kept in `written/`; SEAWAY_UPDATE=1 writes them."""
    found = begun(copied(name, tmp_path))
    said = found.draft.diff() + "".join(f"read: {line}\n" for line in found.said)
    said += "".join(f"left: {line}\n" for line in found.left)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("SEAWAY_UPDATE") == "1":
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(said)
    assert said == golden.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_check_and_compose_accept_it_and_a_second_time_adds_nothing(name: str, tmp_path: Path) -> None:
    """No refusal more than before, the loader and the real Compose take it, and init is done."""
    folder = copied(name, tmp_path)
    before = refusals(folder) if name != "bare" else set()
    begun(folder).draft.write()
    assert refusals(folder) <= before
    done = subprocess.run([BINARY, "config", "-q"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert begun(folder).draft.diff() == ""


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bare"])
def test_every_line_of_the_users_own_stays(name: str, tmp_path: Path) -> None:
    """Only lines are added; a mapping in brackets on one line grows on it."""
    folder = copied(name, tmp_path)
    found = begun(folder)
    (text,) = found.draft.changed
    after = iter(text.text.splitlines())
    for line in (text.original or b"").decode().splitlines():
        bare = line.rstrip("}")
        assert any(each.startswith(bare) for each in after), line


def test_a_small_team_soaks_nothing_and_is_told_how_it_approves_itself(tmp_path: Path) -> None:
    """Nothing else is weaker: the pack, approvals and scans stay."""
    folder = copied("batch", tmp_path)
    found = begun(folder, Wishes(small_team=True, owner="ada"))
    found.draft.write()
    gates = load(select(folder, {}), "production").environment.gates
    assert gates is not None
    assert (gates.soak, gates.approvals, gates.pack) == (0.0, 1, "default")
    assert any("approved-by-another" in line for line in found.left)


def test_the_owner_is_who_owns_everything(tmp_path: Path) -> None:
    """CODEOWNERS says it; the last rule for all files counts."""
    folder = copied("batch", tmp_path)
    (folder / "CODEOWNERS").write_text("* @old\n* @acme/search # us\n/docs @writers\n")
    assert "+  owner: search\n" in begun(folder).draft.diff()


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    """A block of the user's own is completed, never replaced."""
    folder = copied("batch", tmp_path)
    path = folder / "compose.yaml"
    path.write_text(path.read_text() + "x-seaway: {version: 1, owner: us, environments: {lab: {target: process}}}\n")
    begun(folder).draft.write()
    app = load(select(folder, {}))
    assert (app.extension.owner, tuple(app.extension.environments)) == ("us", ("lab",))
    assert app.services["report"].extension.image.base is not None


def test_a_folder_nobody_knows_is_refused(tmp_path: Path) -> None:
    """Nothing is written from a guess."""
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(SourceMissing, match="no program that is known here"):
        first_file(tmp_path, Wishes(), {})
    assert [path.name for path in tmp_path.iterdir()] == ["readme.txt"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """Between the diff and the yes somebody may have saved."""
    folder = copied("batch", tmp_path)
    found = begun(folder)
    (folder / "compose.yaml").write_text("services: {}\n")
    with pytest.raises(EditRefused, match="changed meanwhile"):
        found.draft.write()
    assert (folder / "compose.yaml").read_text() == "services: {}\n"


def test_mode_and_symlink_survive_a_write(tmp_path: Path) -> None:
    """The file a link names is changed in place; nothing else is left behind."""
    real = tmp_path / "real.yaml"
    real.write_text("services: {a: {image: x}}\n")
    real.chmod(0o640)
    link = tmp_path / "compose.yaml"
    link.symlink_to(real)
    draft = Draft(tmp_path)
    draft.text(link).text = "services: {}\n"
    draft.write()
    assert (real.read_text(), real.stat().st_mode & 0o777, link.is_symlink()) == ("services: {}\n", 0o640, True)
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_terminal_the_option_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, the diff, and the command that needs nobody."""
    folder = copied("batch", tmp_path)
    before = (folder / "compose.yaml").read_bytes()
    monkeypatch.chdir(folder)
    assert run(["init"]) == 2
    out, err = capsys.readouterr()
    assert "+x-seaway:" in out
    assert "seaway init --yes" in err
    assert (folder / "compose.yaml").read_bytes() == before


def test_json_says_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document, with the diff and what is left."""
    monkeypatch.chdir(copied("batch", tmp_path))
    assert run(["init", "--yes", "--json", "--owner", "ada"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["written"] is True
    assert "+  owner: ada" in said["diff"]
