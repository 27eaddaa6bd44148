"""A constant load from a few keep-alive connections, with a log of every answer as the client saw it."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was sent, how long it took, its status (0: none), and the first word of its body."""

    at: float
    seconds: float
    status: int
    word: str


@dataclass
class Load:
    """Asks `rate` times a second from `clients` connections until it is stopped."""

    address: str
    port: int
    rate: float = 100.0
    clients: int = 8
    path: str = "/"
    log: list[Answer] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        for number in range(self.clients):
            thread = threading.Thread(target=self._run, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(10)

    def failed(self) -> list[Answer]:
        """Returns what was not answered with 200."""
        return [answer for answer in self.log if answer.status != 200]

    def words(self, since: float = 0.0) -> Counter[str]:
        """Counts the answers by version since an instant."""
        return Counter(answer.word for answer in self.log if answer.at >= since)

    def _run(self, number: int) -> None:
        pause = self.clients / self.rate
        due = time.monotonic() + pause * number / self.clients
        connection = http.client.HTTPConnection(self.address, self.port, timeout=10)
        while not self._end.wait(max(0.0, due - time.monotonic())):
            due += pause
            self.log.append(_ask(connection, self.path))
        connection.close()


def _ask(connection: http.client.HTTPConnection, path: str) -> Answer:
    at, started = time.time(), time.monotonic()
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        return Answer(at, time.monotonic() - started, response.status, body.split(" ")[0])
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return Answer(at, time.monotonic() - started, 0, type(error).__name__)
