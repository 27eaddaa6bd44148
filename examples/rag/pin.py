"""Pins the SDK of this repository in `requirements.txt`: builds its wheel into `wheels/` and writes the new hash.

python pin.py        (needs hatchling; the wheel's bytes depend on nothing but the SDK's files)
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from hatchling.build import build_wheel

HERE = Path(__file__).resolve().parent
SDK = HERE.parent.parent / "sdk"
LINE = re.compile(r"(?m)^\./wheels/seaway_sdk-.*\n(?:    .*\n)*")


def main() -> None:
    """Builds, then replaces the SDK's line."""
    os.environ["SOURCE_DATE_EPOCH"] = "315619200"
    (HERE / "wheels").mkdir(exist_ok=True)
    os.chdir(SDK)
    name = build_wheel(str(HERE / "wheels"))
    digest = hashlib.sha256((HERE / "wheels" / name).read_bytes()).hexdigest()
    file = HERE / "requirements.txt"
    rest = LINE.sub("", file.read_text())
    file.write_text(f"./wheels/{name} \\\n    --hash=sha256:{digest}\n{rest}")


if __name__ == "__main__":
    main()
