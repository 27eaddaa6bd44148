"""Safe fixes over files as people write them: nothing that Compose sees changes, and a second time nothing is left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.app.load import How, load, select
from seaway.findings import Finding
from seaway.revision.mend import Mended, mend
from seaway.targets.check import check

pytestmark = pytest.mark.rootless

SERVICES = [
    "  {n}:\n    image: postgres:16 # the database\n    environment:\n      - A=1\n",
    "  {n}: {{image: redis:7-alpine, labels: {{a: 'b'}}}}   # one line\n",
    "  {n}:\n    # ümläute\tand tabs\n    image: 'mysql:8'\n    x-seaway: {{resurces: {{cpu: 1, memory: 1Gi}}}}\n",
    "  {n}:\n    <<: *base\n    command: [\"a\", 'b']\n",
    '  {n}:\n\n    image: "docker.io/library/mongo:7"\n    x-seaway:\n      # why\n      liveness: false\n\n',
    "  {n}:\n    build: .\n    command: >\n      python -m app\n      --fast\n",
    "  {n}: &{n}\n    image: postgres:16\n    volumes: [\n      data:/d,  # kept\n    ]\n",
]
HEADS = ["", "version: '3.8'\n", '# 🜁\nversion: "3" # old\n\n', "version: '3.9'\nname: odd\n"]
TAILS = ["volumes:\n  data:\n", "volumes: {data: , other: {}}\n", "\nvolumes:\n    data: {}\n\n# the end\n"]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A compose file in the manners of several people."""
    chosen = draw(st.lists(st.sampled_from(SERVICES), min_size=1, max_size=5))
    body = "".join(each.format(n=f"s{number}") for number, each in enumerate(chosen))
    text = draw(st.sampled_from(HEADS)) + "x-base: &base {image: valkey/valkey:8, init: true}\nservices:\n" + body
    text += draw(st.sampled_from(TAILS))
    text = text.rstrip("\n") if draw(st.booleans()) else text
    text = text.replace("\n", "\r\n") if draw(st.booleans()) else text
    return ("\ufeff" if draw(st.booleans()) else "").encode() + text.encode()


def fixed(folder: Path) -> tuple[Mended, tuple[Finding, ...]]:
    """The safe fixes of a folder's compose file."""
    selection = select(folder, {})
    app = load(selection, how=How(lenient=True))
    found = tuple(each for each in check(app, purpose="kubernetes") if each.fix and each.fix.safe)
    return mend(selection, app, found), found


@settings(max_examples=60, deadline=None)
@given(files())
def test_safe_fixes_change_nothing_that_compose_sees_and_are_done_once(data: bytes) -> None:
    """Comments, quotes, anchors, line ends, mark and final line break stay; what is left has a reason."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "compose.yaml").write_bytes(data)
        before = load(select(folder, {}), how=How(lenient=True)).document
        mended, found = fixed(folder)
        assert bool(found) == bool(mended.fixed or mended.refused)
        mended.draft.write()
        after = (folder / "compose.yaml").read_bytes()
        assert plain(load(select(folder, {}), how=How(lenient=True)).document) == plain(before)
        kept(data.decode(), after.decode())
        again, left = fixed(folder)
        assert again.draft.diff() == ""
        assert {each.code for each in left} <= {each.code for each, _ in mended.refused}


def plain(document: object) -> object:
    """A model without what is Seaway's own."""
    if isinstance(document, dict):
        return {key: plain(value) for key, value in document.items() if not str(key).startswith("x-seaway")}
    return [plain(each) for each in document] if isinstance(document, list) else document


def kept(before: str, after: str) -> None:
    """Every line stays in its order, but `version` and those that grew or were respelled."""
    lines = iter(after.splitlines())
    for line in before.removeprefix("\ufeff").splitlines():
        if line.startswith("version:") or "resurces" in line:
            continue
        stem = line.partition("}")[0].rstrip()
        assert any(each.lstrip("\ufeff").startswith(stem) for each in lines), line
    assert after.startswith("\ufeff") == before.startswith("\ufeff")
    assert after.endswith("\n") == before.endswith("\n")
    assert ("\r\n" in before) == ("\r\n" in after)
    assert ("\n" in after.replace("\r\n", "")) == ("\n" in before.replace("\r\n", ""))
