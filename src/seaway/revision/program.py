"""What a Python program is, read from its source: framework, how it is started, port, health path.

Sources are parsed, never imported or run. Where several programs lie in one folder, a server comes before a worker,
a worker before a script, and the file nearest to the folder before the others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_HEALTH = re.compile(r"/(?:[\w-]+/){0,2}(?:healthz?|ready|readyz|livez?|ping|health[_-]?check|status)/?")
_ASGI = {"FastAPI": 8000, "Starlette": 8000, "Quart": 8000, "Litestar": 8000}
_LIKELY = ("main", "app", "server", "api", "streamlit_app", "wsgi", "asgi", "__main__")
_ORDER = ("asgi", "wsgi", "streamlit", "gradio", "grpc", "celery", "worker", "job")


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a folder: its kind, the argument vector that starts it, its port and health path if it serves."""

    kind: str
    command: tuple[str, ...]
    port: int | None = None
    health: str | None = None

    @property
    def is_job(self) -> bool:
        """Whether it ends by itself."""
        return self.kind == "job"


@dataclass(frozen=True, slots=True)
class _File:
    path: PurePosixPath
    tree: ast.Module
    text: str

    @property
    def module(self) -> str:
        parts = self.path.with_suffix("").parts
        return ".".join(parts[1:] if parts[0] == "src" and len(parts) > 1 else parts)

    @property
    def rank(self) -> tuple[int, int, str]:
        named = _LIKELY.index(self.path.stem) if self.path.stem in _LIKELY else len(_LIKELY)
        return (len(self.path.parts), named, str(self.path))


def find_program(sources: Mapping[str, str], packages: frozenset[str]) -> Program | None:
    """Returns the program of a folder from its Python sources by path, or None where none is known."""
    files = sorted(filter(None, (_parsed(path, text) for path, text in sources.items())), key=lambda file: file.rank)
    found = [program for file in files for program in _programs(file, packages)]
    best = min(found, key=lambda each: _ORDER.index(each.kind), default=None)
    if best is None or best.port is None or best.kind == "grpc":
        return best
    health = next((path for file in files for path in _routes(file) if _HEALTH.fullmatch(path)), None)
    default = "/_stcore/health" if best.kind == "streamlit" else None
    return Program(best.kind, best.command, best.port, health or default)


def _parsed(path: str, text: str) -> _File | None:
    try:
        return _File(PurePosixPath(path), ast.parse(text), text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _programs(file: _File, packages: frozenset[str]) -> Iterator[Program]:
    for name, made in _made(file):
        if made in _ASGI and "uvicorn" in packages:
            port = _port(file, "run") or 8000
            yield Program("asgi", _served("uvicorn", f"{file.module}:{name}", port), port)
        elif made == "Flask":
            yield _flask(file, name, packages)
        elif made == "Celery":
            yield Program("celery", ("python", "-m", "celery", "-A", file.module, "worker"))
    start = ("python", str(file.path))
    if "streamlit" in _imports(file) and (_is_main(file) or file.path.stem in _LIKELY):
        served = ("--server.address", "0.0.0.0", "--server.port", "8501", "--server.headless", "true")
        yield Program("streamlit", ("python", "-m", "streamlit", "run", str(file.path), *served), 8501)
    elif "gradio" in _imports(file) and "launch" in _called(file):
        yield Program("gradio", start, 7860)
    elif "grpc" in _imports(file) and {"server", "add_insecure_port", "add_secure_port"} <= _called(file) | {
        "add_insecure_port",
        "add_secure_port",
    }:
        bound = re.search(r"add_(?:in)?secure_port\(\s*f?[\"'][^\"']*:(\d+)", file.text)
        yield Program("grpc", start, int(bound[1]) if bound else 50051)
    elif _is_main(file) or "# In[" in file.text:
        yield Program("worker" if _is_endless(file) else "job", start)


def _flask(file: _File, name: str, packages: frozenset[str]) -> Program:
    port = _port(file, "run") or (8000 if "gunicorn" in packages else 5000)
    if "gunicorn" in packages:
        return Program("wsgi", ("python", "-m", "gunicorn", "-b", f"0.0.0.0:{port}", f"{file.module}:{name}"), port)
    started = ("python", "-m", "flask", "--app", f"{file.module}:{name}", "run", "--host", "0.0.0.0")
    return Program("wsgi", (*started, "--port", str(port)), port)


def _served(server: str, target: str, port: int) -> tuple[str, ...]:
    return ("python", "-m", server, target, "--host", "0.0.0.0", "--port", str(port))


# -- what the source says --------------------------------------------------------------------------------------------


def _made(file: _File) -> Iterator[tuple[str, str]]:
    """Yields (name, class) of what the module makes at its top, and of factories by their call."""
    for node in file.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, _name(node.value.func)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call) and isinstance(node.target, ast.Name):
            yield node.target.id, _name(node.value.func)
        elif isinstance(node, ast.FunctionDef) and node.name in ("create_app", "make_app", "get_app"):
            inside = [_name(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)]
            yield from ((f"{node.name}()", made) for made in inside if made == "Flask")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _imports(file: _File) -> set[str]:
    found = set()
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _called(file: _File) -> set[str]:
    return {_name(node.func) for node in ast.walk(file.tree) if isinstance(node, ast.Call)}


def _routes(file: _File) -> Iterator[str]:
    """Yields the paths of routes: the first text given to what decorates a function."""
    for node in ast.walk(file.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and decorator.args and _name(decorator.func) in ("get", "route"):
                    first = decorator.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        yield first.value


def _port(file: _File, function: str) -> int | None:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and _name(node.func) == function:
            for keyword in node.keywords:
                if keyword.arg == "port":
                    numbers = [each.value for each in ast.walk(keyword.value) if isinstance(each, ast.Constant)]
                    return next((int(str(number)) for number in numbers if str(number).isdigit()), None)
    return None


def _is_main(file: _File) -> bool:
    return bool(re.search(r"^if __name__ == ['\"]__main__['\"]:", file.text, re.MULTILINE))


def _is_endless(file: _File) -> bool:
    """Returns whether a script goes on for ever: a loop without an end, or the worker of a queue."""
    if {"rq", "arq", "dramatiq"} & _imports(file):
        return True
    loops = (node for node in ast.walk(file.tree) if isinstance(node, ast.While))
    return any(isinstance(loop.test, ast.Constant) and loop.test.value for loop in loops)
