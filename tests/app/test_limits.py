"""Hostile projects in a process with limits: an answer within two seconds and 300 MB, no crash, nothing written."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.rootless

SECONDS, MEMORY = 2, 300 << 20
SERVICE = "services: {a: {image: x}}\n"
RUN = """
import json, resource, sys, time
from pathlib import Path
from seaway.app.load import How, load, select
from seaway.errors import SeawayError
# What the interpreter and its libraries take is not the input's.
begun = time.process_time()
try:
    load(select(Path.cwd(), {}), how=How(lenient=True))
    says = "accepted"
except SeawayError as error:
    says = f"{type(error).__name__}: {error}"
print(json.dumps([time.process_time() - begun, says]))
"""


def listed(items: object) -> str:
    """Writes items as a YAML list."""
    return "[" + ",".join(map(str, items)) + "]"  # type: ignore[call-overload]


def chained(count: int, form: str) -> str:
    """Anchors that each hold the one before."""
    lines = [f"x-{index}: &a{index} {form.format(f'*a{index - 1}')}" for index in range(1, count)]
    return "\n".join(["x-0: &a0 {l: l}", *lines, SERVICE])


PROJECTS: dict[str, tuple[dict[str, str], str]] = {
    "aliases in lists": ({"compose.yaml": chained(1200, "[{}]")}, "nested deeper than 256 levels by aliases"),
    "aliases in merge keys": (
        {"compose.yaml": chained(1200, "{{<<: {}}}")},
        "nested deeper than 256 levels by aliases",
    ),
    "two long lists": (
        {
            "compose.yaml": f"services: {{a: {{image: x, x-l: {listed(range(90_000))}}}}}",
            "compose.override.yaml": f"services: {{a: {{x-l: {listed(range(90_000, 180_000))}}}}}",
        },
        "accepted",
    ),
    "two lists of pools": (
        {
            name: f"networks: {{n: {{ipam: {{config: {listed(f'{{subnet: {each}}}' for each in range(9000))}}}}}}}\n"
            + SERVICE
            for name in ("compose.yaml", "compose.override.yaml")
        },
        "must be a string",
    ),
    "port ranges": (
        {"compose.yaml": 'services: {a: {image: x, ports: ["1-60000:1-60000", "9.9.9.9:1-60000:1-60000"]}}'},
        "100000 ports",
    ),
    "long variables": (
        {"compose.yaml": f"services: {{a: {{image: '{'$A' * 9000}'}}}}", ".env": f"A={'x' * 900_000}"},
        "grows beyond",
    ),
    "doubling variables": (
        {
            "compose.yaml": SERVICE,
            ".env": "A0=xxxxxxxx\n" + "".join(f"A{index}=$A{index - 1}$A{index - 1}\n" for index in range(1, 40)),
        },
        "grows beyond",
    ),
    "braces around much": (
        {"compose.yaml": "x-a: '" + "${A:-" * 99 + "x" * (3 << 20) + "}" * 99 + "'"},
        "around too much text",
    ),
    "a large env file": (
        {"compose.yaml": "services: {a: {image: x, env_file: e}}", "e": "A=1\n" * 500_000},
        "larger than 1 MiB",
    ),
    "an endless env file": ({"compose.yaml": "services: {a: {image: x, env_file: /dev/zero}}"}, "larger than 1 MiB"),
    "an env file for everybody": (
        {
            "compose.yaml": f"services: {{{','.join(f'a{index}: {{image: x, env_file: e}}' for index in range(900))}}}",
            "e": "A=$B\n" + "#" * 900_000,
        },
        "more than 8 MiB",
    ),
    "a long chain of bases": (
        {"compose.yaml": f"services: {{{','.join(f'a{index}: {{extends: a{index + 1}}}' for index in range(5000))}}}"},
        "more than 100 services",
    ),
    "a large base for everybody": (
        {
            "compose.yaml": f"services: {{b: {{image: x, x-l: {listed([1] * 60_000)}}},"
            + ",".join(f"a{index}: {{extends: b}}" for index in range(900))
            + "}"
        },
        "extends copies more than",
    ),
    "includes of includes": (
        {
            "compose.yaml": "include: [f0.yaml, ./f0.yaml]",
            **{f"f{index}.yaml": f"include: [f{index + 1}.yaml, ./f{index + 1}.yaml]" for index in range(20)},
            "f20.yaml": SERVICE,
        },
        "are included",
    ),
    "a file that includes itself": (
        {"compose.yaml": "include: [{path: [b.yaml, compose.yaml]}]", "b.yaml": SERVICE},
        "include cycle",
    ),
    "documents": ({"compose.yaml": "---\n" * 1_000_000}, "more than 1000 documents"),
    "tag directives": (
        {"compose.yaml": "".join(f"%TAG !a{n}! tag:x\n" for n in range(60_000)) + "---\n" + SERVICE},
        "%TAG",
    ),
    "a long command": (
        {"compose.yaml": f"services: {{a: {{image: x, command: '{'a' * (3 << 20)}'}}}}"},
        "longer than any kernel takes",
    ),
    "a null byte in a path": ({"compose.yaml": 'include: ["a\\0b"]'}, "cannot be read"),
    "a long path": ({"compose.yaml": f"include: [{'a' * 5000}]"}, "cannot be read"),
    "a long number": (
        {"compose.yaml": f"services: {{a: {{image: x, mem_limit: {'1' * 1_000_000}}}}}"},
        "cannot be written as JSON",
    ),
    "a long duration": (
        {"compose.yaml": f"services: {{a: {{image: x, stop_grace_period: {'9' * 400}.5h}}}}"},
        "invalid duration",
    ),
    "a long size": ({"compose.yaml": f"services: {{a: {{image: x, mem_limit: {'9' * 400}.5g}}}}"}, "out of range"),
}


def answer(folder: Path) -> tuple[float, str]:
    """Returns the seconds a load takes in a process with limits, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 0, done.stderr[-500:]
    seconds, says = json.loads(done.stdout)
    return seconds, says


def limit() -> None:
    """Limits the memory of this process; address space, which the kernel can refuse, so more than what is used."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY + (200 << 20), MEMORY + (200 << 20)))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


@pytest.mark.parametrize("name", list(PROJECTS))
def test_a_hostile_project_gets_an_answer_within_limits(name: str, tmp_path: Path) -> None:
    """It says what is too much, in time, and leaves the folder as it was."""
    files, expected = PROJECTS[name]
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    seconds, says = answer(tmp_path)
    assert expected in says
    assert seconds < SECONDS
    assert {path.name for path in tmp_path.iterdir()} == set(files)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Nothing waits for somebody to write."""
    (tmp_path / "compose.yaml").write_text("include: [pipe]")
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe" in answer(tmp_path)[1]


def test_a_symlink_that_leads_in_a_circle_is_no_file(tmp_path: Path) -> None:
    """Neither as an env file nor as a watched path."""
    watch = "develop: {watch: [{action: rebuild, path: loop}]}"
    (tmp_path / "compose.yaml").write_text(f"services: {{a: {{build: ., {watch}, env_file: loop}}}}")
    (tmp_path / "loop").symlink_to("loop")
    assert "env file loop not found" in answer(tmp_path)[1]
