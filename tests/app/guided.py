"""A fuzzer guided by coverage, for reader, merge and interpolation: what reaches new lines is kept and changed again.

`python -m tests.app.guided SECONDS [SEED] [RECORD]` runs it. An input is a compose file, an override and an
env file. A failure is any error that is not one of ours, or a load that takes longer than `SLOW` seconds.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from seaway.app import dotenv
from seaway.app.load import How, load
from seaway.app.select import Selection
from seaway.errors import SeawayError

CORPUS = Path(__file__).parent / "corpus"
ROOM = str(Path(dotenv.__file__).parent)
HERE = Path("/project")
SLOW = 2.0
NAMES = ("compose.yaml", "override.yaml", ".env")
TOKENS = (
    b"services:|image|${|}|:-|:?|:+|$$|$A|!reset |!override |&a |*a|<<: |[|]|{|}|,|: |- |\n|\n  |'|\"|\\|#| #|80:80|1-3"
    b"|x:|::1|0x1f|010|1e3|null|~|true|2020-01-01|include|extends|file|depends_on|environment|build|command|ports|volumes"
    b"|networks|configs|secrets|deploy|develop|ulimits|---\n|%YAML 1.1\n"
    b"|\xef\xbb\xbf|\xff|\x00|\xc3\xa9|export |=|jobs|models"
).split(b"|")

Input = tuple[bytes, bytes, bytes]
Line = tuple[str, int]


@dataclass
class Fuzz:
    """A run: what reached something new, every line reached, the failures by what failed."""

    seed: int
    corpus: list[Input] = field(default_factory=list)
    reached: set[Line] = field(default_factory=set)
    failures: dict[str, Input] = field(default_factory=dict)
    executions: int = 0
    growth: list[tuple[int, int]] = field(default_factory=list)

    def run(self, until: Callable[[Fuzz], bool]) -> None:
        """Changes inputs and tries them until told to stop."""
        drawn = random.Random(self.seed)
        for each in first():
            self.attempt(each)
        while not until(self):
            self.attempt(changed(drawn.choice(self.corpus), drawn))

    def attempt(self, given: Input) -> None:
        """Tries one input; keeps it if it reaches something new."""
        self.executions += 1
        reached, failure = tried(given)
        if failure is not None:
            self.failures.setdefault(failure, given)
        if reached - self.reached or not self.corpus:
            self.reached |= reached
            self.corpus.append(given)
            self.growth.append((self.executions, len(self.reached)))


def first() -> list[Input]:
    """Returns the kept corpus."""
    return [
        tuple((CORPUS / name).read_bytes() for name in ("first.yaml", "second.yaml", "first.env")),  # type: ignore[list-item]
        *((path.read_bytes(), b"", b"") for path in sorted(CORPUS.glob("found-*.yaml"))),
    ]


def changed(given: Input, drawn: random.Random) -> Input:
    """Returns an input with one to four changes in one of its files."""
    parts = list(given)
    which = drawn.choice((0, 0, 0, 1, 1, 2))
    data = bytearray(parts[which])
    for _ in range(drawn.choice((1, 1, 2, 4))):
        at, end = drawn.randrange(len(data) + 1), drawn.randrange(len(data) + 1)
        match drawn.randrange(5):
            case 0:
                data[at:at] = drawn.choice(TOKENS)
            case 1:
                data[at : at + len(drawn.choice(TOKENS))] = drawn.choice(TOKENS)
            case 2:
                del data[at : at + drawn.randrange(12)]
            case 3:
                data[at:at] = data[min(at, end) : max(at, end)][:200]
            case _ if data:
                data[at % len(data)] = drawn.randrange(256)
    parts[which] = bytes(data[:4000])
    return parts[0], parts[1], parts[2]


def tried(given: Input) -> tuple[set[Line], str | None]:
    """Returns the lines of the room that an input reaches, and what failed."""
    reached: set[Line] = set()
    sys.settrace(_tracer(reached))
    begun = time.process_time()
    try:
        _load(given)
        failure = None
    except SeawayError:
        failure = None
    except Exception as error:  # noqa: BLE001  (what no load may raise is what is looked for)
        failure = f"{type(error).__name__} in line {_last(error)}"
    finally:
        sys.settrace(None)
    return reached, failure or ("slow" if time.process_time() - begun > 10 * SLOW else None)


def _load(given: Input) -> None:
    files = {HERE / name: data for name, data in zip(NAMES, given, strict=True)}
    environ: dict[str, str] = {}
    try:
        dotenv.parse(given[2].decode("utf-8", "replace"), environ.get, environ)
    except ValueError:
        environ = {}
    paths = (HERE / NAMES[0], HERE / NAMES[1]) if given[1].strip() else (HERE / NAMES[0],)
    load(Selection(HERE, paths, environ=environ), how=How(lenient=True, consistent=False, drafts=files))


def _tracer(reached: set[Line]) -> Callable[[FrameType, str, Any], Any]:
    def line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            reached.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame: FrameType, _: str, __: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(ROOM) else None

    return call


def _last(error: Exception) -> str:
    trace, place = error.__traceback__, "?"
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(ROOM):
            place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def main(seconds: float, seed: int, record: Path | None) -> int:
    """Runs for a time; prints and records executions, growth and failures."""
    fuzz, end = Fuzz(seed), time.monotonic() + seconds
    fuzz.run(lambda _: time.monotonic() > end)
    found = {
        "seed": seed,
        "seconds": round(seconds),
        "executions": fuzz.executions,
        "lines": len(fuzz.reached),
        "kept": len(fuzz.corpus),
        "growth": fuzz.growth[:: max(1, len(fuzz.growth) // 20)],
        "failures": {name: [part.decode("latin-1") for part in given] for name, given in fuzz.failures.items()},
    }
    text = json.dumps(found, indent=1)
    print(text)
    if record is not None:
        record.write_text(text + "\n")
    return 1 if fuzz.failures else 0


if __name__ == "__main__":
    sys.exit(
        main(
            float(sys.argv[1]),
            int(sys.argv[2]) if len(sys.argv) > 2 else 1,
            Path(sys.argv[3]) if len(sys.argv) > 3 else None,
        )
    )
