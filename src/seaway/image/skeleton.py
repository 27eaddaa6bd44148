"""The layer of a virtual environment without packages, so that `.pth` files work as in any other.

The interpreter belongs to the base; here are only links to it, `pyvenv.cfg` and the file that puts the app on the
path. Source: PEP 405. Not here: the packages (`wheel.py`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import PurePosixPath

from seaway.image.layer_plan import VENV
from seaway.image.model import Base, Content, Entry, Kind


def skeleton(base: Base, roots: Iterable[str]) -> tuple[Entry, ...]:
    """Returns the entries of the environment for a base's interpreter; `roots` are the app's import roots."""
    minor = ".".join(base.python.split(".")[:2])
    interpreter = f"/{base.interpreter.lstrip('/')}"
    home = PurePosixPath(interpreter).parent
    config = f"home = {home}\ninclude-system-site-packages = false\nversion = {base.python}\n"
    paths = "".join(f"/{root}\n" for root in roots)
    return (
        Entry(f"{VENV}/bin/python", Kind.SYMLINK, 0o777, link=interpreter),
        Entry(f"{VENV}/bin/python3", Kind.SYMLINK, 0o777, link="python"),
        Entry(f"{VENV}/bin/python{minor}", Kind.SYMLINK, 0o777, link="python"),
        Entry(f"{VENV}/lib/python{minor}/site-packages/_seaway_app.pth", content=_text(paths)),
        Entry(f"{VENV}/pyvenv.cfg", content=_text(config)),
    )


def _text(text: str) -> Content:
    data = text.encode()
    return Content(len(data), lambda: io.BytesIO(data))
