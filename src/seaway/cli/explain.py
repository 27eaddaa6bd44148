"""The page of a finding, from the package's own data: the same text as in the docs."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from seaway.errors import NameUnknown


def explain(code: str) -> str:
    """Returns the page of a finding's code; raises NameUnknown with how codes look."""
    name = f"{code.upper()}.md"
    for folder in (resources.files("seaway").joinpath("findings"), Path(__file__).parents[3] / "docs" / "findings"):
        page = folder.joinpath(name)
        if page.is_file():
            return page.read_text("utf-8").strip()
    raise NameUnknown(
        f"there is no finding {code}", hint="codes look like SW-302; seaway check lists those of your app"
    )
