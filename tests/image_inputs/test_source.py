"""The app's own files: what enters, what never does, and what fails the build."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import NotYet, SourceMissing, ToolMissing
from seaway.image.layer import write_layer
from seaway.image.model import Kind
from seaway.image.secret import find_secrets, looks_secret
from seaway.image.source import SecretRules, Source, read_source

pytestmark = pytest.mark.rootless

CASES = Path(__file__).parent / "dockerignore"


def fill(tree: Path, *paths: str, content: str = "x") -> Path:
    """Writes files below a tree."""
    for path in paths:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content)
    return tree


def git(tree: Path, *arguments: str) -> str:
    """Runs git as a person who exists nowhere else."""
    person = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main"]
    command = ["git", *person, "-C", str(tree), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Returns an empty git repository."""
    tree = tmp_path / "app"
    tree.mkdir()
    git(tree, "init", "-q")
    return tree


def paths(source: Source) -> list[str]:
    """Returns the paths of a source, from the app on."""
    return [entry.path.removeprefix("opt/app/") for entry in source.entries]


def test_tracked_and_untracked_files_enter_and_ignored_ones_do_not(repository: Path) -> None:
    """What git would show somebody is what the app is."""
    fill(repository, "main.py", "pkg/a.py", "new.py", "skip.log", "build/out")
    (repository / ".gitignore").write_text("*.log\nbuild/\n")
    git(repository, "add", "main.py", "pkg", ".gitignore")
    assert paths(read_source(repository)) == [".gitignore", "main.py", "new.py", "pkg/a.py"]


def test_a_tracked_file_that_is_ignored_stays(repository: Path) -> None:
    """git's own rule: what is tracked is not ignored."""
    fill(repository, "a.log")
    (repository / ".gitignore").write_text("*.log\n")
    git(repository, "add", "-f", ".")
    assert "a.log" in paths(read_source(repository))


def test_a_deleted_file_does_not_enter(repository: Path) -> None:
    """The working tree counts, not the index."""
    fill(repository, "a.py", "b.py")
    git(repository, "add", ".")
    (repository / "a.py").unlink()
    assert paths(read_source(repository)) == ["b.py"]


def test_commit_and_dirt_are_told(repository: Path) -> None:
    """Without a commit there is none; a change makes a tree dirty."""
    fill(repository, "a.py")
    git(repository, "add", ".")
    assert (read_source(repository).commit, read_source(repository).is_dirty) == ("", True)
    git(repository, "commit", "-qm", "one")
    clean = read_source(repository)
    assert (clean.commit, clean.is_dirty) == (git(repository, "rev-parse", "HEAD").strip(), False)
    fill(repository, "b.py")
    assert read_source(repository).is_dirty


def test_execute_bits_come_from_the_index(repository: Path) -> None:
    """What a umask or a copy did to the file's own mode changes nothing."""
    fill(repository, "run.sh", "data.txt")
    (repository / "run.sh").chmod(0o755)
    git(repository, "add", ".")
    (repository / "run.sh").chmod(0o600)
    (repository / "data.txt").chmod(0o777)
    git(repository, "config", "core.fileMode", "false")
    assert {entry.path: entry.mode for entry in read_source(repository).entries} == {
        "opt/app/run.sh": 0o755,
        "opt/app/data.txt": 0o644,
    }


def test_a_context_may_be_a_part_of_a_repository(repository: Path) -> None:
    """Only what lies below the context enters, with paths from it."""
    fill(repository, "api/main.py", "worker/main.py")
    git(repository, "add", ".")
    assert paths(read_source(repository / "api")) == ["main.py"]


def test_without_git_all_files_but_ignored_ones_enter(tmp_path: Path) -> None:
    """A tree without version control is read as it lies."""
    tree = fill(tmp_path / "app", "main.py", "pkg/a.py", "out/x", "my env/pyvenv.cfg", "my env/lib/y.py")
    (tree / ".gitignore").write_text("out/\n")
    found = read_source(tree)
    assert paths(found) == [".gitignore", "main.py", "pkg/a.py"]
    assert (found.commit, found.is_dirty) == ("", False)


