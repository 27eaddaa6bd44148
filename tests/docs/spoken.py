"""Every `seaway …` command that the product or its pages tell a user to type, and whether the command line has it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from seaway.cli import cli

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "src" / "seaway", ROOT / "sdk" / "src" / "seaway_sdk")
GENERATED = {"commands.md"}
_COMMAND = re.compile(r"(?<![\w/.-])seaway((?: +[^\s`]+)*)")
_FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
_ENDS = re.compile(r"[;>&#]| \| |\s{2,}|\band\b|, ")


@dataclass(frozen=True)
class Spoken:
    """A command line as it is written somewhere."""

    where: str
    line: str


def of_pages() -> Iterator[Spoken]:
    """Yields commands of fenced blocks and of inline code in README, CONTRIBUTING, docs and the examples."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    for page in sorted(page for page in pages if page.name not in GENERATED):
        text = page.read_text()
        where = page.relative_to(ROOT).as_posix()
        for fence in _FENCE.finditer(text):
            if fence["kind"] not in ("yaml", "json", "python"):
                for line in fence["body"].splitlines():
                    if line.removeprefix("$ ").startswith("seaway "):
                        yield Spoken(where, line.removeprefix("$ "))
        for span in re.findall(r"`(seaway [^`\n]+)`", _FENCE.sub("", text)):
            yield Spoken(where, span)


def of_hints() -> Iterator[Spoken]:
    """Yields commands in the hints of errors and findings: what `hint=` is given, and the fixes of findings."""
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.keyword) and node.arg in ("hint", "help"):
                    yield from _within(_text(node.value), path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "src" / "seaway" / "targets" / "check").glob("*.toml")):
        yield from _within(path.read_text(), path.relative_to(ROOT).as_posix())


def _text(node: ast.expr) -> str:
    parts = [each for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "VALUE" for each in node.values)
    return "\n".join(str(each.value) for each in parts)


def _within(text: str, where: str) -> Iterator[Spoken]:
    for found in _COMMAND.finditer(text):
        if found[1]:
            yield Spoken(where, f"seaway{found[1]}")


def fault(spoken: Spoken) -> str:
    """Returns what the command line lacks of a command that is written somewhere, or nothing."""
    words = _ENDS.split(spoken.line, maxsplit=1)[0].split()[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="seaway")
    while words:
        word = words.pop(0).strip(".,:)('\"[]")
        if word.startswith("-"):
            name = word.partition("=")[0]
            if name not in ("-", "--", "-h", "--help", "--version") and name not in _options(command):
                return f"{command.name} has no option {name}"
        elif isinstance(command, click.Group):
            names = [each for each in word.split("|") if each]
            if missing := [each for each in names if command.get_command(context, each) is None]:
                return "" if _is_placeholder(word) else f"there is no command {missing[0]}"
            found = command.get_command(context, names[0]) if names else None
            if found is None:
                return ""
            command = found
    return ""


def _is_placeholder(word: str) -> bool:
    return word.isupper() or "…" in word or word.startswith("<")


def _options(command: click.Command) -> set[str]:
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
