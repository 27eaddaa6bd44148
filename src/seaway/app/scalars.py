"""What a YAML scalar means: the rules of go-yaml v4, which Compose reads with, and how Go prints a value.

Only `true` and `false` are booleans; integers are decimal, `0x`, `0b`, `0o` or with a leading zero octal; dates are
timestamps; unknown tags are ignored. Source: YAML 1.2 core schema and the observed behaviour of Compose 5.6.1.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, datetime, timedelta, timezone

_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z|[-+]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?))?"
)
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_PLAIN_TAGS = {"!!bool", "!!int", "!!float", "!!null", "!!timestamp"}
_INT_MIN, _UINT_MAX = -(1 << 63), (1 << 64) - 1


class Timestamp(str):
    """A date, printed as Go prints it; `json` is its RFC 3339 form."""

    __slots__ = ("json",)
    json: str


def resolve(text: str, tag: str | None) -> object:
    """Returns the value of a plain scalar under a short tag, or None for no tag; raises ValueError."""
    if tag == "!!binary":
        return _binary(text)
    if tag is not None and tag not in _PLAIN_TAGS:
        return text
    value = _plain(text)
    if tag == "!!float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if tag is not None and tag != _tag(value):
        raise ValueError(f"cannot read {text!r} as {tag}")
    return value


def _binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as problem:
        raise ValueError("!!binary value contains invalid base64 data") from problem


def _plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    stamp = _timestamp(text)
    if stamp is not None:
        return stamp
    plain = text.replace("_", "")
    whole = _integer(plain)
    if whole is not None:
        return whole
    return float(plain) if _FLOAT.fullmatch(plain) else text


def _tag(value: object) -> str:
    names = {bool: "!!bool", int: "!!int", float: "!!float", type(None): "!!null", Timestamp: "!!timestamp"}
    return names.get(type(value), "!!str")


def _integer(text: str) -> int | None:
    sign, digits = (text[0], text[1:]) if text[:1] in "+-" else ("", text)
    try:
        if digits[:2].lower() in ("0x", "0b", "0o"):
            value = int(digits, 0)
        elif digits.isascii() and digits.isdigit():
            value = int(digits, 8 if len(digits) > 1 and digits[0] == "0" else 10)
        else:
            return None
    except ValueError:
        return None
    value = -value if sign == "-" else value
    return value if _INT_MIN <= value <= _UINT_MAX else None


def _timestamp(text: str) -> Timestamp | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, *rest = match.groups()
    hour, minute, second, fraction = rest[0:4] if rest[0] else rest[5:9]
    try:
        clock = (int(hour or 0), int(minute or 0), int(second or 0))
        moment = datetime(int(year), int(month), int(day), *clock, tzinfo=_zone(rest[4]))
    except ValueError:
        return None
    digits = (fraction or "").rstrip("0").rstrip(".")
    offset = moment.strftime("%z")
    stamp = Timestamp(f"{moment:%Y-%m-%d %H:%M:%S}{digits} {offset} {'UTC' if offset == '+0000' else offset}")
    stamp.json = f"{moment:%Y-%m-%dT%H:%M:%S}{digits}{'Z' if offset == '+0000' else offset[:3] + ':' + offset[3:]}"
    return stamp


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def printed(value: object) -> str:
    """Returns a value as Go's `%v` prints it."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _printed_float(value)
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{printed(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(printed, value))}]"
    return str(value)


def _printed_float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    mantissa, exponent = f"{value!r}e0".split("e")[:2] if "e" not in repr(value) else repr(value).split("e")
    size = math.floor(math.log10(abs(value))) if value else 0
    if -4 <= size < 21:
        text = f"{value:.{max(0, 17 - size)}f}" if "e" in repr(value) else repr(value)
        return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
    if "e" not in repr(value):
        mantissa, exponent = f"{value:e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa.removesuffix('.0')}e{'-' if int(exponent) < 0 else '+'}{abs(int(exponent)):02d}"
