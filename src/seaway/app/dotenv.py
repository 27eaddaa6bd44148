"""The grammar of env files as Compose reads them: `export`, quotes, comments, several lines, substitution.

Pure. `format: raw` reads lines verbatim. Problems are ValueErrors that begin with `line N:`.
Source: compose-go `dotenv`, whose behaviour this follows, oddities included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from seaway.app.interpolate import LONGEST, Lookup, Overgrown, Variables, substitute

_BLANK = " \t\v\f\r\x85\xa0"
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0\d{0,3})')
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}


def parse(text: str, lookup: Lookup, into: dict[str, str] | None = None) -> dict[str, str]:
    """Reads an env file into `into`; `lookup` answers before what the file itself set; raises ValueError."""
    found = {} if into is None else into
    _Reader(text.removeprefix("\ufeff"), lookup, found).read()
    return found


def parse_raw(text: str, lookup: Lookup) -> dict[str, str]:
    """Reads `format: raw`: a line is name=value, verbatim; a name alone is looked up; `#` begins a comment line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, given = line.partition("=")
        if not name or " " in name or "\t" in name:
            raise ValueError(f"line {number}: a name without blanks must stand before =")
        value = given if equals else lookup(name)
        if value is not None:
            found[name] = value
    return found


@dataclass(slots=True)
class _Reader:
    text: str
    lookup: Lookup
    found: dict[str, str]
    at: int = 0
    size: int = 0
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def read(self) -> None:
        while self._next_statement():
            name, inherited = self._name()
            if " " in name:
                raise ValueError(f"line {self.line}: key cannot contain a space")
            if inherited:
                value = self.lookup(name)
                if value is not None:
                    self.found[name] = value
                continue
            self.found[name] = self._value()

    def _next_statement(self) -> bool:
        while self.at < len(self.text):
            if self.text[self.at].isspace():
                self.at += 1
            elif self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return True
        return False

    def _name(self) -> tuple[str, bool]:
        match = re.compile(r"export\s+").match(self.text, self.at)
        if match:
            self.at += len("export")
            self._skip_blanks()
        start = self.at
        for index in range(start, len(self.text)):
            char = self.text[index]
            if char in "=:\n":
                self.at = index + 1
                name = self.text[start:index].rstrip()
                self._skip_blanks()
                return name, char == "\n"
            if char not in _BLANK and char not in "_.-[]" and not char.isalpha() and not char.isnumeric():
                line = self.text[start:].split("\n")[0]
                raise ValueError(f'line {self.line}: unexpected character "{char}" in variable name "{line}"')
        # A name that the file ends in: Compose keeps no name and tries the rest as a value.
        return "", False

    def _skip_blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _BLANK:
            self.at += 1

    def _value(self) -> str:
        if self.text[self.at : self.at + 1] in ("'", '"'):
            return self._quoted(self.text[self.at])
        end = self.text.find("\n", self.at)
        raw = self.text[self.at : end if end >= 0 else len(self.text)]
        self.at = len(self.text) if end < 0 else end + 1
        return self._substituted(raw.partition(" #")[0].rstrip())

    def _quoted(self, quote: str) -> str:
        chars: list[str] = []
        escaped = False
        for index in range(self.at + 1, len(self.text)):
            char = self.text[index]
            if char == quote and not escaped:
                self.at = index + 1
                value = "".join(chars)
                return self._substituted(_ESCAPE.sub(_unescaped, value)) if quote == '"' else value
            if char == "\\" and not escaped:
                escaped = True
                continue
            if escaped and char != quote:
                chars.append("\\")
            escaped = False
            chars.append(char)
        first = self.text[self.at :].split("\n")[0]
        raise ValueError(f"line {self.line}: unterminated quoted value {first}")

    def _substituted(self, text: str) -> str:
        filled = substitute(text, Variables(self._look)) if "$" in text else text
        self.size += len(filled)
        if self.size > 4 * LONGEST:
            raise Overgrown(f"line {self.line}: all values together grow too long when variables are filled in")
        return filled

    def _look(self, name: str) -> str | None:
        value = self.lookup(name)
        return self.found.get(name) if value is None else value


def _unescaped(match: re.Match[str]) -> str:
    text = match.group()
    if text == r"\$":
        return "$$"
    if text[1] == "0":
        # Go reads exactly three octal digits; anything else stays as it is.
        digits = text[2:]
        return (
            chr(int(digits, 8))
            if len(digits) == 3 and int(digits, 8) < 256 and set(digits) <= set("01234567")
            else text
        )
    return _ESCAPES.get(text[1], text)
