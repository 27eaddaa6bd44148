"""Splits a command line as Compose does: quotes and backslashes, no expansion.

Pure. The line ends at the first `;`, `&`, `|`, `<` or `>` outside quotes. Source: the behaviour of go-shellwords
with its defaults, which Compose uses for `command` and `entrypoint`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


def split(line: str) -> list[str]:
    """Returns the words of a command line; raises ValueError for an open quote or a lone parenthesis."""
    splitter = _Splitter()
    if len(line) > LONGEST:
        raise ValueError("command line is longer than any kernel takes")
    for part in _PARTS.findall(line):
        if not splitter.take(part):
            break
    return splitter.finish()


LONGEST = 2 << 20
# Runs of characters that mean nothing by themselves, all others one by one.
_PARTS = re.compile(r"""[^\\ \t\r\n"'`();&|<>]+|[\s\S]""")


@dataclass(slots=True)
class _Splitter:
    words: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    started: bool = False
    escaped: bool = False
    quote: str = ""

    @property
    def word(self) -> str:
        """The word so far."""
        self.parts = ["".join(self.parts)]
        return self.parts[0]

    def take(self, char: str) -> bool:
        """Reads one character, or several without a meaning; False ends the line."""
        if len(char) > 1:
            self._add(char)
            self.escaped = False
            return True
        if self.escaped:
            self._add(char)
            self.escaped = False
        elif char == "\\" and self.quote != "'":
            self.escaped = True
        elif char in " \t\r\n":
            self._space(char)
        elif char in "\"'" and self.quote in ("", char):
            self.started = self.started or self.quote == char
            self.quote = "" if self.quote else char
        elif char in "`()":
            self._group(char)
        elif char in ";&|<>" and not self.quote:
            if char == ">" and self.word[:1].isdigit():
                self.started = False
            return False
        else:
            self._add(char)
        return True

    def _add(self, char: str) -> None:
        self.parts.append(char)
        self.started = True

    def _space(self, char: str) -> None:
        if self.quote:
            self.parts.append(char)
        elif self.started:
            self.words.append(self.word)
            self.parts, self.started = [], False

    def _group(self, char: str) -> None:
        if self.quote in ("'", '"'):
            self._add(char)
            return
        if char == "`" and self.quote != "$":
            self.quote = "" if self.quote == "`" else "`"
        elif char == "(" and self.quote != "`":
            if self.quote == "$" or not self.word.endswith("$"):
                raise ValueError("invalid command line string")
            self.quote = "$"
        elif char == ")" and self.quote != "`":
            self.quote = "" if self.quote == "$" else "$"
        self._add(char)

    def finish(self) -> list[str]:
        """Returns the words; raises ValueError where something is left open."""
        if self.escaped or self.quote:
            raise ValueError("invalid command line string")
        return [*self.words, self.word] if self.started else self.words
