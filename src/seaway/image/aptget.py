"""The only file that runs apt: private directories, the machine's own mirrors, keys and proxies.

Rules: nothing of the machine's installed packages, pins or hooks is looked at; a private `status` is empty, else
the answer would depend on the host. Settings of `apt.conf.d` are taken over without their hooks, which fail for
users and say nothing about an archive. apt checks the archive's signature; any index that cannot be had or checked
is an error. A file is kept only if its bytes have the hash that was asked for.

Not here: which packages are wanted (`apt.py`), what is made of them (`debian.py`).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import BaseError, ToolMissing
from seaway.image.deb import stanza_fields

_CODENAME = re.compile(r"(?:stable|oldstable|testing|bullseye|bookworm|trixie|forky)(|-updates|-security)")
_HELPERS = ("/usr/lib/apt/apt-helper", "/usr/libexec/apt/apt-helper")
MACHINE = Path("/etc/apt/apt.conf.d")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PATHS = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Mirror:
    """An archive this machine uses: `uri` with a trailing slash, `pocket` "", "-updates" or "-security"."""

    uri: str
    pocket: str
    signed_by: str = ""


def mirrors() -> tuple[Mirror, ...]:
    """Returns the Debian archives of this machine's apt, in its order; raises ToolMissing, BaseError."""
    targets = _run([_apt_get(), "indextargets", "--no-release-info", "Created-By: Packages"])
    found: dict[Mirror, None] = {}
    for target in map(stanza_fields, targets.split("\n\n")):
        pocket = _CODENAME.fullmatch(target.get("Release", ""))
        if pocket and target.get("Component") == "main":
            found[Mirror(target["Repo-URI"], pocket[1], _signed_by(target.get("Sourcesentry", "")))] = None
    if not found:
        raise BaseError(
            "this machine's apt knows no Debian mirror",
            hint="add one (and the package debian-archive-keyring) to apt's sources, or use a base from a registry",
        )
    return tuple(found)


class Apt:
    """apt with private directories for one suite and architecture."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def update(self, *, within: float = 0.0) -> None:
        """Brings the lists up to date, unless they were for these sources `within` seconds.

        Any index that cannot be had or checked is an error.
        """
        home = self.config.parent
        mark, sources = home / "updated", (home / "sources.d" / "debian.sources").read_text()
        if mark.is_file() and 0 <= time.time() - mark.stat().st_mtime < within and mark.read_text() == sources:
            return
        mark.unlink(missing_ok=True)
        self._call("apt-get", "update", "-q")
        mark.write_text(sources)

    def show(self, names: Sequence[str]) -> dict[str, str]:
        """Returns the stanza of each name's newest version; a virtual name is answered by its first provider."""
        text = self._call("apt-cache", "show", "--no-all-versions", *names, fails=False)
        stanzas = {stanza_fields(stanza)["Package"]: stanza for stanza in text.split("\n\n") if stanza.strip()}
        found = {name: stanzas[name] for name in names if name in stanzas}
        for name in names:
            if name not in found and (provider := self._provider(name)):
                found[name] = self.show([provider])[provider]
        return found

    def _provider(self, name: str) -> str | None:
        text = self._call("apt-cache", "showpkg", name, fails=False)
        providers = text.partition("Reverse Provides:")[2].split("\n")
        return min((line.split(" ", 1)[0] for line in providers if line.strip()), default=None)

    def _call(self, program: str, *arguments: str, fails: bool = True) -> str:
        return _run([str(Path(_apt_get()).with_name(program)), *arguments], config=self.config, fails=fails)


