"""What an app says about itself: requests, outcomes, and the model behind them. No dependencies.

    from seaway_sdk import Observe, evaluate
    app.add_middleware(Observe, ignore=["/ready"])
    evaluate("schema_valid", passed=True)

Nothing here raises into the app: misuse is a counted drop, unless SEAWAY_STRICT=1.
"""

from __future__ import annotations

from seaway_sdk.logs import JsonFormatter
from seaway_sdk.middleware import Observe
from seaway_sdk.recorder import CURRENT, of_process

__all__ = ["JsonFormatter", "Observe", "current_request", "evaluate"]
__version__ = "0.1.0"


def evaluate(name: str, *, passed: bool) -> None:
    """Counts a 0/1 outcome of the request being answered, under a name of your own."""
    of_process().evaluate(name, passed)


def current_request() -> str | None:
    """Returns the token of the request being answered, or None outside of one."""
    current = CURRENT.get()
    return current[0] if current else None
