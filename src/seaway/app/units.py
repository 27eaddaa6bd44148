"""The units of `x-seaway`: durations, shares, sizes and processors as people write them.

Each function takes what YAML gives, a number or a string, and raises ValueError with the form it wanted.
"""

from __future__ import annotations

import math
import re

_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|s|m|h|d|w)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def seconds(value: object) -> float:
    """Reads `90`, `60s`, `1h30m`, `30d` as seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    text = str(value)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("a duration like 60s, 15m or 30d")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def percent(value: object) -> float:
    """Reads `10%` or `10` as 10.0."""
    number = _number(value.removesuffix("%") if isinstance(value, str) else value, "a percentage like 10%")
    if number > 100:
        raise ValueError("a percentage from 0% to 100%")
    return number


def share(value: object) -> float:
    """Reads `1%` as 0.01; a bare number is a fraction already."""
    if isinstance(value, str) and value.endswith("%"):
        return percent(value) / 100
    number = _number(value, "a share like 1% or 0.01")
    if number > 1:
        raise ValueError("a share from 0% to 100%")
    return number


def factor(value: object) -> float:
    """Reads `2x` or `2` as 2.0."""
    return _number(str(value).removesuffix("x") if isinstance(value, str) else value, "a factor like 2x")


def size(value: object) -> int:
    """Reads `256Mi`, `8MiB`, `512m` as bytes; a suffix without i counts in 1000 only when it is upper case `K`…`P`."""
    match = _SIZE.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise ValueError("a size like 256Mi")
    number, unit, binary = match.groups()
    base = 1000 if unit.isupper() and not binary else 1024
    return int(float(number) * base ** _POWERS[unit.lower()])


def cores(value: object) -> float:
    """Reads `100m` as 0.1 and `2` as 2.0 processors."""
    if isinstance(value, str) and value.endswith("m"):
        return _number(value[:-1], "processors like 500m or 2") / 1000
    return _number(value, "processors like 500m or 2")


def _number(value: object, form: str) -> float:
    """Reads a number that is not negative; raises ValueError with the form that is wanted."""
    number = math.nan
    if isinstance(value, str):
        number = float(value) if _PLAIN.fullmatch(value) else number
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(form)
    return number
