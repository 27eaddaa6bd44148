"""Relative paths become absolute, each by what it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.app.mounts import clean
from seaway.app.paths import Folder, resolve_paths
from seaway.app.tree import Map, Seq

pytestmark = pytest.mark.rootless

HERE = Folder("/project", "/home/user")


def model(**service: object) -> Map:
    """A model of one service."""
    return Map(services=Map(a=Map(service)))


def test_an_agent_of_a_build_has_its_path_resolved() -> None:
    """`ssh: {key: ./id}` is a file of the project."""
    tree = model(build=Map(ssh=Map(key="./id", default=None)))
    resolve_paths(tree, HERE)
    assert tree["services"]["a"]["build"]["ssh"] == {"key": "/project/id", "default": None}


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("./a", "/project/a"),
        ("a/../b", "/project/b"),
        ("../a", "/a"),
        ("~/a", "/home/user/a"),
        ("/a", "/a"),
        ("", ""),
    ],
)
def test_a_file_is_resolved_from_its_folder(written: str, resolved: str) -> None:
    """`~` is the home directory, absolute paths stay, blank stays blank."""
    tree = model(env_file=Seq([Map(path=written)]))
    resolve_paths(tree, HERE)
    assert tree["services"]["a"]["env_file"][0]["path"] == resolved


@pytest.mark.parametrize("context", ["https://x.example/y.git", "git@x:y", "docker-image://x", "service:b", "ssh://x"])
def test_a_remote_context_stays(context: str) -> None:
    """What a builder fetches is no path."""
    tree = model(build=Map(context=context))
    resolve_paths(tree, HERE)
    assert tree["services"]["a"]["build"]["context"] == context


def test_a_watched_path_follows_links() -> None:
    """The folder answers where a link leads."""
    tree = model(develop=Map(watch=Seq([Map(path="./src")])))
    resolve_paths(tree, Folder("/project", real=lambda path: path.replace("src", "real")))
    assert tree["services"]["a"]["develop"]["watch"][0]["path"] == "/project/real"


@given(st.text(alphabet="ab./", max_size=12))
@settings(max_examples=100)
def test_cleaning_twice_is_cleaning_once(path: str) -> None:
    """`clean` is idempotent and leaves no empty, `.` or inner `..` part."""
    once = clean(path)
    assert clean(once) == once
    assert "//" not in once
