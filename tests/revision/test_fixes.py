"""Every finding's fix, applied as it stands, removes its code and adds none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from seaway.app.load import How, load, select
from seaway.app.model import App
from seaway.app.select import Selection
from seaway.findings import Finding
from seaway.revision.mend import mend
from seaway.targets.check import Purpose, check
from seaway.targets.check.catalogue import catalogue
from tests.targets.check.test_check import Case, paths

pytestmark = pytest.mark.rootless

TODAY = date(2026, 11, 24)
SHOWS = {"SW-212", "SW-231"}  # their fixes let be seen what was hidden: services of a profile, mounts of development
LATER = "SW-105"  # a key that a fix writes may be one that nothing acts on yet
PAIRS = [(path, code) for path in paths() for code in sorted(set(Case.read(path).expected.split()) & set(catalogue()))]


def selected(case: Case, folder: Path) -> Selection:
    """The case on disk, with every override file named in it."""
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return select(folder, {}, files=[name for name in case.files if name.endswith(".yaml") and "base" not in name])


def looked(selection: Selection, purpose: Purpose) -> tuple[App, tuple[Finding, ...]]:
    """The app and what is said about it."""
    app = load(selection, how=How(lenient=True))
    return app, check(app, purpose=purpose, today=TODAY)


@pytest.mark.parametrize(("path", "code"), PAIRS, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_a_fix_removes_its_code_and_adds_none(path: Path, code: str, tmp_path: Path) -> None:
    """One after another, until nobody says the code any more."""
    case = Case.read(path)
    selection = selected(case, tmp_path)
    app, found = looked(selection, case.purpose)
    while mine := [finding for finding in found if finding.code == code]:
        mended = mend(selection, app, [finding for finding in mine if finding.where == mine[0].where])
        assert not mended.refused, (mine[0], mended.refused)
        mended.draft.write()
        before = found
        app, found = looked(selection, case.purpose)
        counts, earlier = Counter(each.code for each in found), Counter(each.code for each in before)
        assert counts[code] < earlier[code], (mine[0], mended.draft.diff())
        more = [each for each in found if each.code in counts - earlier and each.code != LATER]
        assert not more or code in SHOWS, (mine[0], mended.draft.diff())


def test_every_code_is_among_the_pairs_or_refused_by_the_loader() -> None:
    """No code without a mechanical fix; what stops a load is fixed in its own test."""
    assert {code for _, code in PAIRS} == set(catalogue()) - {"SW-003", "SW-018", "SW-021", "SW-304"}


def test_all_at_once_is_proven_too(tmp_path: Path) -> None:
    """The fixes of an ordinary first file, in one draft."""
    case = Case.read(next(path for path in paths() if path.stem == "first_contact"))
    selection = selected(case, tmp_path)
    app, found = looked(selection, case.purpose)
    mended = mend(selection, app, found)
    mended.draft.write()
    _, after = looked(selection, case.purpose)
    assert len(after) < len(found) / 4


def test_a_fix_that_reaches_further_is_refused(tmp_path: Path) -> None:
    """What an anchor shares is not changed for one of its users."""
    text = "services:\n  a: &a\n    image: x:1\n    logging: {driver: none}\n  b:\n    <<: *a\n    command: [x]\n"
    (tmp_path / "compose.yaml").write_text(text)
    selection = select(tmp_path, {})
    app, found = looked(selection, "kubernetes")
    mended = mend(selection, app, [finding for finding in found if finding.code == "SW-214"][:1])
    assert [reason for _, reason in mended.refused] == ["it would change services.b.logging.driver too"]
    assert mended.draft.diff() == ""


def test_a_safe_fix_that_compose_would_see_is_refused(tmp_path: Path) -> None:
    """Being called safe is not enough."""
    (tmp_path / "compose.yaml").write_text("services: {a: {image: x:1, init: true}}\n")
    selection = select(tmp_path, {})
    app, found = looked(selection, "kubernetes")
    lying = [replace(each, fix=replace(each.fix, safe=True)) for each in found if each.code == "SW-211" and each.fix]
    assert mend(selection, app, lying).refused
