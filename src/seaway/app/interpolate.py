"""Interpolation: `$V`, `${V}` and their operators in every value, then casts at the typed paths.

Pure. The grammar is Compose's: `:-` `-` `:?` `?` `:+` `+`, nested; the leftmost operator in the text decides; `$$`
stands for a dollar. Keys are never touched. What was used is recorded, what was missing is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.app.containers import with_jobs
from seaway.app.faults import AtPath
from seaway.app.numerals import decimal, integer
from seaway.app.patterns import Node, table
from seaway.app.reading import shown
from seaway.app.tree import Map, Path, Seq
from seaway.errors import InterpolationError

Lookup = Callable[[str], str | None]


def _untold(_: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Variables:
    """Where values come from, and who is told of a plain name that has none."""

    get: Lookup
    unset: Callable[[str], None] = _untold

    def plain(self, name: str) -> str:
        """Returns a variable's value, blank where there is none."""
        value = self.get(name)
        if value is None:
            self.unset(name)
        return value or ""


_NAME = re.compile(r"[_a-z][_a-z0-9]*", re.IGNORECASE | re.ASCII)
_BRACE = re.compile(r"[{}]")
_OPERATOR = re.compile(r":?[-+?]")
DEPTH = 100
LONGEST = 4 << 20
FLOAT32 = 3.4028235677973366e38


class BadTemplate(ValueError):
    """The text is not a template."""


class Overgrown(ValueError):
    """A text is too long once its variables are filled in."""


class Required(ValueError):
    """A variable that must have a value has none."""


def _absent(variables: Variables, name: str, text: str, empty: bool) -> str:
    value = variables.get(name)
    if value is None or (empty and value == ""):
        return substitute(text, variables)
    return value


def _present(variables: Variables, name: str, text: str, empty: bool) -> str:
    value = variables.get(name)
    if value is not None and not (empty and value == ""):
        return substitute(text, variables)
    return value or ""


def _required(variables: Variables, name: str, text: str, empty: bool) -> str:
    value = variables.get(name)
    if value is None or (empty and value == ""):
        reason = substitute(text, variables)
        raise Required(f"required variable {name} is missing a value" + (f": {reason}" if reason else ""))
    return value


OPERATORS: dict[str, tuple[Callable[[Variables, str, str, bool], str], bool]] = {
    ":?": (_required, True),
    "?": (_required, False),
    ":-": (_absent, True),
    "-": (_absent, False),
    ":+": (_present, True),
    "+": (_present, False),
}


def substitute(text: str, variables: Variables) -> str:
    """Returns the text with its variables filled in; raises BadTemplate or Required."""
    if "$" not in text:
        return text
    _check_nesting(text)
    parts, size, at, line = [], 0, 0, -1
    while (dollar := text.find("$", at)) >= 0:
        if dollar > line:
            line = text.find("\n", dollar)
            line = len(text) if line < 0 else line
        value, end = _variable(text, (dollar, line), variables)
        parts += [text[at:dollar], value]
        size += dollar - at + len(value)
        if size > LONGEST:
            raise Overgrown(f"grows beyond {LONGEST >> 20} MiB when its variables are filled in")
        at = end
    return "".join([*parts, text[at:]])


def _check_nesting(text: str) -> None:
    """Raises Overgrown where variables are nested so deep, around so much text, that filling them takes long."""
    if text.count("${") > DEPTH or len(text) > 64 << 10:
        depth = _nesting(text)
        if depth > DEPTH or depth * len(text) > 8 * LONGEST:
            raise Overgrown(f"variables are nested deeper than {DEPTH} levels, or around too much text")


def _nesting(text: str) -> int:
    deepest = depth = 0
    for mark in re.findall(r"\$\{|\}", text):
        depth = max(0, depth + (1 if mark == "${" else -1))
        deepest = max(deepest, depth)
    return deepest


def _variable(text: str, place: tuple[int, int], variables: Variables) -> tuple[str, int]:
    """Returns what stands for the `$` at a place, and where the text goes on; the place ends with its line."""
    dollar, line = place
    following = text[dollar + 1 : dollar + 2]
    if following == "$":
        return "$", dollar + 2
    if following == "{":
        return _braced(text, (dollar, line), variables)
    name = _NAME.match(text, dollar + 1)
    if name is None:
        return "$", dollar + 1
    return variables.plain(name.group()), name.end()


def _braced(text: str, place: tuple[int, int], variables: Variables) -> tuple[str, int]:
    dollar, line = place
    name = _NAME.match(text, dollar + 2)
    if name is not None and text[name.end() : name.end() + 1] == "}":
        return variables.plain(name.group()), name.end() + 1
    if name is None or not _OPERATOR.match(text, name.end()):
        raise BadTemplate(text)
    last = text.rfind("}", name.end(), line)
    if last < 0:
        raise BadTemplate(text)
    end = _closing(text, dollar, last + 1)
    return _operated(text[dollar + 2 : end], variables), end + 1


