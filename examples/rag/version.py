"""Turns a copy of this app into one of its three versions: the change a developer would commit.

    python version.py v2 DIRECTORY

v1 is what lies here. v2 keeps one bit of 128 dimensions: an index 64 times smaller, all tests pass, answers are worse.
v3 changes the model. Each is a few lines of `encoder.toml` and `compose.yaml`; repeating one changes nothing.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Version:
    """The lines that make a version, and what its commit says."""

    kind: str
    dimensions: int
    bits: int
    model: str
    says: str


VERSIONS = {
    "v1": Version("static", 256, 32, "wordllama", "feat: static word vectors, 256 floats"),
    "v2": Version("static", 128, 1, "wordllama", "perf: keep one bit of 128 dimensions, the index is 64 times smaller"),
    "v3": Version("minilm", 384, 32, "minilm", "feat: encode with all-MiniLM-L6-v2"),
}


def switch(name: str, directory: Path) -> str:
    """Makes the directory's files those of a version and returns the message for its commit."""
    version = VERSIONS[name]
    edits = {
        "encoder.toml": [
            (r'(?m)^(kind = )"\w+"', rf'\g<1>"{version.kind}"'),
            (r"(?m)^(dimensions = )\d+", rf"\g<1>{version.dimensions}"),
            (r"(?m)^(bits = )\d+", rf"\g<1>{version.bits}"),
        ],
        "compose.yaml": [(r"(encoder: \{from: )[\w-]+", rf"\g<1>{version.model}")],
    }
    changed = {directory / file: _edited(directory / file, changes) for file, changes in edits.items()}
    for file, text in changed.items():
        file.write_text(text)
    return version.says


def _edited(file: Path, changes: list[tuple[str, str]]) -> str:
    text = file.read_text()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        if count != 1:
            raise ValueError(f"{file}: {pattern!r} is there {count} times, not once")
    return text


if __name__ == "__main__":
    print(switch(sys.argv[1], Path(sys.argv[2])))
