"""An image root with the Python that runs the tests: its interpreter, standard library and shared libraries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SERVER = """
import os, sys, time, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(0.3)
        bad = self.path.startswith("/bad") and os.environ.get("BREAKS") == "1"
        body = (os.environ.get("WORD", "") + " " + os.environ["SEAWAY_REPLICA"] + "\\n").encode()
        self.send_response(500 if bad else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, form, *arguments):
        if self.path.startswith("/log"):
            print("asked", self.path, flush=True)

class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

server = Server((sys.argv[1], int(sys.argv[2])), Handler)
import signal
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening", server.server_address, flush=True)
server.serve_forever()
server.server_close()
print("ended well", flush=True)
"""
_LEFT_OUT = shutil.ignore_patterns(
    "test", "tests", "site-packages", "dist-packages", "idlelib", "tkinter", "__pycache__"
)


def make_root(folder: Path) -> Path:
    """Fills a folder so that `/usr/local/bin/python3 /app/server.py ADDRESS PORT` runs in it."""
    for name in ("app", "dev", "etc", "proc", "run", "sys", "tmp", "usr/local/bin", "usr/local/lib", "usr/lib"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for link in ("lib", "lib64"):
        (folder / link).symlink_to("usr/lib")
    binary = Path(os.path.realpath(sys.executable))
    shutil.copy(binary, folder / "usr/local/bin/python3")
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, folder / "usr/local/lib" / library.name, ignore=_LEFT_OUT)
    extensions = [*(folder / "usr/local/lib" / library.name / "lib-dynload").glob("*.so"), binary]
    for needed in sorted({each for program in extensions for each in _needed(program)}):
        shutil.copy(needed, folder / "usr/lib" / Path(needed).name)
    (folder / "app/server.py").write_text(SERVER)
    for name in ("hosts", "resolv.conf", "hostname"):
        (folder / "etc" / name).touch()
    return folder


def _needed(program: Path) -> list[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", listed)
