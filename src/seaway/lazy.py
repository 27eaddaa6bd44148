"""Modules that load at their first use: the start of a command is a promise, and most commands need none of these.

What asks for a module this way keeps its real import for the type checker, below `TYPE_CHECKING`.
"""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType


def load_late(name: str) -> ModuleType:
    """Returns a module whose code runs when an attribute of it is first asked for; raises ModuleNotFoundError."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module named {name}", name=name)
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
