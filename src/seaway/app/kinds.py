"""What a value of the model is bound to: one function a kind of attribute, as Compose's own types read and print.

Each takes a canonical value and returns what `docker compose config --format json` prints, before `$` is doubled;
None is what an absent attribute prints. Each raises ValueError. Not here: which attribute is of which kind.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any

from seaway.app.interpolate import boolean
from seaway.app.numerals import decimal, integer, memory, wrapped
from seaway.app.scalars import Timestamp, printed
from seaway.app.shellwords import split
from seaway.app.tree import Map, Mark, Seq

DIGITS = 200
LONGEST = (1 << 63) - 1
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_UNITS |= {"d": 24 * _UNITS["h"], "w": 7 * 24 * _UNITS["h"]}
_DURATION = re.compile(r"([0-9]*\.?[0-9]+|[0-9]+\.)(ns|us|µs|μs|ms|s|m|h|d|w)")


def text(value: Any) -> str:
    """A string; a whole number is written out."""
    if isinstance(value, str) and not isinstance(value, Timestamp):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{printed(value)} is not a string")


def flag(value: Any) -> bool:
    """A boolean, or the spelling of one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return boolean(value)
    raise ValueError(f"{printed(value)} is not true or false")


def whole(value: Any) -> int:
    """A whole number, or the spelling of one; a fraction is cut off."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return wrapped(value)
    if isinstance(value, str):
        return integer(value)
    raise ValueError(f"{printed(value)} is not a whole number")


def count(value: Any) -> int:
    """A whole number from 0."""
    number = whole(value)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number


def unsigned(bits: int) -> Callable[[Any], int]:
    """Makes the kind of a whole number of so many bits, which wraps around."""

    def kind(value: Any) -> int:
        if isinstance(value, str) and bits == 16:
            raise ValueError(f"{value!r} is not a whole number")
        return count(value) % (1 << bits)

    return kind


def number(value: Any) -> float:
    """A 32-bit float, as the shortest decimal that reads back the same."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{printed(value)} is not a number")
    try:
        exact = struct.pack("f", decimal(value) if isinstance(value, str) else float(value))
    except OverflowError as problem:
        raise ValueError(f"{value!r} is out of range") from problem
    single: float = struct.unpack("f", exact)[0]
    if not math.isfinite(single):
        raise ValueError(f"{value!r} is out of range")
    return next(found for digits in range(1, 18) if struct.pack("f", found := float(f"{single:.{digits}g}")) == exact)


def size(value: Any) -> str | None:
    """A size in bytes, as a decimal string."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    exact = value if isinstance(value, int) else _bytes(value)
    return str(exact) if exact else None


def _bytes(text: str) -> int:
    """Reads a size in quotes: a number of bytes of 64 bits, else one that may have a unit."""
    try:
        return integer(text)
    except ValueError:
        return memory(text)


def nanoseconds(value: Any) -> int:
    """Reads `1h30m`, `1.5s`, `2d` as nanoseconds."""
    written = printed(value)
    unsigned = written[1:] if written[:1] in ("-", "+") else written
    if unsigned == "0":
        return 0
    if len(unsigned) > DIGITS:
        raise ValueError(f"invalid duration: more than {DIGITS} characters")
    parts = _DURATION.findall(unsigned)
    if not parts or "".join(amount + unit for amount, unit in parts) != unsigned:
        raise ValueError(f'invalid duration "{written}"')
    total = sum(
        int(float(amount) * _UNITS[unit]) if "." in amount else int(amount) * _UNITS[unit] for amount, unit in parts
    )
    if total > LONGEST:
        raise ValueError(f'invalid duration "{written}"')
    return -total if written.startswith("-") else total


def duration(value: Any) -> str:
    """A duration as Go prints it: `1m30s`, `500ms`, `0s`."""
    nanos = nanoseconds(value)
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    if nanos == 0:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        if nanos < 1000 * _UNITS[unit]:
            return f"{sign}{_fraction(nanos, _UNITS[unit])}{unit}"
    hours, rest = divmod(nanos, _UNITS["h"])
    minutes, rest = divmod(rest, _UNITS["m"])
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{_fraction(rest, _UNITS['s'])}s"


def _fraction(amount: int, unit: int) -> str:
    whole_part, rest = divmod(amount, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole_part}.{digits}" if digits else str(whole_part)


def delay(value: Any) -> str | None:
    """A duration that is left out when it is zero."""
    written = duration(value)
    return None if written == "0s" else written


def command(value: Any) -> Seq:
    """A command: words, or a line that is split into words."""
    if isinstance(value, str):
        return Seq(split(value))
    return strings(value)


def health_test(value: Any) -> Seq:
    """A health check's command; a string runs in the shell."""
    return Seq(["CMD-SHELL", value]) if isinstance(value, str) else strings(value)