@contextmanager
def private_apt(suite: str, architecture: str, cache: Path) -> Iterator[Apt]:
    """Gives an apt that sees one suite and architecture and nothing of what this machine has installed."""
    home = (cache / "apt" / f"{suite}-{architecture}").absolute()
    for name in ("conf.d", "sources.d", "none", "state/lists/partial", "cache/archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second resolution of the same suite waits for the first
        _set_up(home, suite, architecture)
        yield Apt(home / "apt.conf")


def _set_up(home: Path, suite: str, architecture: str) -> None:
    (home / "status").write_text("")
    (home / "sources.d" / "debian.sources").write_text(_sources(suite, mirrors()))
    (home / "apt.conf").write_text(f'Dir::Etc::parts "{home}/conf.d";\nDir::Etc::main "/dev/null";\n')
    _copy_configuration(home, architecture)


def _copy_configuration(home: Path, architecture: str) -> None:
    """Takes over the machine's settings, without its hooks, then sets what is ours; the last file wins."""
    for path in sorted(MACHINE.glob("*")):
        if path.is_file() and os.access(path, os.R_OK):
            shutil.copyfile(path, home / "conf.d" / path.name)
    (home / "conf.d" / "zzzz-seaway").write_text(
        "#clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
        "#clear APT::Architectures;\n#clear Acquire::IndexTargets::deb::DEP-11;\n"
        f'Dir::State "{home}/state";\nDir::State::status "{home}/status";\n'
        f'Dir::Cache "{home}/cache";\nDir::Cache::pkgcache "pkgcache.bin";\nDir::Cache::srcpkgcache "src.bin";\n'
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{home}/sources.d";\n'
        f'Dir::Etc::preferences "/dev/null";\nDir::Etc::preferencesparts "{home}/none";\n'
        f'APT::Architecture "{architecture}";\nAPT::Architectures {{ "{architecture}"; }};\n'
        'APT::Sandbox::User "root";\nAPT::Update::Error-Mode "any";\n'
        'Acquire::Languages "none";\nAcquire::AllowInsecureRepositories "false";\n'
    )


def _sources(suite: str, known: Iterable[Mirror]) -> str:
    """Returns the machine's archives as deb822 sources for another suite (sources.list(5))."""
    blocks = []
    for mirror in known:
        signed = f"Signed-By: {mirror.signed_by}\n" if mirror.signed_by else ""
        blocks.append(f"Types: deb\nURIs: {mirror.uri}\nSuites: {suite}{mirror.pocket}\nComponents: main\n{signed}")
    return "\n".join(dict.fromkeys(blocks))


def _signed_by(entry: str) -> str:
    """Returns the keyring that a source names, else Debian's own where it is installed."""
    path = Path(entry.rpartition(":")[0])
    text = path.read_text(errors="replace") if path.is_file() and os.access(path, os.R_OK) else ""
    named = re.search(r"signed-by\s*[:=]\s*(/[^\s\]]+)", text, re.IGNORECASE)
    return named[1] if named else str(_KEYRING) if _KEYRING.is_file() else ""


def download(wanted: Iterable[tuple[str, Path, Digest]]) -> None:
    """Downloads each (URL, path, SHA-256) that can be had, with apt's proxies and logins; the rest is not there after.

    Bytes of another hash are never kept.
    """
    helper = next((path for path in _HELPERS if os.access(path, os.X_OK)), None)
    if helper is None:
        raise ToolMissing("apt-helper is not here", hint="apt install apt")
    arguments: list[str] = []
    parts = []
    for url, path, digest in wanted:
        part = path.with_name(f"{path.name}.{os.getpid()}.partial")
        parts.append((part, path, digest))
        arguments += [url, str(part), f"SHA256:{digest.hex}"]
    try:
        _run([helper, "-o", "APT::Sandbox::User=root", "download-file", *arguments], fails=False)
        for part, path, digest in parts:
            if is_whole(part, digest):
                _own(part).replace(path)
    finally:
        for part, _, _ in parts:
            part.unlink(missing_ok=True)


def _own(part: Path) -> Path:
    """Returns a file that is not a symlink: of a `file:` mirror apt gives only a link to the mirror's own file."""
    if part.is_symlink():
        source = part.resolve()
        part.unlink()
        shutil.copyfile(source, part)
    return part


def is_whole(path: Path, digest: Digest) -> bool:
    """Tells whether a file is there and has that hash."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return Digest.of_stream(stream) == digest


def _apt_get() -> str:
    path = shutil.which("apt-get", path=_PATHS)
    if path is None:
        raise ToolMissing("apt is not here", hint="apt install apt, or use a base from a registry")
    return path


def _run(command: Sequence[str], *, config: Path | None = None, fails: bool = True) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("APT_", "LC_", "LANG"))}
    environment |= {"LC_ALL": "C.UTF-8"} | ({"APT_CONFIG": str(config)} if config else {})
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, errors="replace")
    if fails and done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))] or done.stderr.splitlines()
        raise BaseError(
            f"{Path(command[0]).name} failed: {' '.join(lines[-3:])}", hint="check the mirror and the network"
        )
    return done.stdout
