"""Writes the generated pages of `docs/`; `test_generated.py` compares them with what is committed.

Run `python -m tests.docs.generate` after a change of a command, an error or a limit.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import click

from seaway.app.extension_schema import extension_schema
from seaway.cli import COMMANDS, cli
from seaway.cli.help import exit_code_table
from seaway.targets.keys import Fate, key_table
from tests.docs.reference import x_seaway
from tests.road import verbs

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "src" / "seaway", ROOT / "sdk" / "src" / "seaway_sdk")


def commands() -> str:
    """Returns the page of every command with its help text."""
    parts = ["# Commands", "", "Generated from the command line itself.", "", "```", _help(cli, "seaway"), "```"]
    context = click.Context(cli, info_name="seaway")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        parts += ["", f"## seaway {name}", "", "```", _help(command, f"seaway {name}"), "```"]
        for child in sorted(getattr(command, "commands", {})):
            below = f"seaway {name} {child}"
            parts += ["", f"### {below}", "", "```", _help(command.commands[child], below), "```"]  # type: ignore[attr-defined]
    return "\n".join(parts) + "\n"


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
    return command.get_help(context)


def exit_codes() -> str:
    """Returns the page of exit codes."""
    rows = [f"| {code} | `{name}` | {means} |" for code, name, means in exit_code_table()]
    head = ["# Exit codes", "", "Generated from `errors.py`; `seaway help exit-codes` prints the same.", ""]
    return "\n".join([*head, "| code | name | meaning |", "|---|---|---|", *rows]) + "\n"


def limits() -> str:
    """Returns the page of what Seaway says it does not do yet, from each `NotYet` in the code."""
    rows = sorted({row for folder in SOURCES for path in folder.rglob("*.py") for row in _not_yet(path)})
    head = ["# Limits", "", "What Seaway does not do yet, generated from the places that say so (exit code 5).", ""]
    lines = [f"| `{place}` | {says} | {hint} |" for place, says, hint in rows]
    return "\n".join([*head, "| where | what | instead |", "|---|---|---|", *lines]) + "\n"


def _not_yet(path: Path) -> list[tuple[str, str, str]]:
    rows = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotYet" and node.args:
            hint = next((_text(word.value) for word in node.keywords if word.arg == "hint"), "")
            place = path.relative_to(next(folder.parent for folder in SOURCES if path.is_relative_to(folder)))
            rows.append((place.as_posix(), _text(node.args[0]), hint))
    return rows


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value).replace("|", "\\|")
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        return "".join(map(str, parts)).replace("|", "\\|")
    return "…"


def schema() -> str:
    """Returns the JSON Schema of x-seaway."""
    return json.dumps(extension_schema(), indent=1, ensure_ascii=False) + "\n"


def keys() -> str:
    """Returns the page of what becomes of each key of Compose on each target."""
    head = [
        "# Keys of Compose",
        "",
        "What becomes of every key of the Compose schema on each target, generated from the table that `seaway check`",
        "and the lowering use. **mapped**: means there what it means to Compose; **noted**: is not carried, or not in",
        "full, and the app may run without; **needs**: needs the named key of [x-seaway](x-seaway.yaml); **refused**:",
        "nothing is started. *Today* says that Seaway will do more. A row covers its sub-keys that have none.",
    ]
    for section, title in (("service", "Services"), ("job", "Jobs"), ("top", "The top level")):
        head += ["", f"## {title}", "", "| key | process | docker | kubernetes |", "|---|---|---|---|"]
        rows = [row for row in key_table().values() if row.section == section]
        head += [f"| `{'.'.join(row.path)}` | {' | '.join(map(_fate, row.fates.values()))} |" for row in rows]
    return "\n".join(head) + "\n"


def _fate(fate: Fate) -> str:
    codes = [f"[{code}](../findings/{code}.md)" for code in fate.codes]
    parts = [fate.word, *([f"`{fate.needs}`"] if fate.needs else []), *codes, *(["*today*"] if fate.today else [])]
    return " ".join(parts)


PAGES = {
    "docs/reference/commands.md": commands,
    "docs/reference/exit-codes.md": exit_codes,
    "docs/reference/kill-matrix.md": verbs.page,
    "docs/limits.md": limits,
    "docs/reference/keys.md": keys,
    "docs/reference/x-seaway.yaml": x_seaway,
    "docs/reference/x-seaway.schema.json": schema,
}


def main() -> None:
    """Writes every generated page."""
    for name, page in PAGES.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page())


if __name__ == "__main__":
    main()
