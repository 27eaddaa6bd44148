"""The app's own files, from a working tree to entries: the only file that runs git.

Rules (image.md, section 4): what git tracks plus what is untracked and not ignored; without version control all
but what ignore files name; then minus `.dockerignore`, whose patterns count from the root of the tree and of which
the last match wins. Environments, caches and version control data never enter. Execute bits come from git's index,
so a umask changes nothing. Symlinks are kept when they are relative and stay inside. A file that looks like a secret
or holds one is a finding of level error.

Not here: what a secret looks like (`secret.py`), the bytes of the layer (`layer.py`).
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seaway.errors import NotYet, SourceMissing, ToolMissing
from seaway.findings import Finding, Level
from seaway.image.model import Content, Entry, Kind
from seaway.image.secret import find_secrets, looks_secret
from seaway.lazy import LateModule

if TYPE_CHECKING:
    import pathspec
    from pathspec.patterns import gitignore
    from pathspec.patterns.gitignore import basic
else:
    pathspec, gitignore = LateModule("pathspec"), LateModule("pathspec.patterns.gitignore")
    basic = LateModule("pathspec.patterns.gitignore.basic")

APP = "opt/app"
_NEVER = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        "node_modules",
        ".seaway",
        "seaway.lock",
        "__pycache__",
        ".mypy_cache",
        ".pytest_cache",
    }
    | {".ruff_cache", ".hypothesis", ".tox", ".nox", ".import_linter_cache", ".ipynb_checkpoints", ".DS_Store"}
)
_GITLINK = "160000"


@dataclass(frozen=True, slots=True)
class Source:
    """An app's files as entries below `opt/app`; `commit` is empty without version control."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()
    commit: str = ""
    is_dirty: bool = False

    @property
    def import_roots(self) -> tuple[str, ...]:
        """The directories that Python imports from: the app's own, and its `src` where packages lie there."""
        packages = any(re.fullmatch(rf"{APP}/src/[^/]+/__init__\.py", entry.path) for entry in self.entries)
        return (APP, f"{APP}/src") if packages else (APP,)


@dataclass(frozen=True, slots=True)
class SecretRules:
    """What else counts: `values` of secrets by name, and paths that are `allowed` with the reason why."""

    values: Mapping[str, str] = field(default_factory=dict)
    allowed: Mapping[str, str] = field(default_factory=dict)


def read_source(tree: Path, rules: SecretRules | None = None) -> Source:
    """Reads a working tree; findings say which files are refused and why.

    Raises SourceMissing without a directory, ToolMissing where git is needed and missing or refuses.
    """
    if not tree.is_dir():
        raise SourceMissing("the build context is not a directory", where=tree)
    listed, commit, is_dirty = _from_git(tree) if _is_repository(tree) else (_from_walk(tree), "", False)
    ignored = _docker_ignore(tree)
    entries, findings = [], []
    for path in sorted(listed, key=os.fsencode):
        if _is_never(path) or ignored.match_file(path):
            continue
        found = list(_check(tree, path, rules or SecretRules()))
        findings += found
        if not found:
            entries.append(_entry(tree, path, executable=listed[path]))
    return Source(tuple(entries), tuple(findings), commit, is_dirty)


def identities(tree: Path, commit: str, *, since: str = "") -> tuple[str, ...]:
    """Returns the addresses of the authors and committers of a commit, and of all since another one that leads to it.

    Raises SourceMissing where the commit is not in this repository, ToolMissing without git.
    """
    known = {name: _git(tree, "cat-file", "-t", name, fails=False).strip() for name in (commit, since) if name}
    if known[commit] != "commit":
        raise SourceMissing("the source commit is not in this repository", where=commit)
    span = [f"{since}..{commit}"] if known.get(since) == "commit" and since != commit else ["-1", commit]
    written = _git(tree, "log", "--format=%ae%n%ce", *span, "--").split("\n")
    return tuple(sorted({address.strip() for address in written if address.strip()}))


def version(tree: Path) -> str:
    """Returns what version control calls the tree: the commit's tag, else its date and short name; `0` without any.

    A tree with changes that are not committed ends in `-dirty`. Raises ToolMissing without git.
    """
    if not _is_repository(tree):
        return "0"
    named = _git(tree, "describe", "--tags", "--exact-match", "HEAD", fails=False).strip()
    dated = _git(tree, "log", "-1", "--format=%cd-%h", "--date=format:%Y%m%d", "HEAD", "--", fails=False).strip()
    is_dirty = bool(_git(tree, "status", "--porcelain", "-z", "--", "."))
    return f"{named or dated or '0'}{'-dirty' if is_dirty else ''}"


def _entry(tree: Path, path: str, *, executable: bool) -> Entry:
    place = tree / path
    if place.is_symlink():
        return Entry(f"{APP}/{path}", Kind.SYMLINK, 0o777, link=str(place.readlink()))
    mode = 0o755 if executable else 0o644
    return Entry(f"{APP}/{path}", Kind.FILE, mode, Content(place.stat().st_size, lambda: place.open("rb")))


