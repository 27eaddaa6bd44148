"""The engine's times, RFC 3339 with nanoseconds."""

from __future__ import annotations

import calendar
import re
import time

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z")
_NEVER = "0001-01-01T00:00:00Z"


def moment(text: str) -> float:
    """Reads a time as seconds since the epoch; 0 for never."""
    match = _MOMENT.fullmatch(text)
    if match is None or text == _NEVER:
        return 0.0
    whole = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    return whole + float(f"0{match[2] or '.0'}")
