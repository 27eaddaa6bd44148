"""The report of a fault of ours: a file that can be sent without a second look, since it holds no values.

Imported only once something has gone wrong.
"""

from __future__ import annotations

import os
import sys
import traceback
from tempfile import NamedTemporaryFile

from seaway import __version__
from seaway.errors import InternalError


def report(error: Exception) -> InternalError:
    """Writes a report of frames and error types, never of values: those could hold secrets."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"seaway {__version__}, python {sys.version.split()[0]}", type(error).__name__]
    lines += [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    with NamedTemporaryFile("w", prefix="seaway-report-", suffix=".txt", delete=False) as file:
        file.write("\n".join(lines) + "\n")
    if os.environ.get("SEAWAY_TRACEBACK"):
        traceback.print_exception(error)
    return InternalError(
        f"internal error: {type(error).__name__} in {frames[-1].name if frames else '?'}",
        where=file.name,
        hint="please report this file; it holds no values of yours",
    )
