"""The health check, in the standard library alone: exits 0 if the address answers 200.

python -S -m app.health 127.0.0.1:8080/ready
python -S -m app.health --index
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


def answers(target: str) -> bool:
    """Tells whether HOST:PORT/PATH answers 200 within two seconds."""
    place, _, path = target.partition("/")
    host, _, port = place.partition(":")
    try:
        with socket.create_connection((host, int(port)), 2) as connection:
            connection.sendall(f"GET /{path} HTTP/1.0\r\nhost: {host}\r\n\r\n".encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def indexed() -> bool:
    """Tells whether the volume has an index."""
    return any(Path(os.environ.get("INDEX_DIR", "/index")).glob("*.npz"))


if __name__ == "__main__":
    sys.exit(0 if (indexed() if sys.argv[1] == "--index" else answers(sys.argv[1])) else 1)
