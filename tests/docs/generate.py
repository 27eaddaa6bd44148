"""Writes the generated pages of `docs/`; `test_generated.py` compares them with what is committed.

Run `python -m tests.docs.generate` after a change of a command, an error or a limit.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from seaway.app.extension_schema import extension_schema
from seaway.cli import COMMANDS, cli
from seaway.cli.help import exit_code_table
from seaway.errors import SeawayError, leaves
from seaway.targets.check.catalogue import Elsewhere, Entry, catalogue, elsewhere, explain
from seaway.targets.keys import Fate, key_table
from tests.docs.reference import x_seaway
from tests.init import lane
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


_SUBJECTS = (
    ("Loading", ""), ("x-seaway", "1"), ("Workloads and lifecycle", "2"), ("Configuration", "3"), ("Network", "4"),
    ("Storage", "5"), ("Resources", "6"), ("Security", "7"), ("AI and outside", "8"), ("Drift", "9"),
    ("Images", "10"), ("Signals", "11"), ("Graph and advice", "12"),
)  # fmt: skip


def findings() -> str:
    """Returns the index of findings, by what they are about."""
    parts = [
        "# Findings",
        "",
        "What `seaway check`, a build or a release may say of an app. `seaway check --explain CODE` prints a page. An",
        "**error** is refused, a **loss** is to be fixed or accepted, a **note** is worth knowing.",
    ]
    known: dict[str, Entry | Elsewhere] = {**elsewhere(), **catalogue()}
    for title, hundreds in _SUBJECTS:
        codes = sorted((code for code in known if _hundreds(code) == hundreds), key=lambda code: int(code[3:]))
        if codes:
            parts += ["", f"## {title}", "", "| code | what | kubernetes | docker | process |", "|---|---|---|---|---|"]
            parts += [f"| [{code}]({code}.md) | {known[code].title} | {_levels(known[code])} |" for code in codes]
    return "\n".join(parts) + "\n"


def _hundreds(code: str) -> str:
    return str(int(code[3:]) // 100 or "")


def _levels(entry: Entry | Elsewhere) -> str:
    if isinstance(entry, Elsewhere):
        return " | ".join([str(entry.level)] * 3)
    return " | ".join(str(level or "–") for level in entry.levels.values())


def errors() -> str:
    """Returns the page of errors: each with its exit code, by room."""
    parts = [
        "# Errors",
        "",
        "Every way a command can fail, generated from `errors.py`. A message says what is wrong and where, then a hint",
        "with what to do. The exit code tells scripts which error it was; [exit codes](exit-codes.md) lists them by",
        "number. With `--json` an error is `{error, says, where, hint}`: [schema](../schemas/error.json).",
    ]
    rooms = [each for each in SeawayError.__subclasses__() if each.__subclasses__()]
    alone = [each for each in SeawayError.__subclasses__() if not each.__subclasses__()]
    parts += ["", "## Any command", "", *_errors(alone)]
    for room in rooms:
        parts += ["", f"## {room.__name__}", "", (room.__doc__ or "").strip(), "", *_errors(list(leaves(room)))]
    return "\n".join(parts) + "\n"


def _errors(kinds: list[type[SeawayError]]) -> list[str]:
    told = [kind for kind in kinds if kind.__module__ == "seaway.errors"]
    rows = [f"| {kind.exit_code} | `{kind.__name__}` | {' '.join((kind.__doc__ or '').split())} |" for kind in told]
    return ["| code | error | meaning |", "|---|---|---|", *rows]


PAGES: dict[str, Callable[[], str]] = {
    **{f"docs/findings/{code}.md": partial(explain, code) for code in {**catalogue(), **elsewhere()}},
    "docs/findings/README.md": findings,
    "docs/reference/errors.md": errors,
    "docs/reference/commands.md": commands,
    "docs/reference/exit-codes.md": exit_codes,
    "docs/reference/kill-matrix.md": verbs.page,
    "docs/reference/init.md": lane.page,
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
