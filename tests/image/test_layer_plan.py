"""Which layers an image has: the order, the budget, and what a bump changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.app.service_keys import LayerKeys
from seaway.digest import Digest
from seaway.errors import FindingsError
from seaway.image.layer_plan import BUCKETS, CAP, OWN_FROM, Group, PlannedLayer, bucket, plan
from seaway.image.model import LockedWheel

pytestmark = pytest.mark.rootless

_NAMES = st.from_regex(r"[a-z]{1,6}(-[a-z]{1,4})?", fullmatch=True)
_SIZES = st.integers(1, 1 << 30)


def _wheel(name: str, size: int = 1000, version: str = "1.0", *, built: bool = False) -> LockedWheel:
    return LockedWheel(
        name, version, f"{name}-{version}-py3-none-any.whl", Digest.of(f"{name} {version}".encode()), size, "", built
    )


def _plan(*wheels: LockedWheel, below: int = 1, **keys: object) -> tuple[PlannedLayer, ...]:
    return plan(wheels, LayerKeys(**keys), below=below)  # type: ignore[arg-type]


def _names(layers: tuple[PlannedLayer, ...]) -> list[str]:
    return [layer.name for layer in layers]


@given(st.dictionaries(_NAMES, _SIZES, max_size=80), st.integers(1, 20), st.integers(30, 200))
@settings(max_examples=80, deadline=None)
def test_budget_and_cap_hold(sizes: dict[str, int], below: int, budget: int) -> None:
    """Whatever is locked, the image has no more layers than the budget, nor than a hundred, and each wheel once."""
    layers = _plan(*(_wheel(name, size) for name, size in sizes.items()), below=below, budget=budget)
    assert below + 1 + len(layers) + 1 <= min(budget, CAP)
    assert sorted(wheel.name for layer in layers for wheel in layer.wheels) == sorted(sizes)


@given(st.dictionaries(_NAMES, _SIZES, min_size=1, max_size=40), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_lock_does_not_matter(sizes: dict[str, int], random: object) -> None:
    """A plan is a function of a set of wheels."""
    wheels = [_wheel(name, size) for name, size in sizes.items()]
    before = _plan(*wheels)
    random.shuffle(wheels)  # type: ignore[attr-defined]
    assert _plan(*wheels) == before


@given(st.dictionaries(_NAMES, st.integers(1, OWN_FROM - 1), min_size=2, max_size=60), st.data())
@settings(max_examples=50, deadline=None)
def test_a_bump_of_a_small_wheel_touches_one_layer(sizes: dict[str, int], data: st.DataObject) -> None:
    """The bucket follows from the name, so a new version stays where the old one was."""
    bumped = data.draw(st.sampled_from(sorted(sizes)))
    before = _plan(*(_wheel(name, size) for name, size in sizes.items()))
    after = _plan(*(_wheel(name, size, "2.0" if name == bumped else "1.0") for name, size in sizes.items()))
    assert _names(before) == _names(after)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_order_is_stable_to_volatile() -> None:
    """CUDA lies below frameworks, these below other large wheels, then buckets, then what was built here."""
    big = OWN_FROM
    layers = _plan(
        _wheel("app-kit", big),
        _wheel("torch", big),
        _wheel("nvidia-cublas-cu12", big),
        _wheel("triton", big * 4),
        _wheel("tiny"),
        _wheel("mine", big, built=True),
        _wheel("onnxruntime-gpu", big * 9),
    )
    assert [(layer.group, layer.wheels[0].name) for layer in layers] == [
        (Group.CUDA, "triton"),
        (Group.CUDA, "nvidia-cublas-cu12"),
        (Group.FRAMEWORK, "onnxruntime-gpu"),
        (Group.FRAMEWORK, "torch"),
        (Group.OWN, "app-kit"),
        (Group.BUCKET, "tiny"),
        (Group.BUILT, "mine"),
    ]


def test_a_small_change_of_size_never_reorders() -> None:
    """Inside a group only the bit length of the size counts, then the name."""
    first = _plan(_wheel("bb", 200_000), _wheel("aa", 210_000))
    second = _plan(_wheel("bb", 220_000), _wheel("aa", 140_000))
    assert _names(first) == _names(second) == ["wheel aa 1.0", "wheel bb 1.0"]
    assert _names(_plan(_wheel("bb", 300_000), _wheel("aa", 140_000))) == ["wheel bb 1.0", "wheel aa 1.0"]


def test_a_wheel_has_its_own_layer_from_128_kib() -> None:
    """At 131,072 bytes a wheel leaves its bucket."""
    assert [layer.group for layer in _plan(_wheel("x", OWN_FROM))] == [Group.OWN]
    assert [layer.group for layer in _plan(_wheel("x", OWN_FROM - 1))] == [Group.BUCKET]


def test_the_largest_take_the_slots() -> None:
    """With one slot left the largest wheel has it; with none all share buckets."""
    wheels = [_wheel("aa", OWN_FROM), _wheel("bb", OWN_FROM * 2)]
    fixed = 1 + 1 + BUCKETS + 1
    assert _names(_plan(*wheels, budget=fixed + 1))[0] == "wheel bb 1.0"
    assert {layer.group for layer in _plan(*wheels, budget=fixed)} == {Group.BUCKET}


def test_names_asked_for_come_first() -> None:
    """`own` and `together` take slots before size does, and spelling is normalised."""
    layers = _plan(
        _wheel("small-one"),
        _wheel("torch", 1 << 28),
        _wheel("triton", 1 << 27),
        _wheel("huge", 1 << 29),
        own=("Small_One",),
        together=(("torch", "triton"),),
        budget=13,
    )
    assert _names(layers)[:2] == ["wheels torch 1.0, triton 1.0", "wheel small-one 1.0"]
    assert all("huge" not in name for name in _names(layers)[:2])


@pytest.mark.parametrize("keys", [{"budget": 10}, {"budget": 12, "own": ("aa", "bb")}])
def test_a_budget_that_is_too_small_is_refused(keys: dict[str, Any]) -> None:
    """Too many layers below, or asked for, is SW-1009 and not a silent merge."""
    with pytest.raises(FindingsError, match="SW-1009"):
        _plan(_wheel("aa"), _wheel("bb"), **keys)


def test_a_name_the_lock_lacks_takes_no_slot() -> None:
    """`own: [click]` without click in the lock asks for nothing."""
    assert _names(_plan(_wheel("aa"), own=("click",))) == [f"bucket {bucket('aa')}"]


def test_the_key_is_what_goes_in() -> None:
    """Wheels, Python, gzip and dropped paths change the key; names and sizes in the lock do not."""
    layer = _plan(_wheel("aa"))[0]
    key = layer.key("3.11", "members", {})
    assert key.hex == "4e52bb478799cd5fafaa1d68137f72cad63a15fff7d185777b9c6c243d26f54c"
    assert PlannedLayer(Group.OWN, "other name", layer.wheels).key("3.11", "members", {}) == key
    others = {
        layer.key("3.12", "members", {}),
        layer.key("3.11", "single", {}),
        layer.key("3.11", "members", {layer.wheels[0].sha256: ["a"]}),
        _plan(_wheel("aa", version="2.0"))[0].key("3.11", "members", {}),
    }
    assert len(others | {key}) == 5


def test_buckets_are_those_of_the_published_formula() -> None:
    """The first eight bytes of the name's SHA-256, big-endian, modulo eight."""
    assert [bucket(name) for name in ("click", "anyio", "h11", "idna")] == [
        int(Digest.of(name.encode()).hex[:16], 16) % 8 for name in ("click", "anyio", "h11", "idna")
    ]


def test_the_cap_holds_whatever_the_budget() -> None:
    """A hundred layers is the most, for overlay mounts break above; wheels built here take one of them."""
    wheels = [_wheel(f"w{number}", OWN_FROM) for number in range(200)]
    assert 1 + 1 + len(_plan(*wheels, budget=200)) + 1 <= CAP
    own = [layer for layer in _plan(*wheels, _wheel("mine", built=True), budget=30) if layer.group is Group.OWN]
    assert len(own) == 30 - 1 - 1 - BUCKETS - 1 - 1
