"""Addresses, names, and moved wildcard binds: real sockets of real servers, without a cell around them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.errors import AddressTaken, LimitExceeded
from seaway.targets.process.addresses import Addresses, choose, require_free
from seaway.targets.process.listeners import Listener, listeners
from seaway.targets.process.names import hosts_file
from seaway.targets.process.spec import INSIDE
from seaway.targets.process.wildcard import bind_own, reach_own
from tests.targets.world import web

pytestmark = pytest.mark.rootless

OWN = "127.63.1.10"
WEB = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, h.ThreadingHTTPServer, port={port}{more})"
APP = "async def app(scope, receive, send): pass"
SERVERS = {
    "http.server on every address": WEB.replace("{more}", ", bind='0.0.0.0'"),
    "http.server as it comes, both families": WEB.replace("{more}", ""),
    "asyncio with host none binds both families": (
        "import asyncio\nasync def main():\n"
        "    server = await asyncio.start_server(lambda r, w: None, None, {port})\n"
        "    await server.serve_forever()\nasyncio.run(main())"
    ),
    "uvicorn": f"import uvicorn\n{APP}\nuvicorn.run(app, host='0.0.0.0', port={{port}}, lifespan='off')",
    "uvicorn on loopback": f"import uvicorn\n{APP}\nuvicorn.run(app, host='127.0.0.1', port={{port}}, lifespan='off')",
    "uvicorn with workers": "import uvicorn\nuvicorn.run('app:app', host='0.0.0.0', port={port}, workers=2)",
    "socketserver": ("import socketserver as s; s.TCPServer(('', {port}), s.BaseRequestHandler).serve_forever()"),
}


def free_port() -> int:
    """Returns a port nobody listens on."""
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def port() -> Iterator[int]:
    """Returns a free port."""
    yield free_port()


def heard_of(pid: int, port: int) -> set[str]:
    """Waits until somebody listens on the port and returns the addresses."""
    until = time.monotonic() + 20
    while not (found := {each.address for each in listeners() if each.port == port}):
        assert time.monotonic() < until, "nobody listens"
        assert start_alive(pid), "the server ended"
        time.sleep(0.05)
    time.sleep(0.2)
    return {each.address for each in listeners() if each.port == port} or found


def start_alive(pid: int) -> bool:
    """Tells whether a process is there."""
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("name", SERVERS)
def test_wildcard_bind_is_moved(name: str, port: int, tmp_path: Path) -> None:
    """Each server listens on the replica's own address and on no other."""
    (tmp_path / "app.py").write_text(APP)
    code = SERVERS[name].replace("{port}", str(port)).replace("{{", "{").replace("}}", "}")
    environment = {**os.environ, "PYTHONPATH": f"{INSIDE}:{tmp_path}:{':'.join(sys.path)}", "SEAWAY_ADDRESS": OWN}
    file = tmp_path / "serve.py"
    file.write_text(f"if __name__ == '__main__':\n    exec({code!r}, globals())\n")
    with subprocess.Popen([sys.executable, str(file)], env=environment, cwd=tmp_path, stderr=subprocess.PIPE) as server:
        try:
            assert heard_of(server.pid, port) == {OWN}
        finally:
            server.terminate()


def test_a_program_finds_itself_on_loopback(port: int) -> None:
    """What binds 127.0.0.1 and asks it again reaches itself, although it was moved; port 0 stays where it is."""
    code = (
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', PORT)); s.listen();"
        "c = socket.create_connection(('localhost', PORT), 5); print(c.getpeername()[0]);"
        "z = socket.socket(); z.bind(('127.0.0.1', 0)); print(z.getsockname()[0])"
    ).replace("PORT", str(port))
    environment = {**os.environ, "PYTHONPATH": str(INSIDE), "SEAWAY_ADDRESS": OWN}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [OWN, "127.0.0.1"]