def _check(tree: Path, path: str, rules: SecretRules) -> Iterator[Finding]:
    place = tree / path
    if place.is_symlink():
        target = str(place.readlink())
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if target.startswith("/") or inside == ".." or inside.startswith("../"):
            says = f"a symlink to {target} leaves the app"
            yield Finding("SW-1013", Level.ERROR, says, path, "replace it by the file, or add it to .dockerignore")
        return
    if path in rules.allowed:
        return
    with place.open("rb") as stream:
        secret = looks_secret(path) or find_secrets(stream, rules.values)
    if secret:
        hint = "add it to .dockerignore and pass it as a Compose secret, or allow it with a reason"
        yield Finding("SW-1007", Level.ERROR, f"a secret would enter the image: {secret}", path, hint)


def _is_never(path: str) -> bool:
    return path.endswith((".pyc", ".pyo")) or not _NEVER.isdisjoint(path.split("/"))


def _is_repository(tree: Path) -> bool:
    return any((parent / ".git").exists() for parent in (tree.absolute(), *tree.absolute().parents))


def _from_git(tree: Path) -> tuple[dict[str, bool], str, bool]:
    """Returns path → execute bit, the commit and whether anything differs from it."""
    listed = {path: mode == "100755" for mode, path in _tracked(tree) if _is_plain(tree / path)}
    for path in _git(tree, "ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        if path.endswith("/"):
            raise NotYet(
                f"another repository inside the app ({path})", hint=f"add {path} to .dockerignore or .gitignore"
            )
        if path:
            listed[path] = bool(os.lstat(tree / path).st_mode & 0o100)
    commit = _git(tree, "rev-parse", "--verify", "-q", "HEAD", fails=False).strip()
    return listed, commit, bool(_git(tree, "status", "--porcelain", "-z", "--", "."))


def _tracked(tree: Path) -> Iterator[tuple[str, str]]:
    for line in _git(tree, "ls-files", "-z", "--stage").split("\0"):
        if line:
            facts, _, path = line.partition("\t")
            mode = facts.split(" ", 1)[0]
            if mode == _GITLINK:
                raise NotYet(
                    f"a git submodule inside the app ({path})", hint="vendor its files, or install it as a wheel"
                )
            yield mode, path


def _git(tree: Path, *arguments: str, fails: bool = True) -> str:
    program = shutil.which("git")
    if program is None:
        raise ToolMissing("git is not here, and this is a git repository", where=tree, hint="apt install git")
    # A file system monitor is a program that the repository names; nothing of the app is run.
    command = [program, "-c", "core.fsmonitor=false", "-c", "core.quotepath=off", "-C", str(tree), *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    if fails and done.returncode:
        says = os.fsdecode(done.stderr).strip().splitlines()
        raise ToolMissing(
            f"git refuses: {says[0] if says else done.returncode}",
            where=tree,
            hint="if the directory belongs to somebody else: git config --global --add safe.directory <directory>",
        )
    return os.fsdecode(done.stdout)


def _from_walk(tree: Path) -> dict[str, bool]:
    """Returns path → execute bit of all files that the root's .gitignore does not name."""
    ignored = _spec(tree / ".gitignore", _lines(tree / ".gitignore"))
    listed = {}
    for directory, directories, names in os.walk(tree):
        at = Path(directory).relative_to(tree)
        links = [name for name in directories if (Path(directory) / name).is_symlink()]
        directories[:] = [name for name in directories if name not in _NEVER and name not in links]
        if (Path(directory) / "pyvenv.cfg").is_file():
            directories.clear()
            continue
        for name in (*names, *links):
            path = (at / name).as_posix()
            if not ignored.match_file(path) and _is_plain(tree / path):
                listed[path] = bool(os.lstat(tree / path).st_mode & 0o100)
    return listed


def _is_plain(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _docker_ignore(tree: Path) -> pathspec.PathSpec[basic.GitIgnoreBasicPattern]:
    return _spec(tree / ".dockerignore", _anchored(_lines(tree / ".dockerignore")))


def _anchored(lines: Iterable[str]) -> Iterator[str]:
    """Turns patterns of a .dockerignore into such of a .gitignore: all count from the root, none means directories."""
    for line in lines:
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        negated, pattern = ("!", pattern[1:].strip()) if pattern.startswith("!") else ("", pattern)
        cleaned = posixpath.normpath(f"/{pattern}").lstrip("/")
        if cleaned:
            yield f"{negated}/{cleaned}"


def _spec(path: Path, lines: Iterable[str]) -> pathspec.PathSpec[basic.GitIgnoreBasicPattern]:
    try:
        return pathspec.PathSpec.from_lines(basic.GitIgnoreBasicPattern, lines)
    except gitignore.GitIgnorePatternError as error:
        raise SourceMissing(f"{path.name} has a pattern that cannot be read: {error}", where=path) from error


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(f"{path.name} cannot be read: {error}", where=path) from error
