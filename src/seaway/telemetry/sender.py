"""The open-loop sender behind `seaway load`: a request is due every 1/rate seconds, whatever the app does.

Each request's fate goes to `sink`, in the order of completion; expectations go as labels to the pod that answered,
at its telemetry port. A pod is only ever told anything on this machine's loopback or at an address that `admits`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seaway.telemetry.load import Sent, Shot, label
from seaway.telemetry.message import Request, Response
from seaway.telemetry.wire import Address, Connection, WireError
from seaway_sdk import conventions

BODY_LIMIT = 16 << 20
IN_FLIGHT = 512
_LABELS_EVERY = 0.2
_LABELS_PATIENCE = 5.0

Sink = Callable[[Sent], None]


def loopback(pod: str) -> bool:
    """Admits addresses of this machine's loopback only."""
    try:
        return ipaddress.ip_address(pod).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to, how often, for how long (None: until `stop`), and how long to wait for an answer; in seconds."""

    url: str
    rate: float
    seconds: float | None = None
    patience: float = 10.0
    telemetry_port: int = conventions.TELEMETRY_PORT
    admits: Callable[[str], bool] = loopback
    stop: Callable[[], bool] = lambda: False


def run(shots: Sequence[Shot], plan: Plan, sink: Sink) -> int:
    """Sends until the plan ends and returns how many requests were due."""
    return asyncio.run(send(shots, plan, sink))


async def send(shots: Sequence[Shot], plan: Plan, sink: Sink) -> int:
    """Sends the shots round and round; returns once each request has ended and each label was delivered or lost."""
    labels = _Labels(plan)
    sender = _Sender(plan, sink, labels)
    began, due = time.time(), 0
    delivering = asyncio.create_task(labels.deliver())
    async with asyncio.TaskGroup() as requests:
        for shot in itertools.cycle(shots):
            at = began + due / plan.rate
            if plan.stop() or (plan.seconds is not None and at >= began + plan.seconds):
                break
            await asyncio.sleep(max(0.0, at - time.time()))
            requests.create_task(sender.shoot(shot, at))
            due += 1
    labels.end()
    await delivering
    sender.close()
    return due


class _Sender:
    """Sends single shots over kept connections."""

    def __init__(self, plan: Plan, sink: Sink, labels: _Labels) -> None:
        self._plan = plan
        self._sink = sink
        self._labels = labels
        self._address = Address.of(plan.url)
        self._idle: list[Connection] = []
        self._flying = 0

    async def shoot(self, shot: Shot, at: float) -> None:
        """Sends one request and tells the sink and the pod what came of it."""
        if self._flying >= IN_FLIGHT:
            self._sink(Sent(at, time.time() - at, 0, fault=f"not sent: {IN_FLIGHT} requests were in flight"))
            return
        self._flying += 1
        try:
            async with asyncio.timeout(self._plan.patience):
                response = await self._exchange(shot.request)
        except WireError as error:
            self._sink(Sent(at, time.time() - at, 0, fault=str(error)))
        except TimeoutError:
            self._sink(Sent(at, time.time() - at, 0, fault=f"no answer within {self._plan.patience:g} s"))
        else:
            self._answered(shot, at, response)
        finally:
            self._flying -= 1

    async def _exchange(self, request: Request) -> Response:
        connection = await self._connection()
        try:
            response = await connection.send(request, BODY_LIMIT)
        finally:
            if connection.usable:
                self._idle.append(connection)
            else:
                connection.close()
        return response

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).usable:
                return connection
            connection.close()
        return await Connection.open(self._address)

    def _answered(self, shot: Shot, at: float, response: Response) -> None:
        pod = response.headers.get(conventions.POD_HEADER, "")
        token = response.headers.get(conventions.REQUEST_HEADER, "")
        outcomes = shot.outcomes(response.body) if response.status < 500 else {}
        self._sink(Sent(at, time.time() - at, response.status, pod, token, outcomes=outcomes))
        if token and self._plan.admits(pod):
            self._labels.add(pod, b"".join(label(token, name, passed) for name, passed in outcomes.items()))

    def close(self) -> None:
        """Closes what is left open."""
        for connection in self._idle:
            connection.close()


class _Labels:
    """Outcomes on their way to the pods they are about, a batch a pod."""

    def __init__(self, plan: Plan) -> None:
        self._port = plan.telemetry_port
        self._waiting: dict[str, bytes] = {}
        self._ended = asyncio.Event()
        self.lost = 0

    def add(self, pod: str, lines: bytes) -> None:
        """Puts a pod's lines on the way."""
        if lines:
            self._waiting[pod] = self._waiting.get(pod, b"") + lines

    def end(self) -> None:
        """Says that no more lines will come."""
        self._ended.set()

    async def deliver(self) -> None:
        """Delivers every fifth of a second until ended and empty; what a pod does not take is lost, not repeated."""
        while self._waiting or not self._ended.is_set():
            batch, self._waiting = self._waiting, {}
            await asyncio.gather(*(self._post(pod, lines) for pod, lines in batch.items()))
            try:
                await asyncio.wait_for(self._ended.wait(), _LABELS_EVERY)
            except TimeoutError:
                continue

    async def _post(self, pod: str, lines: bytes) -> None:
        headers = {conventions.LOAD_HEADER: "1", "connection": "close"}
        connection = None
        try:
            async with asyncio.timeout(_LABELS_PATIENCE):
                connection = await Connection.open(Address(pod, self._port))
                await connection.send(Request("POST", conventions.LABELS_PATH, headers, lines), BODY_LIMIT)
        except (WireError, TimeoutError):
            self.lost += lines.count(b"\n")
        finally:
            if connection:
                connection.close()
