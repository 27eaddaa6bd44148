"""One process: its identity from the environment, its threads, its forks, its errors that never reach the app."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.sdk.asgi import recorder

from seaway_sdk import JsonFormatter, evaluate, identity
from seaway_sdk.conventions import OUTCOME_LIMIT, TELEMETRY_PORT
from seaway_sdk.logs import LIMIT
from seaway_sdk.recorder import Recorder, of_process

pytestmark = pytest.mark.rootless


def test_the_identity_is_read_from_the_environment(tmp_path: Path) -> None:
    """Every variable in its place."""
    (tmp_path / "key").write_bytes(b"secret\n")
    who = identity.read(
        {
            "SEAWAY_APP": "rag",
            "SEAWAY_ENVIRONMENT": "production",
            "SEAWAY_SERVICE": "api",
            "SEAWAY_VERSION": "abcdef0123",
            "SEAWAY_REPLICA": "api-1",
            "SEAWAY_IMAGE": "sha256:1",
            "SEAWAY_REFERENCES": '{"e": {"kind": "model", "digest": "sha256:2"}}',
            "SEAWAY_REQUEST_KEY_FILE": str(tmp_path / "key"),
            "SEAWAY_TELEMETRY_HOST": "127.70.1.10",
            "SEAWAY_TELEMETRY_PORT": "9999",
        }
    )
    assert (who.app, who.environment, who.service, who.version) == ("rag", "production", "api", "abcdef0123")
    assert (who.replica, who.image, who.key, who.host, who.port) == (
        "api-1",
        "sha256:1",
        b"secret",
        "127.70.1.10",
        9999,
    )
    assert (who.holds("model"), who.holds("data"), who.faults) == ("e@sha256:2", "", ())


def test_without_variables_there_is_still_an_identity() -> None:
    """Plain `python -m` works."""
    who = identity.read({})
    assert (who.version, who.host, who.port, who.key, who.faults) == ("0" * 10, "127.0.0.1", TELEMETRY_PORT, b"", ())
    assert who.replica.endswith(f":{os.getpid()}")


def test_the_telemetry_port_is_on_the_replicas_own_address() -> None:
    """Where replicas share a network, each has an address."""
    assert identity.read({"SEAWAY_ADDRESS": "127.70.1.11"}).host == "127.70.1.11"
    assert identity.read({"SEAWAY_ADDRESS": "127.70.1.11", "SEAWAY_TELEMETRY_HOST": "127.0.0.1"}).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SEAWAY_VERSION", "v1"),
        ("SEAWAY_REFERENCES", "[1]"),
        ("SEAWAY_REFERENCES", '{"a": {}}'),
        ("SEAWAY_REQUEST_KEY_FILE", "/does/not/exist"),
        ("SEAWAY_TELEMETRY_PORT", "70000"),
        ("SEAWAY_TELEMETRY_PORT", "-1"),
    ],
)
def test_a_variable_that_cannot_be_used_is_counted(variable: str, value: str) -> None:
    """A wrong variable does not stop the app, and is not silent."""
    own = Recorder(identity.read({variable: value}))
    assert own.state.total().dropped == {f"variable_{variable}": 1}


def test_misuse_is_a_counted_drop() -> None:
    """None of these raise."""
    own = recorder()
    for name, passed in [("", True), ("a b", True), ("errors", True), ("ok", 1), (7, True)]:
        own.evaluate(name, passed)  # type: ignore[arg-type]
    assert own.state.total().dropped == {"evaluate": 5}
    assert own.state.total().outcomes == {}


def test_strict_raises_misuse() -> None:
    """SEAWAY_STRICT=1 is for tests of the app."""
    own = Recorder(identity.read({}), strict=True)
    with pytest.raises(ValueError, match="evaluate"):
        own.evaluate("errors", True)


def test_outcomes_are_bounded() -> None:
    """A name made from data does not eat memory."""
    own = recorder()
    for number in range(OUTCOME_LIMIT + 5):
        own.evaluate(f"name_{number}", True)
    assert len(own.state.total().outcomes) == OUTCOME_LIMIT
    assert own.state.total().dropped == {"outcomes": 5}


def test_threads_count_together() -> None:
    """A shard a thread, added up, the ended threads' too; nothing is lost or doubled."""
    own = recorder()

    def work() -> None:
        for _ in range(2_000):
            own.state.shard().request(("GET", "/", 200, False), 1_000_000)
            own.evaluate("ok", False)

    for _ in range(3):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    own.state.shard().request(("GET", "/", 200, False), 1_000_000)
    total = own.state.total()
    assert sum(total.requests["GET", "/", 200, False][:-1]) == 24_001
    assert total.requests["GET", "/", 200, False][-1] == 24_001 * 1_000_000
    assert total.outcomes == {("ok", False): [24_000, 24_000]}
    assert len(own.state._shards) <= 5


def test_a_fork_starts_clean() -> None:
    """The child has its own epoch and empty counts; the parent keeps its own."""
    evaluate("fork_starts_clean", passed=True)
    parent = of_process()
    read, write = os.pipe()
    if not (child := os.fork()):
        mine = of_process()
        said = [len(mine.state.total().outcomes), mine.state.epoch != parent.state.epoch, mine is not parent]
        os.write(write, json.dumps(said).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert json.loads(os.read(read, 100)) == [0, True, True]
    assert parent.state.total().outcomes["fork_starts_clean", False] == [1, 0]
    os.close(read)
    os.close(write)


def test_it_imports_nothing_outside_the_standard_library() -> None:
    """`imports_nothing`: whatever the app has installed stays unimported."""
    program = (
        "import sys; before = set(sys.modules); import seaway_sdk; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names) - {'seaway_sdk'}), 'asyncio' in new, 'http' in new)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "False", "False"]


def test_a_log_line_has_the_names_of_the_data_model() -> None:
    """Time, severity, body, exception; one line whatever the text."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("rag", logging.ERROR, "", 0, "failed: %s", ("x\n\x00y",), sys.exc_info())
    record.created = 1_800_000_000.0496
    line = JsonFormatter().format(record)
    said = json.loads(line)
    assert "\n" not in line
    assert said["timestamp"] == "2027-01-15T08:00:00.050Z"
    assert (said["severity_text"], said["severity_number"], said["body"]) == ("ERROR", 17, "failed: x\n\x00y")
    assert (said["exception.type"], said["exception.message"]) == ("ValueError", "two\nlines")
    assert "Traceback" in said["exception.stacktrace"]


def test_a_log_line_is_cut_and_says_so() -> None:
    """64 KiB are the limit, still one JSON object."""
    line = JsonFormatter().format(logging.LogRecord("rag", logging.INFO, "", 0, "ü" * 200_000, None, None))
    assert len(line) <= LIMIT
    assert json.loads(line)["truncated"] is True


def test_a_log_call_with_wrong_arguments_is_no_crash() -> None:
    """The message is kept as it was written."""
    line = JsonFormatter().format(logging.LogRecord("rag", logging.INFO, "", 0, "%d items", ("x",), None))
    assert json.loads(line)["body"] == "%d items"