def test_venv_and_env_never_enter(repository: Path) -> None:
    """Environments, caches and version control data stay out, also where they are tracked."""
    never = [
        ".venv/x.py",
        "venv/x.py",
        "a/node_modules/x.js",
        "a/__pycache__/x.pyc",
        ".mypy_cache/x",
        ".seaway/x",
        "b.pyc",
    ]
    fill(repository, "main.py", *never)
    git(repository, "add", "-f", ".")
    assert paths(read_source(repository)) == ["main.py"]


def test_files_come_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    """Names sort by their bytes, whatever the locale."""
    fill(tmp_path, "b", "a/z", "a.b", "Z", "é", "a-b")
    assert paths(read_source(tmp_path)) == ["Z", "a-b", "a.b", "a/z", "b", "é"]


def test_symlinks_stay_inside(tmp_path: Path) -> None:
    """A relative link inside is kept; one that leaves or is absolute is a finding."""
    fill(tmp_path, "a/x")
    good = {"good": "a/x", "a/up": "../a/x", "dir": "a"}
    for name, target in {**good, "bad": "../y", "a/bad": "../../y", "abs": "/etc"}.items():
        (tmp_path / name).symlink_to(target)
    found = read_source(tmp_path)
    assert {entry.path[8:]: entry.link for entry in found.entries if entry.kind is Kind.SYMLINK} == good
    assert sorted((one.code, str(one.where)) for one in found.findings) == [
        ("SW-1013", "a/bad"),
        ("SW-1013", "abs"),
        ("SW-1013", "bad"),
    ]


def test_hard_links_become_files(tmp_path: Path) -> None:
    """Two names of a file are two files."""
    fill(tmp_path, "a")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert [entry.kind for entry in read_source(tmp_path).entries] == [Kind.FILE, Kind.FILE]


def test_a_submodule_is_said_to_be_missing(repository: Path, tmp_path: Path) -> None:
    """What cannot be read yet is said and not left out."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    fill(other, "x")
    git(other, "add", ".")
    git(other, "commit", "-qm", "x")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    with pytest.raises(NotYet, match="submodule"):
        read_source(repository)


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The directory stands in the error."""
    with pytest.raises(SourceMissing):
        read_source(tmp_path / "none")


