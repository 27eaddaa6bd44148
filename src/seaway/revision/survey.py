"""What lies in a project's folder: the lock of its packages, its Dockerfile, its program, its models, who owns it.

Nothing is run and nothing outside the folder is read; sources are bounded in number and size. A lock counts when a
native image can be built from it: `pylock.toml`, `uv.lock`, or requirements with hashes.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from seaway.revision.dockerfile import Dockerfile, read_dockerfile
from seaway.revision.program import Program, find_program

LOCKS = ("pylock.toml", "uv.lock", "requirements.txt")
_MORE_LOCKS = ("requirements.lock", "requirements-lock.txt", "requirements/base.txt", "requirements/production.txt")
_SKIPPED = frozenset(("node_modules", "venv", "tests", "test", "docs", "build", "dist", "migrations", "__pycache__"))
_WEIGHTS = (".safetensors", ".gguf", ".onnx", ".pt", ".pth", ".bin", ".pkl", ".joblib", ".tflite", ".h5", ".npz")
_FILES, _LARGEST, _DEPTH = 300, 256 << 10, 4


@dataclass(frozen=True, slots=True)
class Survey:
    """What a folder holds; `lock` fits a native image, `unhashed` names requirements that do not; `models` folders."""

    directory: Path
    lock: str | None
    unhashed: str | None
    packages: frozenset[str]
    python: str
    dockerfile: Dockerfile | None
    program: Program | None
    models: tuple[str, ...]


def survey(directory: Path, dockerfile: str = "Dockerfile") -> Survey:
    """Returns what a folder holds."""
    lock = next((name for name in (*LOCKS, *_MORE_LOCKS) if _fits(directory / name)), None)
    unhashed = next((name for name in ("requirements.txt", "pyproject.toml") if (directory / name).is_file()), None)
    packages = frozenset(_packages(directory, lock or unhashed))
    docker = _text(directory / dockerfile)
    read = read_dockerfile(docker) if docker else None
    return Survey(
        directory=directory,
        lock=lock,
        unhashed=None if lock else unhashed,
        packages=packages,
        python=_python(directory) or (read.python if read else ""),
        dockerfile=read,
        program=find_program(dict(_sources(directory)), packages),
        models=tuple(_models(directory)),
    )


def owner(directory: Path) -> str | None:
    """Returns who owns everything as CODEOWNERS says it; the last rule for all files counts."""
    for name in ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS"):
        for line in reversed((_text(directory / name) or "").splitlines()):
            words = line.partition("#")[0].split()
            if len(words) > 1 and words[0] in ("*", "**", "/"):
                return words[1].removeprefix("@").rpartition("/")[2]
    return None


def _text(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > 64 * _LARGEST:
            return None
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _fits(path: Path) -> bool:
    text = _text(path)
    if not text:
        return False
    return path.suffix in (".toml",) or path.name == "uv.lock" or "--hash=sha256:" in text


def _packages(directory: Path, name: str | None) -> Iterator[str]:
    text = _text(directory / name) if name else None
    if text is None:
        return
    if not str(name).endswith((".toml", "uv.lock")):
        names = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[([^\]]*)\])?", text, re.MULTILINE)
        yield from (canonicalize_name(found) for found, _ in names)
        yield from ("uvicorn" for found, extras in names if found.lower() == "fastapi" and "standard" in extras)
        return
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for package in [*raw.get("package", []), *raw.get("packages", [])]:
        yield canonicalize_name(str(package.get("name", "")))
    for wanted in raw.get("project", {}).get("dependencies", []):
        yield canonicalize_name(re.split(r"[\[<>=!~; ]", str(wanted))[0])


def _python(directory: Path) -> str:
    pinned = re.match(r"\s*(3\.\d+)", _text(directory / ".python-version") or "")
    return pinned[1] if pinned else ""


def _sources(directory: Path) -> Iterator[tuple[str, str]]:
    seen = 0
    for folder, folders, names in os.walk(directory):
        at = Path(folder).relative_to(directory)
        keep = [name for name in sorted(folders) if name not in _SKIPPED and not name.startswith(".")]
        folders[:] = keep if len(at.parts) < _DEPTH and not (Path(folder) / "pyvenv.cfg").is_file() else []
        for name in sorted(names):
            if not name.endswith(".py") or name.startswith(("test_", "conftest")):
                continue
            seen += 1
            path = Path(folder) / name
            if seen <= _FILES and not path.is_symlink() and path.stat().st_size <= _LARGEST:
                text = _text(path)
                if text is not None:
                    yield (at / name).as_posix(), text


def _models(directory: Path) -> Iterator[str]:
    """Yields the folders, one level down, that hold files of weights."""
    for path in sorted(directory.iterdir()):
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and path.name not in _SKIPPED:
            inside = (each for each in path.rglob("*") if each.suffix in _WEIGHTS and each.is_file())
            if next(inside, None) is not None:
                yield path.name
