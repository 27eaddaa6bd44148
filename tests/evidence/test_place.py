"""Where evidence lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.evidence.place import Place

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize(
    ("environment", "data", "state"),
    [
        ({"HOME": "/home/a"}, "/home/a/.local/share/seaway", "/home/a/.local/state/seaway"),
        ({"HOME": "/h", "XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s"}, "/d/seaway", "/s/seaway"),
        ({"HOME": "/h", "XDG_DATA_HOME": "relative"}, "/h/.local/share/seaway", "/h/.local/state/seaway"),
        ({"HOME": "/h", "XDG_DATA_HOME": "/d", "SEAWAY_DATA_DIR": "/x", "SEAWAY_STATE_DIR": "/y"}, "/x", "/y"),
    ],
)
def test_a_users_place(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], data: str, state: str) -> None:
    """Ours before the XDG directories, those before the defaults; a relative XDG path is ignored."""
    monkeypatch.setattr("sys.platform", "linux")
    place = Place.of_user("shop.local", environment)
    assert (place.data, place.state) == (Path(data), Path(state))
    assert place.ledger == Path(data) / "ledger" / "shop.local"
    assert place.memory == Path(state) / "checkpoint" / "shop.local"