def strings(value: Any) -> Seq:
    """A list of strings; one string is a list of itself."""
    if isinstance(value, str):
        return Seq([value])
    if not isinstance(value, Seq):
        raise ValueError(f"{printed(value)} is not a list")
    return Seq([text(item) for item in value], list(value.at))


def printed_strings(value: Any) -> Seq:
    """A list of strings or numbers, as strings."""
    if isinstance(value, str):
        return Seq([value])
    if not isinstance(value, Seq):
        raise ValueError(f"{printed(value)} is not a list")
    return Seq([printed(item) for item in value], list(value.at))


def _pairs(value: Any) -> Iterable[tuple[str, Any, Mark | None]]:
    if isinstance(value, Map):
        return [(key, item, value.at.get(key)) for key, item in value.items()]
    if not isinstance(value, Seq):
        raise ValueError(f"{printed(value)} is neither a mapping nor a list")
    pairs = []
    for index, entry in enumerate(value):
        key, equals, item = printed(entry).partition("=")
        pairs.append((key, item if equals else None, value.mark(index)))
    return pairs


def environment(value: Any) -> Map:
    """Variables: values are strings, None is passed through from outside."""
    found = Map()
    for key, item, mark in _pairs(value):
        if isinstance(value, Seq) and key[-1:].isspace():
            raise ValueError(f"environment variable {key} is declared with a trailing space")
        found.put(key, None if item is None else printed(item), mark)
    return found


def mapping(value: Any) -> Map:
    """A mapping from string to string; what has no value is empty."""
    found = Map()
    for key, item, mark in _pairs(value):
        found.put(key, "" if item is None else printed(item), mark)
    return found


def texts(value: Any) -> Map:
    """A mapping whose values are strings already."""
    if not isinstance(value, Map):
        raise ValueError(f"{printed(value)} is not a mapping")
    found = Map()
    for key, item in value.items():
        found.put(key, "" if item is None else text(item), value.at.get(key))
    return found


def repeated(value: Any) -> Map:
    """A mapping from string to a list of strings."""
    if not isinstance(value, Map):
        raise ValueError(f"{printed(value)} is not a mapping")
    found = Map()
    for key, item in value.items():
        if item or not isinstance(item, Seq):
            found.put(key, Seq(map(printed, item if isinstance(item, Seq) else [item])), value.at.get(key))
    return found


def hosts(value: Any) -> Seq:
    """Extra hosts as `host=address`, sorted."""
    entries: list[tuple[str, str, Mark | None]] = []
    for host, address, mark in _host_pairs(value):
        if not host or ":" in host or "=" in host:
            raise ValueError(f"bad host name '{host}'")
        bare = address[1:-1] if len(address) > 2 and address[0] == "[" and address[-1] == "]" else address
        entries.append((f"{host}={bare}", host, mark))
    entries.sort(key=lambda entry: entry[0].encode())
    return Seq([entry for entry, _, _ in entries], [mark or 0 for _, _, mark in entries])


def _host_pairs(value: Any) -> Iterable[tuple[str, str, Mark | None]]:
    if isinstance(value, Map):
        for host, item in value.items():
            for address in item if isinstance(item, Seq) else [item]:
                yield host, "" if address is None else printed(address), value.at.get(host)
        return
    for index, entry in enumerate(value if isinstance(value, Seq) else []):
        written = printed(entry)
        separator = "=" if "=" in written else ":"
        host, found, addresses = written.partition(separator)
        if not found:
            raise ValueError(f"invalid additional host, missing IP: {written}")
        for address in addresses.split(","):
            yield host, address, value.mark(index)


def mode(value: Any) -> str:
    """A file mode, as an octal string with a leading zero."""
    if isinstance(value, str):
        return f"0{integer(value, 8):o}"
    if isinstance(value, float):
        raise ValueError(f"{printed(value)} is not a mode")
    return f"0{whole(value):o}"


def devices(value: Any) -> int:
    """A number of devices; `all` is -1."""
    return -1 if isinstance(value, str) and value.lower() == "all" else whole(value)


def ulimit(value: Any) -> Any:
    """A limit: one number, or soft and hard."""
    if not isinstance(value, Map):
        if isinstance(value, int) and value > LONGEST:
            raise ValueError("is out of range")
        # Compose prints the limit 0 as one without soft and hard.
        return whole(value) or Map()
    found = Map()
    for key in ("soft", "hard"):
        if value.get(key):
            found.put(key, whole(value[key]), value.at.get(key))
    return found


def ssh(value: Any) -> Seq:
    """SSH agents of a build."""
    if not isinstance(value, Map):
        raise ValueError(f"{printed(value)} is not a mapping")
    return Seq([key if path is None else f"{key}={printed(path)}" for key, path in value.items()])
