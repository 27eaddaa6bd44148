"""Whose key judges a token: the one that made it, or none where an environment's key is not here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from seaway.stages.asking import _key
from seaway.targets.process.paths import ProjectPaths
from seaway.targets.process.request_key import request_key
from seaway.workspace import Workspace
from seaway_sdk import token

pytestmark = pytest.mark.rootless


class Project:
    """Two environments, of which some have run here."""

    def __init__(self, folder: Path, *names: str) -> None:
        paths = ProjectPaths(folder, "shop")
        self.space = cast(Workspace, SimpleNamespace(paths=paths, environments=("staging", "production")))
        self.keys: dict[str, bytes] = {}
        for name in names:
            paths.environment(name).make()
            self.keys[name] = request_key(paths.environment(name))


def _token(key: bytes) -> str:
    return token.make(1, bytes(5), bytes(16), key=key)


def test_the_key_that_made_a_token_judges_it(tmp_path: Path) -> None:
    """Though the token does not say where it was made."""
    project = Project(tmp_path, "staging", "production")
    for key in project.keys.values():
        assert _key(project.space, _token(key), None) == key


def test_a_token_that_no_key_made_is_forged_where_all_keys_are_here(tmp_path: Path) -> None:
    """Whichever judges it says so."""
    project = Project(tmp_path, "staging", "production")
    made_up = _token(b"somebody else")
    judge = _key(project.space, made_up, None)
    assert token.parse(made_up).standing(judge) is token.Standing.FORGED


def test_a_token_that_may_be_of_an_environment_elsewhere_is_not_called_forged(tmp_path: Path) -> None:
    """Its key is on another machine; for the environment that is here, it is."""
    project = Project(tmp_path, "staging")
    made_up = _token(b"somebody else")
    assert _key(project.space, made_up, None) == b""
    assert _key(project.space, made_up, "staging") == project.keys["staging"]


def test_a_digest_needs_no_key(tmp_path: Path) -> None:
    """Only tokens are signed so."""
    assert _key(Project(tmp_path, "staging").space, "sha256:" + "0" * 64, "staging") == b""
