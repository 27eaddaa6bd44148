"""Who listens on which TCP port of this machine, read from `/proc`, so that a taken port names its owner."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
WILDCARDS = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket: its address (`::` for any IPv6), port, and inode, by which its process is found."""

    address: str
    port: int
    inode: str

    def blocks(self, address: str, port: int) -> bool:
        """Tells whether this socket keeps another from listening on an IPv4 address and port."""
        return self.port == port and (self.address == address or not {self.address, address}.isdisjoint(WILDCARDS))


def listeners(proc: Path = Path("/proc")) -> list[Listener]:
    """Returns the listening TCP sockets of this network namespace."""
    found = []
    for name in ("tcp", "tcp6"):
        table = proc / "net" / name
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTEN:
                address, _, port = fields[1].partition(":")
                found.append(Listener(_address(address), int(port, 16), fields[9]))
    return found


def _address(text: str) -> str:
    if len(text) == 8:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(text)))
    if set(text) == {"0"}:
        return "::"
    mapped = text.startswith("0000000000000000FFFF0000")
    return _address(text[24:]) if mapped else text


def owner(inode: str) -> str:
    """Returns `pid 4711 (python)` of the process that holds a socket, or the user's name of its lack."""
    pid = holder(inode)
    return f"pid {pid} ({_name(pid)})" if pid else "a process of another user"


def holder(inode: str) -> int | None:
    """Returns the pid of the process that holds a socket, None where this user may not see it."""
    return next((pid for pid in _pids() if f"socket:[{inode}]" in _open_files(pid)), None)


def _pids() -> Iterator[int]:
    return (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())


def _open_files(pid: int) -> set[str]:
    links: set[str] = set()
    with contextlib.suppress(OSError):  # gone meanwhile, or another user's
        for link in list(Path(f"/proc/{pid}/fd").iterdir()):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile, as the listing itself is
                links.add(str(link.readlink()))
    return links


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"