def _operated(text: str, variables: Variables) -> str:
    """Returns what `NAME<operator>text` stands for; the leftmost operator decides, of two at one place the longer."""
    found = [(text.find(operator), operator) for operator in OPERATORS if operator in text]
    if not found:
        raise BadTemplate(text)
    operator = min(found, key=lambda each: each[0])[1]
    rule, empty = OPERATORS[operator]
    name, _, value = text.partition(operator)
    return rule(variables, name, value, empty)


def _closing(text: str, start: int, stop: int) -> int:
    """Returns where the first brace closes; the last one before `stop` where counting finds none, as Compose has it."""
    depth, at = 0, start
    while (brace := _BRACE.search(text, at, stop)) is not None:
        at = brace.end()
        if brace.group() == "{":
            depth += 1
            at += 1
        else:
            depth -= 1
            if depth == 0:
                return brace.start()
    return stop - 1


def _single(text: str) -> float:
    value = decimal(text)
    if abs(value) > FLOAT32:
        raise ValueError(f"{text!r} is out of range")
    return value


_BOOLEANS = {"true": True, "false": False} | dict.fromkeys(("y", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("n", "no", "off"), False)


def boolean(text: str) -> bool:
    """Reads a boolean as YAML 1.1 spelled it; raises ValueError."""
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"invalid boolean: {text}")
    return _BOOLEANS[text.lower()]


_SERVICE_CASTS: dict[Callable[[str], Any], str] = {
    integer: "cpu_count cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares deploy.replicas "
    "deploy.update_config.parallelism deploy.rollback_config.parallelism deploy.restart_policy.max_attempts "
    "deploy.placement.max_replicas_per_node healthcheck.retries oom_score_adj pids_limit ports.[].target scale "
    "ulimits.* ulimits.*.hard ulimits.*.soft",
    _single: "cpu_percent cpus deploy.update_config.max_failure_ratio deploy.rollback_config.max_failure_ratio",
    boolean: "init depends_on.*.required depends_on.*.restart healthcheck.disable oom_kill_disable privileged "
    "read_only stdin_open tty volumes.[].read_only volumes.[].volume.nocopy",
}
CASTS: dict[str, Callable[[str], Any]] = {
    f"services.*.{path}": cast for cast, paths in _SERVICE_CASTS.items() for path in paths.split()
} | dict.fromkeys(
    (
        *(f"networks.*.{key}" for key in ("external", "internal", "attachable", "enable_ipv4", "enable_ipv6")),
        "volumes.*.external",
        "secrets.*.external",
        "configs.*.external",
    ),
    boolean,
)


TABLE = table(with_jobs(CASTS))


@dataclass(slots=True)
class Interpolation:
    """Fills variables into a tree; `used` records values by name, `missing` the first path that lacked a name."""

    environment: Mapping[str, str]
    used: dict[str, str] = field(default_factory=dict)
    missing: dict[str, Path] = field(default_factory=dict)
    path: Path = ()
    size: int = 0

    def get(self, name: str) -> str | None:
        """Returns a variable's value and notes that it was used."""
        value = self.environment.get(name)
        if value is not None:
            self.used[name] = value
        return value

    def unset(self, name: str) -> None:
        """Notes the first value that lacks a variable."""
        self.missing.setdefault(name, self.path)

    def fill(self, root: Any) -> None:
        """Fills a whole tree in place; raises InterpolationError whose `where` is the path of the value."""
        work: list[tuple[Any, Path, Node[Callable[[str], Any]] | None]] = [(root, (), TABLE)]
        while work:
            node, path, rules = work.pop()
            for key, value in node.items() if isinstance(node, Map) else enumerate(node):
                step = rules.step(key if isinstance(node, Map) else "[]") if rules else None
                if isinstance(value, str):
                    node[key] = self._value(value, (*path, key), step)
                elif isinstance(value, (Map, Seq)):
                    work.append((value, (*path, key), step))

    def _value(self, text: str, path: Path, rules: Node[Callable[[str], Any]] | None) -> Any:
        cast = rules.rule if rules else None
        if cast is None and "$" not in text:
            return text
        self.path = path
        try:
            filled = substitute(text, Variables(self.get, self.unset))
            self.size += len(filled)
            if self.size > 4 * LONGEST:
                raise Overgrown("all values together grow too long when variables are filled in")
            return cast(filled) if cast else filled
        except BadTemplate as problem:
            says = f"invalid interpolation format in {shown(text)}"
            raise Unfilled(says, path, hint="write $$ for a dollar sign") from problem
        except ValueError as problem:
            raise Unfilled(str(problem), path) from problem


class Unfilled(AtPath, InterpolationError):
    """A value that cannot be filled."""