def test_a_repository_without_git_is_not_read_as_if_it_were_none(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise ignored files would enter in silence."""
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(ToolMissing, match="git is not here"):
        read_source(repository)


def test_a_broken_repository_is_an_error(repository: Path) -> None:
    """Whatever git refuses, the tree is not read without it."""
    (repository / ".git" / "HEAD").write_text("nonsense")
    with pytest.raises(ToolMissing, match="git refuses"):
        read_source(repository)


def test_no_program_of_the_repository_is_run(repository: Path) -> None:
    """A file system monitor that a repository names stays where it is."""
    fill(repository, "a.py")
    (repository / "spy").write_text(f"#!/bin/sh\ntouch {repository}/ran\n")
    (repository / "spy").chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(repository / "spy"))
    read_source(repository)
    assert not (repository / "ran").exists()


def test_the_layer_is_equal_whatever_the_checkout_looks_like(repository: Path, tmp_path: Path) -> None:
    """Two checkouts with other modes and times give one layer."""
    fill(repository, "a.py", "pkg/b.py")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "x")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    os.utime(clone / "a.py", (0, 0))
    (clone / "a.py").chmod(0o600)
    assert (
        write_layer(read_source(clone).entries, io.BytesIO()).digest
        == write_layer(read_source(repository).entries, io.BytesIO()).digest
    )


@pytest.mark.parametrize("case", sorted(CASES.glob("*.txt")), ids=lambda path: path.stem)
def test_dockerignore_is_not_gitignore(case: Path, tmp_path: Path) -> None:
    """Each case: patterns, the files of a tree, and which of them stay."""
    patterns, files, expected = (part.strip("\n") for part in case.read_text().split("----------\n"))
    fill(tmp_path, *files.split("\n"))
    (tmp_path / ".dockerignore").write_text(patterns)
    found = [path for path in paths(read_source(tmp_path)) if path != ".dockerignore"]
    assert found == [line for line in expected.split("\n") if line]


SECRETS = {
    ".env": "an environment file",
    "a/.env.production": "an environment file",
    "deploy/id_ed25519": "a private key",
    "tls/server.key": "a private key",
    "x.p12": "a private key",
    ".netrc": "a file of logins",
    "home/.pypirc": "a file of logins",
    ".aws/credentials": "cloud credentials",
    "application_default_credentials.json": "cloud credentials",
    ".kube/config": "cluster credentials",
    "kubeconfig.yaml": "cluster credentials",
    "infra/prod.tfstate": "a state file",
}


@pytest.mark.parametrize("path", SECRETS)
def test_a_secret_file_fails_the_build(tmp_path: Path, path: str) -> None:
    """SW-1007 of level error names the file and what it is, and the file is not in the entries."""
    fill(tmp_path, path, "main.py")
    found = read_source(tmp_path)
    assert paths(found) == ["main.py"]
    assert [(one.code, one.level, one.where) for one in found.findings] == [("SW-1007", "error", path)]
    assert SECRETS[path] in found.findings[0].says


@pytest.mark.parametrize(
    "path", [".env.example", ".env.sample", "a/.env.template", "environment.py", "keys.py", "key", "env", "x.keys"]
)
def test_samples_and_likes_are_no_secrets(path: str) -> None:
    """A file that only sounds like one passes."""
    assert looks_secret(path) is None


TOKENS = {
    "a private key block": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "an AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "a GitHub token": "ghp_" + "a1B2" * 9,
    "a GitLab token": "glpat-" + "a1B2c" * 4,
    "a Slack token": "xoxb-123456-" + "abcdef1234",
    "an API key of a model provider": "sk-proj-" + "a1B2" * 8,
    "a Hugging Face token": "hf_" + "aB" * 17,
    "a package index token": "npm_" + "a1B2" * 9,
    "a Google API key": "AIza" + "a1B2c" * 7,
    "a Stripe key": "sk_live_" + "a1B2" * 6,
}


@pytest.mark.parametrize("says", TOKENS)
def test_known_shapes_are_found_in_text(says: str) -> None:
    """A token in a file is found and never repeated."""
    assert find_secrets(io.BytesIO(f"x = '{TOKENS[says]}'\n".encode()), {}) == says


@settings(max_examples=30, deadline=None)
@given(st.integers(min_value=0, max_value=(2 << 20) + 100))
def test_a_secret_is_found_wherever_it_lies(at: int) -> None:
    """Also where blocks of reading meet, and in binary files."""
    data = bytes(at) + TOKENS["an AWS access key"].encode() + bytes(10)
    assert find_secrets(io.BytesIO(data), {}) == "an AWS access key"
    assert (
        find_secrets(io.BytesIO(bytes(at) + b"hunter2hunter2"), {"DB_PASSWORD": "hunter2hunter2"})
        == "the value of DB_PASSWORD"
    )


def test_values_of_secrets_are_found_and_short_ones_are_not_looked_for(tmp_path: Path) -> None:
    """A value of the app's own secrets fails the build; `true` would be everywhere."""
    fill(tmp_path, "a.py", content="debug = true; dsn = 'postgres://u:correct-horse@db'")
    rules = SecretRules(values={"DB": "correct-horse", "DEBUG": "true"})
    (finding,) = read_source(tmp_path, rules).findings
    assert "the value of DB" in finding.says
    assert "horse" not in str(finding)
    assert read_source(tmp_path, SecretRules(values={"DEBUG": "true"})).findings == ()


def test_an_exception_lets_one_path_in(tmp_path: Path) -> None:
    """What is allowed by path and reason enters, and nothing else."""
    fill(tmp_path, "tests/test.key", "prod.key")
    found = read_source(tmp_path, SecretRules(allowed={"tests/test.key": "a key for tests, valid nowhere"}))
    assert paths(found) == ["tests/test.key"]
    assert [one.where for one in found.findings] == ["prod.key"]


def test_an_ignored_secret_is_no_finding(tmp_path: Path) -> None:
    """What does not enter is not looked at."""
    fill(tmp_path, ".env", "main.py")
    (tmp_path / ".dockerignore").write_text(".env\n")
    assert read_source(tmp_path).findings == ()


def test_the_src_layout_is_seen(tmp_path: Path) -> None:
    """Packages below src are imported from there."""
    assert read_source(fill(tmp_path, "src/pkg/__init__.py")).import_roots == ("opt/app", "opt/app/src")
    assert read_source(fill(tmp_path / "b", "src/main.py", "pkg/__init__.py")).import_roots == ("opt/app",)
