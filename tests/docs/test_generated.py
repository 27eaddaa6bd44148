"""The generated pages, the links between pages, and the tables they come from."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from seaway.errors import SeawayError, leaves
from tests.docs.generate import PAGES, ROOT

pytestmark = pytest.mark.rootless
MARKDOWN = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_page_is_what_the_code_says_now(name: str) -> None:
    """A committed page equals a fresh one; `make docs` writes it."""
    assert (ROOT / name).read_text() == PAGES[name](), f"{name} is stale: run `make docs`"


def test_each_error_has_an_exit_code_of_its_own() -> None:
    """No two leaves share a code, none collides with done or interrupted, and every class is documented."""
    codes = Counter(leaf.exit_code for leaf in leaves())
    assert [code for code, count in codes.items() if count > 1] == []
    assert not {0, 130, 141} & set(codes)
    assert all(leaf.__doc__ for leaf in leaves())


def test_only_leaves_have_exit_codes() -> None:
    """No class of the tree below one with a code has another code, so a code means one thing."""
    assert all("exit_code" not in child.__dict__ for leaf in leaves(SeawayError) for child in leaf.__subclasses__())


def test_the_drawn_tree_names_every_error() -> None:
    """The docstring of `errors.py` shows each leaf with its code."""
    import seaway.errors

    drawn = dict(re.findall(r"(\w+) (\d+)", seaway.errors.__doc__ or ""))
    assert {leaf.__name__: str(leaf.exit_code) for leaf in leaves()}.items() <= drawn.items()


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path) -> None:  # type: ignore[no-untyped-def]
    """Every link to a file in the repository exists."""
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        if "://" not in link:
            assert (path.parent / link).exists(), f"{path.name} links to {link}"