def test_the_apps_own_sitecustomize_is_loaded(tmp_path: Path) -> None:
    """Ours comes first and then makes way; without one of its own a program starts as ever."""
    (tmp_path / "sitecustomize.py").write_text("print('own')")
    for path, said in ((f"{INSIDE}:{tmp_path}", "own\nup\n"), (str(INSIDE), "up\n")):
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "SEAWAY_ADDRESS": OWN}
        done = subprocess.run(
            [sys.executable, "-c", "print('up')"], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout == said


@pytest.mark.parametrize(
    ("word", "moved"),
    [
        ("0.0.0.0", OWN),
        ("0.0.0.0:8000", f"{OWN}:8000"),
        ("[::]:8000", f"{OWN}:8000"),
        ("::", OWN),
        ("--bind=0.0.0.0:80", f"--bind={OWN}:80"),
        ("tcp://0.0.0.0:80", f"tcp://{OWN}:80"),
        ("10.0.0.0.0", "10.0.0.0.0"),
        ("0.0.0.0.1", "0.0.0.0.1"),
        ("app::main", "app::main"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_commands_listen_on_the_replica(word: str, moved: str) -> None:
    """Only a whole wildcard address is one."""
    assert bind_own(("serve", word), OWN) == ("serve", moved)


@pytest.mark.parametrize(
    ("word", "moved"),
    [
        ("http://localhost:8000/x", f"http://{OWN}:8000/x"),
        ("http://127.0.0.1:8000", f"http://{OWN}:8000"),
        ("http://localhost:9000/", "http://localhost:9000/"),
        ("http://localhost:80001/", "http://localhost:80001/"),
        ("http://notlocalhost:8000/", "http://notlocalhost:8000/"),
        ("localhost", "localhost"),
    ],
)
def test_checks_ask_the_replica(word: str, moved: str) -> None:
    """Only the service's own ports are meant."""
    assert reach_own((word,), OWN, {8000}) == (moved,)


def test_services_keep_their_place() -> None:
    """A new service takes the next place, whatever the order of names; replicas take the lowest free address."""
    first = Addresses(70).including(["web", "db"])
    later = first.including(["api", "db", "web"])
    assert {name: later.front(name) for name in first.services} == {name: first.front(name) for name in first.services}
    assert later.front("api") == "127.70.3.1"
    assert later.replica("web", []) == "127.70.1.10"
    assert later.replica("web", ["127.70.1.10", "127.70.1.12"]) == "127.70.1.11"
    assert Addresses.read(later.document()) == later
    with pytest.raises(LimitExceeded):
        later.replica("web", [f"127.70.1.{last}" for last in range(10, 255)])
    with pytest.raises(LimitExceeded):
        later.including(f"s{number}" for number in range(255))


def test_a_taken_block_is_passed_over() -> None:
    """The block depends on project and environment alone, until somebody listens there."""
    free = choose("/p", "dev", [])
    assert choose("/p", "dev", []) == free
    busy = Listener(f"127.{free.block}.4.1", 8000, "1")
    after = choose("/p", "dev", [busy])
    assert after.block == (free.block - 64 + 1) % 64 + 64
    with pytest.raises(AddressTaken):
        choose("/p", "dev", [Listener(f"127.{block}.1.1", 1, "1") for block in range(64, 128)])


def test_who_blocks_an_address() -> None:
    """A wildcard blocks every address of its port, another loopback address blocks none but its own."""
    for blocking in (Listener("0.0.0.0", 80, "1"), Listener("::", 80, "1"), Listener(OWN, 80, "1")):
        with pytest.raises(AddressTaken, match="web needs"):
            require_free(OWN, 80, [blocking], what="web")
    require_free(OWN, 80, [Listener("127.63.1.11", 80, "1"), Listener("0.0.0.0", 81, "1")], what="web")


def test_the_kernels_table_is_read() -> None:
    """IPv4, IPv6 and IPv4-mapped listeners, as they are written there."""
    with socket.socket() as four, socket.socket(socket.AF_INET6) as mapped:
        four.bind((OWN, 0))
        four.listen()
        mapped.bind((f"::ffff:{OWN}", 0))
        mapped.listen()
        found = {(each.address, each.port) for each in listeners()}
        assert (OWN, four.getsockname()[1]) in found
        assert (OWN, mapped.getsockname()[1]) in found


def test_a_hosts_file_names_every_front() -> None:
    """Its own name is its own address; aliases stand beside their service."""
    addresses = Addresses(70).including(["db", "web"])
    workloads = (web(service="db", aliases=("store",)), web(aliases=("front",)))
    text = hosts_file(workloads, addresses, hostname="web-1", own="127.70.2.10")
    assert text.splitlines() == [
        "127.0.0.1 localhost",
        "127.70.2.10 web-1",
        "127.70.1.1 db store",
        "127.70.2.1 web front",
    ]
