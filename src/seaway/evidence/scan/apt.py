"""Asks apt about packages of a suite, with the private configuration that whoever made it hands over.

Only questions are asked here: `apt-cache madison` for versions by suite, and where the lists are. Making the private
directories and updating them is the caller's; the machine's own apt is never asked.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from seaway.errors import NotScanned
from seaway.evidence.scan.debian import DebianArchive, read_archive

_PATHS = "/usr/local/bin:/usr/bin:/bin"
_HINT = "add the security suite to apt's sources, then seaway scan"


def ask_archive(suite: str, names: Iterable[str], *, configuration: Path, now: datetime) -> DebianArchive:
    """Returns what a suite and its security suite have of these packages; raises NotScanned.

    `configuration` is an apt.conf whose lists are up to date.
    """
    wanted = sorted(set(names))
    madison = _ask("apt-cache", "madison", "--", *wanted, configuration=configuration) if wanted else ""
    path = _release(suite, configuration)
    return read_archive(suite, madison, release=path.read_bytes(), source=_site(path), now=now)


def _release(suite: str, configuration: Path) -> Path:
    """Returns the signed Release file of the security suite, as apt has verified and kept it."""
    said = _ask("apt-config", "shell", "LISTS", "Dir::State::lists/d", configuration=configuration)
    lists = Path(shlex.split(said.partition("=")[2])[0])
    found = sorted(lists.glob(f"*_dists_{suite}-security_*Release"))  # InRelease, or Release with its signature beside
    if not found:
        raise NotScanned(f"apt has no list of {suite}-security", where=lists, hint=_HINT)
    return found[0]


def _site(path: Path) -> str:
    """Returns the archive a list is of, as apt spells it in the file's name."""
    return path.name.partition("_dists_")[0].replace("_", "/")


def _ask(program: str, *arguments: str, configuration: Path) -> str:
    environment = {
        "PATH": _PATHS,
        "LC_ALL": "C.UTF-8",
        "HOME": os.environ.get("HOME", "/"),
        "APT_CONFIG": str(configuration),
    }
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, env=environment, check=True, errors="replace"
        )
    except FileNotFoundError as error:
        raise NotScanned("apt is not here, so Debian packages cannot be compared", hint="apt install apt") from error
    except subprocess.CalledProcessError as error:
        raise NotScanned(f"{program} failed: {error.stderr.strip()[-200:]}", hint=_HINT) from error
    return done.stdout
