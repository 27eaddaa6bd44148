"""The only file that prints.

Data goes to stdout, all else to stderr; colour and movement only on a terminal; with `--json` stdout carries one
document, or one JSON line an item for streams. Times shown to people are local with offset, in JSON UTC.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Literal, TextIO

from seaway.errors import FindingsError, SeawayError
from seaway.findings import Finding, Fix, Level

_STYLES = {"error": "31", "loss": "33", "note": "36", "good": "32", "dim": "2", "bold": "1"}
_SHOWN = 5


@dataclass(slots=True)
class Output:
    """Where a command's words and data go, and in which form."""

    json: bool = False
    quiet: bool = False
    verbose: int = 0
    color: bool = True
    spoken: ClassVar[Literal["", "document", "lines"]] = ""  # what stdout of this process carries with `--json`

    def data(self, value: object, text: str | None = None) -> None:
        """Writes the answer: as a JSON document with `--json`, else `text`."""
        if self.json:
            Output.spoken = "document"
            print(json.dumps(value, indent=2, sort_keys=True, default=str, ensure_ascii=False))
        elif text:
            print(text)

    def item(self, value: object, text: str) -> None:
        """Writes one item of a stream at once."""
        Output.spoken = Output.spoken or "lines"
        print(json.dumps(value, sort_keys=True, default=str, ensure_ascii=False) if self.json else text, flush=True)

    def document(self, value: object) -> None:
        """Writes a JSON document whatever the options say."""
        Output.spoken = "document"
        print(json.dumps(value, indent=2, ensure_ascii=False))

    def raw(self, data: bytes) -> None:
        """Writes bytes to stdout as they are."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def say(self, text: str) -> None:
        """Writes a line for people to stderr, unless quiet."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        """Writes a line only with `-v`."""
        if self.verbose:
            self.say(text)

    def style(self, text: str, name: str, stream: TextIO | None = None) -> str:
        """Colours text where the stream is a terminal that wants it."""
        if not (self.color and "NO_COLOR" not in os.environ and (stream or sys.stdout).isatty()):
            return text
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m"

    def error(self, error: SeawayError) -> None:
        """Writes an error with its place and hint; with `--json` on stdout, unless that has a document already."""
        on_stdout = self.json and Output.spoken != "document"
        if isinstance(error, FindingsError) and (on_stdout or not self.json):
            self.findings(error.findings, every=True)
        elif on_stdout:
            said = {"error": type(error).__name__, "says": error.says, "where": error.where, "hint": error.hint}
            self.item(said, "") if Output.spoken == "lines" else self.data(said)
        else:
            print(f"{self.style('error', 'error', sys.stderr)}: {error}", file=sys.stderr)
        if error.hint and not on_stdout:
            print(f"\nhint: {error.hint}", file=sys.stderr)

    def findings(
        self, findings: Sequence[Finding], *, every: bool = False, titles: Mapping[str, str] | None = None
    ) -> None:
        """Writes findings, one a code and at most five unless `every`; the rest is counted by code."""
        if self.json:
            self.data([finding_json(finding) for finding in findings])
            return
        shown = list(findings) if every else _first_of_each_code(findings)[:_SHOWN]
        width = max((len(str(finding.where or "")) for finding in shown), default=0)
        for finding in shown:
            level = self.style(f"{finding.level:<5}", finding.level)
            print(f"{finding.where or ''!s:<{width}}  {level}  {finding.code}  {finding.says}")
            if finding.hint:
                print(f"{'':<{width}}  hint: {finding.hint}")
            for label, places in (("over", finding.overrode), ("with", finding.filled)):
                if places:
                    print(f"{'':<{width}}  {label}: {', '.join(map(str, places))}")
        self._count(findings)
        self._rest(findings, shown, titles or {})

    def _count(self, findings: Sequence[Finding]) -> None:
        levels = Counter(finding.level for finding in findings)
        names = {Level.ERROR: "errors", Level.LOSS: "losses", Level.NOTE: "notes"}
        parts = [f"{levels[level]} {names[level] if levels[level] > 1 else level}" for level in Level if levels[level]]
        total = f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"
        print(f"{total}{': ' + ', '.join(parts) if parts else ''}")

    def _rest(self, findings: Sequence[Finding], shown: Sequence[Finding], titles: Mapping[str, str]) -> None:
        hidden = Counter(finding.code for finding in findings)
        hidden -= Counter(finding.code for finding in shown)
        if hidden:
            print("not shown (--all):")
        for code, count in hidden.items():
            print(f"  {count:>3} × {code}  {titles.get(code, '')}".rstrip())

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Progress]:
        """Shows work by its real unit while it lasts; a line at the end where there is no terminal."""
        bar = Progress(self, title, total)
        yield bar
        bar.close()

    def table(self, rows: Iterable[Sequence[object]], header: Sequence[str]) -> str:
        """Lays rows out in columns, two spaces between."""
        cells = [[str(cell) for cell in row] for row in [header, *rows]]
        widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join(line.rstrip() for line in lines)


class Progress:
    """One line about one piece of long work."""

    def __init__(self, output: Output, title: str, total: int | None) -> None:
        self._output, self._title, self._total = output, title, total
        self._done = 0
        self._show: Callable[[int], str] = str
        self._live = sys.stderr.isatty() and not output.quiet and not output.json

    def expect(self, amount: int) -> None:
        """Is told of more work in bytes; from then on what is shown is bytes."""
        self._total = (self._total or 0) + amount
        self._show = size_text

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Counts work done, in the unit the title names."""
        self._done += amount
        if self._live:
            share = f"{self._show(self._done)}/{self._show(self._total)}" if self._total else self._show(self._done)
            print(f"\r\x1b[K{self._title}  {share}  {note}"[:200], end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Removes the live line."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def finding_json(finding: Finding) -> Mapping[str, object]:
    """Returns a finding as in `docs/schemas/findings.json`."""
    return {
        "code": finding.code,
        "level": str(finding.level),
        "says": finding.says,
        "where": None if finding.where is None else str(finding.where),
        "hint": finding.hint,
        "overrode": [str(place) for place in finding.overrode],
        "filled": list(finding.filled),
        "fix": None if finding.fix is None else _fix_json(finding.fix),
    }


def _fix_json(fix: Fix) -> Mapping[str, object]:
    edits = [{"do": edit.do, "path": list(edit.path), "value": edit.value} for edit in fix.edits]
    return {"safe": fix.safe, "decide": fix.decide or None, "edits": edits}


def size_text(size: float) -> str:
    """Shows a number of bytes to people: binary units, a digit after the point."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable: the last unit takes any size")


def clock(seconds: float) -> str:
    """Shows a time to people: local, with offset."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def _first_of_each_code(findings: Iterable[Finding]) -> list[Finding]:
    seen: dict[str, Finding] = {}
    for finding in findings:
        seen.setdefault(finding.code, finding)
    return list(seen.values())
