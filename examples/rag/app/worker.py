"""The worker: makes the index if the volume lacks it, and looks again every few seconds."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from app.corpus import passages
from app.encoder import Encoder
from app.index import Index
from app.settings import Settings, load

AGAIN = 5.0


class Worker:
    """One encoder and the file its index belongs in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._encoder = Encoder(settings)
        self.file = settings.index / f"{self._encoder.fingerprint}.npz"

    def make(self) -> None:
        """Makes the index unless it is there."""
        if self.file.exists():
            return
        began = time.monotonic()
        corpus = passages()
        vectors = self._encoder.encode((one.text for one in corpus), threads=len(os.sched_getaffinity(0)))
        Index.of(corpus, vectors, dimensions=self._settings.dimensions, bits=self._settings.bits).write(self.file)
        _say("index made", index=self.file.stem, passages=len(corpus), seconds=round(time.monotonic() - began, 2))


def main() -> None:
    """Runs until stopped; with `--once` makes the index and ends.

    The first process of a container ends on SIGTERM only if it asks for it; else whoever stops it waits ten seconds.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    worker = Worker(load())
    worker.make()
    _say("index ready", index=worker.file.stem)
    while "--once" not in sys.argv:
        time.sleep(AGAIN)
        worker.make()


def _say(body: str, **attributes: object) -> None:
    print(json.dumps({"body": body, "attributes": attributes}), flush=True)


if __name__ == "__main__":
    main()
