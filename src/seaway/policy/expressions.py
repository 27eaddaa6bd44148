"""CEL, as far as every engine agrees on it: compiled by Google's cel-cpp, checked against the subset, evaluated.

A rule that loads here also loads in the API server and means the same there. Out are, even where cel-cpp takes them:
functions the API server lacks, messages, literals of mixed type, constants that fail, more than 4 KiB of text or three
nested macros. An evaluation that ends in anything but a truth value is *undecided*, with the reason; the gate denies
it. There is no I/O, no clock and no randomness in an expression: ages are facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from seaway.errors import ExtraMissing, RuleRefused
from seaway.lazy import LateModule
from seaway.policy.subset import SUBSET

if TYPE_CHECKING:
    from seaway.policy import checked, engine
else:
    engine = LateModule("seaway.policy.engine")

VARIABLES = ("evidence", "image", "params", "variables")
LONGEST = 4096
DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Unknown:
    """An expression gave no answer; never equal to a truth value."""

    why: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression of the subset."""

    text: str
    _program: Any

    def value(self, bindings: Mapping[str, object]) -> object:
        """Evaluates to plain Python values, or to `Unknown` with the engine's reason."""
        try:
            found = self._program.eval(data=dict(bindings))
        except (RuntimeError, TypeError, ValueError) as error:  # a value the engine cannot take in
            return Unknown(_first_line(error))
        if found.type() in (engine.cel.Type.ERROR, engine.cel.Type.UNKNOWN):
            return Unknown(_first_line(found.plain_value()))
        return found.plain_value()

    def truth(self, bindings: Mapping[str, object]) -> bool | Unknown:
        """Evaluates to a truth value; anything else is `Unknown`."""
        found = self.value(bindings)
        if isinstance(found, bool | Unknown):
            return found
        return Unknown(f"it gives {type(found).__name__}, not a truth value")


def compile_expression(text: str, where: str) -> Expression:
    """Compiles and checks one expression; raises RuleRefused with the place, or ExtraMissing."""
    if len(text.encode()) > LONGEST:
        raise RuleRefused(f"the expression is longer than {LONGEST} bytes", where=where)
    try:
        program = _environment().compile(text)
    except RuntimeError as error:
        raise RuleRefused(f"the expression does not compile: {_first_line(error)}", where=where) from error
    fault = _fault(engine.checked.read(program.serialize()))
    if fault:
        raise RuleRefused(fault, where=where, hint="rewrite it with the CEL that Kubernetes admission policies offer")
    return Expression(text, program)


def _fault(found: checked.Checked) -> str | None:
    """Returns why an expression is outside the subset, or None."""
    if foreign := sorted(found.overloads - SUBSET.keys()):
        return f"outside the subset: {', '.join(foreign)}"
    if found.messages:
        return f"messages are outside the subset: {', '.join(sorted(found.messages))}"
    if found.mixed:
        return f"a list or map of mixed type is outside the subset: {found.mixed[0]}"
    if found.depth > DEEPEST:
        return f"macros are nested {found.depth} deep, {DEEPEST} are allowed"
    failing = [f"{function}('{text}')" for function, text in found.literal_calls if _fails(function, text)]
    return f"a constant that always fails: {failing[0]}" if failing else None


def _fails(function: str, text: str) -> bool:
    """Tells whether a function fails on a literal: the API server refuses it when it loads, cel-cpp when it runs."""
    if function == "matches":
        options = engine.re2.Options()
        options.log_errors = False
        try:
            engine.re2.compile(text, options)
        except engine.re2.error:
            return True
    if function in ("int", "uint", "double", "bool", "timestamp", "duration"):
        program = _environment().compile(f"{function}(params)")
        return bool(program.eval(data={"params": text}).type() == engine.cel.Type.ERROR)
    return False


@cache
def _environment() -> Any:
    if find_spec("cel_expr_python") is None:
        raise ExtraMissing("rules need CEL, which is not installed", hint="pip install 'seaway[policy]'")
    return engine.cel.NewEnv(
        variables=dict.fromkeys(VARIABLES, engine.cel.Type.DYN),
        extensions=[engine.ext_strings.ExtStrings(), engine.ext_optional.ExtOptional()],
    )


def _first_line(error: object) -> str:
    return str(error).split("\n", 1)[0]
