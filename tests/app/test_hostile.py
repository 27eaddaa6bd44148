"""Hostile input: a clear error with its place, within two seconds, and nothing written."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seaway.app.load import How, load, select
from seaway.errors import AppError, ConsistencyError, LimitExceeded, ParseError

pytestmark = pytest.mark.rootless


def bomb(levels: int) -> bytes:
    """Nine aliases of nine aliases of …, under an x- key that means nothing."""
    lines = ["x-0: &a0 [l, l, l, l, l, l, l, l, l]"]
    for level in range(1, levels):
        lines.append(f"x-{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join([*lines, "services: {a: {image: x}}"]).encode()


INPUTS: dict[str, tuple[Callable[[], bytes], type[AppError], str]] = {
    "alias bomb": (lambda: bomb(9), LimitExceeded, "expand to more than 500000 values"),
    "nested flow lists": (lambda: b"x: " + b"[" * 9000, LimitExceeded, "compose.yaml:1:"),
    "nested block lists": (
        lambda: b"x-a:\n" + b"".join(b" " * n + b"-\n" for n in range(1, 400)),
        LimitExceeded,
        "compose.yaml:",
    ),
    "nested maps": (lambda: b"".join(b" " * n + b"a:\n" for n in range(2500)), LimitExceeded, "compose.yaml:257:257"),
    "twenty megabytes": (lambda: b"# " + b"x" * (20 << 20), LimitExceeded, "4 MiB"),
    "many values": (lambda: b"x-a: [" + b"a," * 120_000 + b"]", LimitExceeded, "more than 100000 values"),
    "invalid utf-8": (lambda: b"services:\n  a: {image: \xff}\n", ParseError, "compose.yaml:2:14"),
    "control character": (lambda: b"services:\n  a: {image: \x01}\n", ParseError, "compose.yaml:2:14"),
    "escaped surrogate": (lambda: b'services: {a: {image: "\\ud800"}}', ParseError, "compose.yaml:1:"),
    "tab": (lambda: b"services:\n\ta: {}\n", ParseError, "compose.yaml:2:1"),
    "duplicate key": (lambda: b"services: {}\nservices: {}\n", ParseError, "compose.yaml:2:1"),
    "null byte": (lambda: b"services: {a: {image: x\0y}}", ParseError, "compose.yaml:1:"),
    "binary": (lambda: bytes(range(256)) * 100, ParseError, "compose.yaml:1:"),
    "utf-16 without sense": (lambda: b"\xff\xfe\x00\xd8", ParseError, "compose.yaml"),
    "python tag": (lambda: b"services: !!python/object/apply:os.system [echo]", AppError, "compose.yaml"),
    "endless self-reference": (lambda: b"x: &a [*a]", ParseError, "compose.yaml:1:8"),
    "many variables in a line": (
        lambda: b"services: {a: {image: '" + b"${A:-x}" * 50_000 + b"${'}}",
        AppError,
        "compose.yaml:1:",
    ),
    "nested defaults": (
        lambda: b"services: {a: {image: '" + b"${A:-" * 3000 + b"}" * 3000 + b"'}}",
        AppError,
        "compose.yaml:1:",
    ),
}


@pytest.mark.parametrize("name", list(INPUTS))
def test_hostile_input_gets_a_clear_error_soon(name: str, tmp_path: Path) -> None:
    """The error is of its kind, names its place, comes within two seconds, and no file appears."""
    make, kind, says = INPUTS[name]
    (tmp_path / "compose.yaml").write_bytes(make())
    begun = time.process_time()
    with pytest.raises(kind) as caught:
        load(select(tmp_path, {}), how=How(lenient=True))
    assert time.process_time() - begun < 2
    assert says in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["compose.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "services: {a: {extends: {file: ../other.yaml, service: b}}}",
        "services: {a: {image: x, env_file: ../other.env}}",
        "services: {a: {image: x, label_file: ../other.env}}",
    ],
)
def test_a_governed_load_reads_nothing_outside_the_project(text: str, tmp_path: Path) -> None:
    """A file outside is refused with the way to allow it, and read once it is allowed."""
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "other.yaml").write_text("services: {b: {image: x}}")
    (tmp_path / "other.env").write_text("A=1")
    (project / "compose.yaml").write_text(text)
    assert load(select(project, {})).name == "project"
    with pytest.raises(ConsistencyError, match="SW-018") as caught:
        load(select(project, {}), governed=True)
    assert "x-seaway.roots" in str(caught.value.hint)
    (project / "compose.yaml").write_text(f"x-seaway: {{version: 1, roots: ['..']}}\n{text}")
    assert load(select(project, {}), governed=True).name == "project"


def test_a_symlink_does_not_lead_a_governed_load_outside(tmp_path: Path) -> None:
    """What a link points to counts, not where the link lies."""
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "secret.env").write_text("A=1")
    (project / "e.env").symlink_to(tmp_path / "secret.env")
    (project / "compose.yaml").write_text("services: {a: {image: x, env_file: e.env}}")
    with pytest.raises(ConsistencyError, match="SW-018"):
        load(select(project, {}), governed=True)


def test_a_higher_limit_admits_a_large_file(tmp_path: Path) -> None:
    """`visited` raises the cap on values."""
    (tmp_path / "compose.yaml").write_text("services: {a: {image: x}}\nx-a: [" + "a," * 120_000 + "]")
    assert load(select(tmp_path, {}), how=How(visited=200_000)).services["a"].compose["image"] == "x"
