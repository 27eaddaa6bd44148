"""How layers stack: whiteouts, replacements, and symlinks among parents."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.image.archive import ArchiveRefused
from seaway.image.model import Kind
from seaway.image.stack import Node, Said, stack

pytestmark = pytest.mark.rootless


def file(path: str) -> Said:
    """Returns a file's statement."""
    return Said(path, Kind.FILE, 0o644)


def folder(path: str, mode: int = 0o755) -> Said:
    """Returns a directory's statement."""
    return Said(path, Kind.DIRECTORY, mode)


def link(path: str, target: str) -> Said:
    """Returns a symlink's statement."""
    return Said(path, Kind.SYMLINK, 0o777, target)


def shown(node: Node, at: str = "") -> dict[str, str]:
    """Returns path → source of all that is no directory."""
    found: dict[str, str] = {}
    for name, child in node.children.items():
        path = f"{at}{name}"
        found |= shown(child, f"{path}/") if child.kind is Kind.DIRECTORY else {path: child.source}
    return found


def stacked(*layers: list[Said]) -> dict[str, str]:
    """Stacks layers that lie in directories named by number."""
    return shown(stack((str(number), said) for number, said in enumerate(layers)))


def test_the_upper_file_wins() -> None:
    """A path in two layers is that of the upper one."""
    assert stacked([file("a"), file("b")], [file("a")]) == {"a": "1/a", "b": "0/b"}


def test_a_whiteout_hides_a_file_or_all_of_a_directory() -> None:
    """What a whiteout names is gone with all below it."""
    below = [file("a"), file("d/x"), file("d/y/z"), file("e")]
    assert stacked(below, [Said("a", "whiteout"), Said("d", "whiteout")]) == {"e": "0/e"}


def test_a_whiteout_acts_below_its_own_layer_only() -> None:
    """Whatever their order, a layer's whiteouts never hide its own files."""
    assert stacked([file("a")], [file("a"), Said("a", "whiteout")]) == {"a": "1/a"}
    assert stacked([file("d/x")], [file("d/y"), Said("d", "opaque")]) == {"d/y": "1/d/y"}


def test_a_whiteout_of_nothing_is_nothing() -> None:
    """Hiding what is not there changes nothing."""
    assert stacked([file("a")], [Said("b/c", "whiteout"), Said("b", "opaque"), Said("a/x", "whiteout")]) == {"a": "0/a"}


def test_anything_replaces_anything() -> None:
    """A directory replaces a file, a file a directory with all below it."""
    assert stacked([file("a")], [folder("a"), file("a/b")]) == {"a/b": "1/a/b"}
    assert stacked([file("a/b")], [file("a")]) == {"a": "1/a"}


def test_a_directory_over_a_directory_changes_its_mode_alone() -> None:
    """What is in it stays."""
    tree = stack([("0", [folder("t", 0o755), file("t/a")]), ("1", [folder("t", 0o1777)])])
    assert tree.children["t"].mode == 0o1777
    assert shown(tree) == {"t/a": "0/t/a"}


def test_a_parent_that_is_a_symlink_is_followed() -> None:
    """A file below `lib` goes where `lib` leads, as in any container engine."""
    below = [folder("usr/lib"), link("lib", "usr/lib")]
    assert stacked(below, [file("lib/x")]) == {"lib": "usr/lib", "usr/lib/x": "1/lib/x"}


@pytest.mark.parametrize("target", ["/etc", "../../../../etc", "../etc", "etc", "./etc/../etc"])
def test_symlinks_never_lead_out(target: str) -> None:
    """Absolute and climbing links end inside the root."""
    found = stacked([folder("etc"), link("out", target)], [file("out/passwd")])
    assert found == {"out": target, "etc/passwd": "1/out/passwd"}


def test_symlinks_in_a_circle_are_refused() -> None:
    """A circle is an error, not a loop."""
    with pytest.raises(ArchiveRefused, match="circle"):
        stacked([link("a", "b"), link("b", "a")], [file("a/x")])


def test_a_file_below_a_file_is_refused() -> None:
    """An upper layer cannot put something below a file without replacing it."""
    with pytest.raises(ArchiveRefused, match="not a directory"):
        stacked([file("a")], [file("a/b")])


NAMES = st.sampled_from(["a", "b", "a/c", "a/d", "b/c", "a/c/e"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(NAMES, unique=True, max_size=4), max_size=4), st.lists(NAMES, max_size=2))
def test_stacking_is_like_a_dictionary(layers: list[list[str]], hidden: list[str]) -> None:
    """Without links, the tree is a dictionary to which layers are applied one after another."""
    layers = [[path for path in layer if not any(other.startswith(f"{path}/") for other in layer)] for layer in layers]
    expected: dict[str, str] = {}
    said = []
    for number, layer in enumerate(layers):
        gone = [*hidden, *layer] if number else layer
        expected = {p: s for p, s in expected.items() if not any(p == g or p.startswith(f"{g}/") for g in gone)}
        expected |= {path: f"{number}/{path}" for path in layer}
        parents = {path.rsplit("/", n)[0] for path in layer for n in range(1, path.count("/") + 1)}
        expected = {p: s for p, s in expected.items() if p not in parents or p in layer}
        said.append(
            [*(Said(p, "whiteout") for p in hidden if number), *(folder(p) for p in sorted(parents)), *map(file, layer)]
        )
    assert stacked(*said) == expected
