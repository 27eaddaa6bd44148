"""A disk that forgets: writes recorded from a real process, and what is left of them after a power cut.

Each file has the bytes it has and the bytes that were synced; each directory the names it has and those that were
synced. After a cut three things may be left: only what was synced; all names but only synced bytes; or the removals
but none of the new names, since a file system may order them as it likes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

_LINE = re.compile(r"^\d+ +(?P<name>[a-z0-9_]+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")
SYNCS = ("fsync", "fdatasync")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(frozen=True)
class Operation:
    """One call that changed something: its name, the path, and bytes, other path or offset where it has them."""

    name: str
    path: str
    data: bytes = b""
    other: str = ""
    offset: int = 0


def recorded(log: str) -> Iterator[Operation]:
    """Reads operations from an strace log written with `-xx -y` and unlimited strings."""
    offsets: dict[str, int] = {}
    for line in log.splitlines():
        match = _LINE.match(line)
        if match is None or match["result"].startswith("-"):
            continue
        operation = _read(match["name"], match["arguments"], int(match["result"]), offsets)
        if operation is not None:
            yield operation


def _read(name: str, arguments: str, result: int, offsets: dict[str, int]) -> Operation | None:
    texts = [_bytes(text) for text in _TEXT.findall(arguments)]
    held = _FILE.match(arguments)
    descriptor, path = (held[1], _bytes(held[2]).decode()) if held else ("", "")
    numbers = [int(part) for part in re.findall(r", (\d+)", arguments)]
    if name == "openat":
        offsets[str(result)] = 0
        return Operation("create", texts[0].decode()) if "O_CREAT" in arguments else None
    if name == "lseek":
        offsets[descriptor] = result
    if name == "write":
        start = offsets.get(descriptor, 0)
        offsets[descriptor] = start + result
        return Operation("write", path, texts[0][:result], offset=start)
    if name == "pwrite64":
        return Operation("write", path, texts[0][:result], offset=numbers[-1])
    if name in SYNCS:
        return Operation(name, path)
    if name == "ftruncate":
        return Operation(name, path, offset=numbers[-1])
    if name == "rename":
        return Operation(name, texts[0].decode(), other=texts[1].decode())
    if name in ("mkdir", "unlink", "rmdir"):
        return Operation(name, texts[0].decode())
    return None


@dataclass
class Inode:
    """A file or directory, as it is and as it was synced."""

    directory: bool
    data: bytes = b""
    names: dict[str, Inode] = field(default_factory=dict)
    synced: bytes = b""
    synced_names: dict[str, Inode] = field(default_factory=dict)

    def sync(self) -> None:
        """Makes what is there durable."""
        self.synced, self.synced_names = self.data, dict(self.names)

    def left(self, mode: str) -> dict[str, Inode]:
        """Returns the names that are left after a cut."""
        if mode == "names first":
            return self.names
        if mode == "removals first":
            return {name: inode for name, inode in self.synced_names.items() if name in self.names}
        return self.synced_names


MODES = ("synced only", "names first", "removals first")


class Disk:
    """A tree below one root, on which operations are done; `forget` are places of syncs that did nothing."""

    def __init__(self, root: Path, template: Path) -> None:
        """Begins with a template, all of it durable."""
        self.prefix = str(root)
        self.root = self._load(template)

    def _load(self, path: Path) -> Inode:
        inode = Inode(path.is_dir())
        if inode.directory:
            inode.names = {
                child.name: self._load(child) for child in path.iterdir() if "index.sqlite" not in child.name
            }
        else:
            inode.data = path.read_bytes()
        inode.sync()
        return inode

    def covers(self, operation: Operation) -> bool:
        """Tells whether an operation is below the root and not on the derived index."""
        return operation.path.startswith(self.prefix) and "index.sqlite" not in operation.path

    def do(self, operation: Operation, *, synced: bool = True) -> None:
        """Does one operation; a sync that does not work changes nothing."""
        parent, name = self._parent(operation.path)
        if operation.name == "mkdir":
            parent.names[name] = Inode(True)
        elif operation.name == "create":
            parent.names.setdefault(name, Inode(False))
        elif operation.name in ("unlink", "rmdir"):
            del parent.names[name]
        elif operation.name == "rename":
            target, other = self._parent(operation.other)
            target.names[other] = parent.names.pop(name)
        else:
            self._touch(parent.names[name] if name else self.root, operation, synced)

    def _touch(self, inode: Inode, operation: Operation, synced: bool) -> None:
        if operation.name == "write":
            end = operation.offset + len(operation.data)
            inode.data = (
                inode.data[: operation.offset].ljust(operation.offset, b"\0") + operation.data + inode.data[end:]
            )
        elif operation.name == "ftruncate":
            inode.data = inode.data[: operation.offset]
        elif synced:
            inode.sync()

    def _parent(self, path: str) -> tuple[Inode, str]:
        parts = PurePosixPath(path).relative_to(self.prefix).parts
        inode = self.root
        for part in parts[:-1]:
            inode = inode.names[part]
        return inode, parts[-1] if parts else ""

    def remains(self, mode: str) -> dict[str, bytes | None]:
        """Returns what is left after a cut: path to bytes, None for a directory."""
        found: dict[str, bytes | None] = {}
        self._collect(self.root, "", mode, found)
        return found

    def _collect(self, inode: Inode, path: str, mode: str, found: dict[str, bytes | None]) -> None:
        found[path] = None if inode.directory else inode.synced
        for name, child in inode.left(mode).items() if inode.directory else ():
            self._collect(child, f"{path}/{name}", mode, found)


def put(remains: dict[str, bytes | None], root: Path) -> None:
    """Writes what is left into a directory."""
    for path, data in sorted(remains.items()):
        place = root / path.lstrip("/")
        if data is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.write_bytes(data)
            if place.name == "log.key":
                place.chmod(0o600)


def sync_places(operations: Sequence[Operation]) -> list[int]:
    """Returns where in a recording the syncs are."""
    return [place for place, operation in enumerate(operations) if operation.name in SYNCS]
