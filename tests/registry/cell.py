"""Runs a command in a network namespace that reaches one registry and nothing else.

    python cell.py PORT SOCKET COMMAND …

The namespace has a loopback alone; on PORT there stands a relay to SOCKET, a Unix socket that leads out.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading


def main() -> int:
    """Brings loopback up, relays, runs the command and returns its exit code."""
    port, leads_out, *command = sys.argv[1:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = socket.create_server(("127.0.0.1", int(port)))
    threading.Thread(target=_serve, args=(server, leads_out), daemon=True).start()
    return subprocess.run(command, check=False).returncode


def _serve(server: socket.socket, leads_out: str) -> None:
    while True:
        near, _ = server.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(leads_out)
        for pair in ((near, far), (far, near)):
            threading.Thread(target=pour, args=pair, daemon=True).start()


def pour(source: socket.socket, sink: socket.socket) -> None:
    """Copies one direction of a connection until it ends, then ends both."""
    try:
        while block := source.recv(1 << 16):
            sink.sendall(block)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


if __name__ == "__main__":
    sys.exit(main())
