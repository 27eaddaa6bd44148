"""Log records as JSON lines: one object a line, cut at 64 KiB, tied to the request by its token."""

from __future__ import annotations

import json
import logging
import re
import time
import traceback

from seaway_sdk.recorder import CURRENT, of_process

LIMIT = 65_536
_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
_SECRET = re.compile(r"(?i)pass|secret|token$|authoriz|cookie|api.?key|session")
_NUMBERS = {logging.DEBUG: 5, logging.INFO: 9, logging.WARNING: 13, logging.ERROR: 17, logging.CRITICAL: 21}


class JsonFormatter(logging.Formatter):
    """Formats a record with the names of OpenTelemetry's log data model; never raises."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line; values that JSON cannot carry become their text, secret-looking keys `[redacted]`."""
        said = self._fields(record)
        line = json.dumps(said, default=str, ensure_ascii=True)
        if len(line) <= LIMIT:
            return line
        return json.dumps(
            {**said, "body": str(said["body"])[: LIMIT // 8], "attributes": {}, "truncated": True}, default=str
        )[:LIMIT]

    @staticmethod
    def _fields(record: logging.LogRecord) -> dict[str, object]:
        who, current = of_process().identity, CURRENT.get()
        said: dict[str, object] = {
            "timestamp": _timestamp(record.created),
            "severity_text": record.levelname,
            "severity_number": _NUMBERS.get(record.levelno, 9),
            "body": _body(record),
            "service.name": who.service,
            "service.version": who.version,
            "logger": record.name,
            "attributes": {key: _shown(key, value) for key, value in vars(record).items() if key not in _OWN},
        }
        if current:
            said["request"] = current[0]
            said["trace_id"] = current[0][20:52]
        if record.exc_info and record.exc_info[0]:
            said |= _exception(record)
        return said


def _timestamp(seconds: float) -> str:
    whole, milli = divmod(round(seconds * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{milli:03d}Z"


def _body(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)  # the arguments do not fit the message: a fault of the caller's, not worth a crash


def _shown(key: str, value: object) -> object:
    return "[redacted]" if _SECRET.search(key) else value


def _exception(record: logging.LogRecord) -> dict[str, object]:
    kind, error, trace = record.exc_info or (None, None, None)
    return {
        "exception.type": kind.__qualname__ if kind else "",
        "exception.message": str(error),
        "exception.stacktrace": "".join(traceback.format_exception(kind, error, trace))[: LIMIT // 8],
    }
