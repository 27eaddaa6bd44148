"""Reading the logs of containers: merged by time, followed over restarts; they go with their containers."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from seaway.targets.docker.api import LARGEST, EngineApi, EngineRefused
from seaway.targets.docker.frames import STDERR, Frames
from seaway.targets.docker.names import REPLICA, Names, read_replica
from seaway.targets.docker.times import moment
from seaway.targets.process.logs import LogLine

_STREAMS = {STDERR: "stderr"}


class ContainerLogs:
    """The logs of an environment's replicas."""

    def __init__(self, api: EngineApi, names: Names) -> None:
        self._api = api
        self._names = names
        self._read: dict[str, str] = {}

    def lines(self, services: Iterable[str] = ()) -> Iterator[LogLine]:
        """Yields what was written since the last call, oldest first; the first call yields all that is kept."""
        wanted = set(services)
        listed = self._api.get("/containers/json", all=1, filters=self._names.filters(REPLICA))
        found = []
        for entry in listed:
            replica = read_replica(entry["Labels"], 0)
            if not wanted or replica.service in wanted:
                found.append(self._of(entry, replica.id, replica.service))
        yield from heapq.merge(*found)

    def _of(self, entry: Mapping[str, Any], pod: str, service: str) -> list[LogLine]:
        identity = str(entry["Id"])
        last = self._read.get(identity, "")
        lines = []
        for stream, stamp, text in read_log(self._api, identity, since=last):
            if stamp > last:
                lines.append(LogLine(moment(stamp), pod, service, stream, text))
                self._read[identity] = stamp
        return lines


def read_log(api: EngineApi, container: str, *, since: str = "") -> list[tuple[str, str, str]]:
    """Returns stream, time as the engine writes it, and text of each line of a container that is kept."""
    query = {"stdout": 1, "stderr": 1, "timestamps": 1, **({"since": f"{moment(since):.9f}"} if since else {})}
    try:
        with api.ask("GET", api.url(f"/containers/{container}/logs", query)) as answer:
            data = answer.read(LARGEST)
    except EngineRefused as error:
        if error.status == 404:  # gone since it was listed
            return []
        raise
    lines = []
    for channel, payload in Frames().feed(data):
        for line in payload.decode(errors="replace").splitlines():
            stamp, _, text = line.partition(" ")
            lines.append((_STREAMS.get(channel, "stdout"), stamp, text))
    return lines
