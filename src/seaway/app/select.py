"""Which files make the app: the choice of files, name, profiles and variables as the command line of Compose makes it.

`-f`, then `COMPOSE_FILE`, then the default names searched upwards, each with its override. Variables: the process
environment over `--env-file`, or over `.env` beside the caller and in the project directory. Source: compose-go `cli`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seaway.app import dotenv
from seaway.app.sources import is_file, read_regular
from seaway.errors import ConsistencyError, InterpolationError, SourceMissing, UsageError

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


# What Go reads as a boolean.
_SWITCHES = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What to load; `override` is the file found by its name beside the first one, `environ` what interpolation
    sees, `shell` the part of it that the caller's process sets.
    """

    directory: Path
    files: tuple[Path, ...]
    override: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    shell: Mapping[str, str] = field(default_factory=dict)
    project_name: str | None = None
    profiles: tuple[str, ...] = ()
    env_files: tuple[Path, ...] = ()


def select(
    directory: Path,
    environ: Mapping[str, str],
    *,
    files: Sequence[str] = (),
    profiles: Sequence[str] = (),
    project_name: str | None = None,
    env_files: Sequence[str] = (),
    project_directory: Path | None = None,
) -> Selection:
    """Chooses as `docker compose` would in `directory`; raises SourceMissing where there is no compose file."""
    here = directory.absolute()
    shell = {**environ, "PWD": environ.get("PWD") or str(here)}
    variables = dict(shell)
    given = tuple(here / file for file in env_files or _listed(environ.get("COMPOSE_ENV_FILES")))
    folder = _folder(here, files, project_directory)
    read = given or _default_env_file(folder, environ)
    _merge_env_files(variables, read)
    chosen, override = _files(here, variables, files)
    first, folder = folder, folder if files or project_directory else chosen[0].parent
    if folder != first and not given:
        more = _default_env_file(folder, environ)
        _merge_env_files(variables, more)
        read += more
    if project_name and project_name != normal_name(project_name):
        raise UsageError(f"invalid project name {project_name!r}", hint="lower-case letters, digits, - and _")
    return Selection(folder, chosen, override, variables, shell, project_name, _profiles(variables, profiles), read)


def _listed(value: str | None) -> list[str]:
    return value.split(",") if value else []


def _folder(here: Path, files: Sequence[str], project_directory: Path | None) -> Path:
    """Returns the project's folder as far as options name it, else where one stands."""
    if project_directory:
        return Path(_clean(here / project_directory))
    return Path(_clean(here / files[0])).parent if files else here


def _default_env_file(folder: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    written = environ.get("COMPOSE_DISABLE_ENV_FILE")
    if written is not None and written not in _SWITCHES:
        raise UsageError(f"COMPOSE_DISABLE_ENV_FILE is {written!r}", hint="true or false")
    disabled = written is not None and _SWITCHES[written]
    return () if disabled or not is_file(folder / ".env") else (folder / ".env",)


def _merge_env_files(variables: dict[str, str], files: tuple[Path, ...]) -> None:
    """Adds what env files set and the variables lack; a later file may use an earlier one's."""
    for name, value in read_env_files(files, variables).items():
        variables.setdefault(name, value)


def read_env_files(
    files: Sequence[Path], variables: Mapping[str, str], read: Callable[[Path], bytes] = read_regular
) -> dict[str, str]:
    """Returns what env files set, a later file over an earlier one; raises SourceMissing, InterpolationError."""
    found: dict[str, str] = {}
    for file in files:
        if not is_file(file):
            raise SourceMissing(f"couldn't find env file: {file}", where=file)
        try:
            dotenv.parse(read(file).decode("utf-8", "replace"), variables.get, found)
        except ValueError as problem:
            raise InterpolationError(f"failed to read {file.name}: {problem}", where=file) from problem
    return found


def _profiles(variables: Mapping[str, str], given: Sequence[str]) -> tuple[str, ...]:
    """Returns the profiles named; without any there is the blank one, which a service may have too."""
    return tuple(given) or tuple(profile.strip() for profile in variables.get("COMPOSE_PROFILES", "").split(","))


def _files(here: Path, variables: Mapping[str, str], given: Sequence[str]) -> tuple[tuple[Path, ...], Path | None]:
    if not given and "COMPOSE_FILE" in variables:
        separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
        given = variables["COMPOSE_FILE"].split(separator)
    if given:
        chosen = tuple((here / file).absolute() for file in given)
        for file in chosen:
            if not is_file(file):
                raise SourceMissing(f"{file} is not there", where=file)
        return tuple(Path(_clean(file)) for file in chosen), None
    for folder in (here, *here.parents):
        first = next((folder / name for name in NAMES if is_file(folder / name)), None)
        if first is not None:
            override = next((folder / name for name in OVERRIDES if is_file(folder / name)), None)
            return (first,), override
    raise SourceMissing(
        "no compose file here or in a folder above", where=here, hint="write compose.yaml, or name one with -f"
    )


def _clean(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return str(Path(*parts))


def normal_name(name: str) -> str:
    """Returns a name reduced to what a project may be called."""
    return "".join(re.findall("[a-z0-9_-]", name.lower())).lstrip("_-")


def project_name(selection: Selection, written: str | None) -> str:
    """Returns the project's name: `-p`, `COMPOSE_PROJECT_NAME`, `name:` in a file (None: none), the directory's."""
    imposed = selection.project_name or selection.environ.get("COMPOSE_PROJECT_NAME")
    if imposed:
        if normal_name(imposed) != imposed:
            raise ConsistencyError(f"invalid project name {imposed!r}", hint="lower-case letters, digits, - and _")
        return imposed
    name = normal_name(selection.directory.name if written is None else written)
    if not name:
        raise ConsistencyError("project name must not be empty", hint="add name: at the top of the compose file")
    return name
