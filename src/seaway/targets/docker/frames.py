"""The engine's stream of two channels: frames of eight bytes of header and a payload (API, "attach", stream format)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

STDOUT, STDERR = 1, 2
_HEADER = 8


class Frames:
    """Cuts frames out of what arrives; what is not whole yet waits."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields the channel and payload of each frame that is whole now."""
        self._rest += data
        while len(self._rest) >= _HEADER:
            size = struct.unpack(">I", self._rest[4:_HEADER])[0]
            if len(self._rest) < _HEADER + size:
                return
            yield self._rest[0], self._rest[_HEADER : _HEADER + size]
            self._rest = self._rest[_HEADER + size :]
