"""The package index: wheels by name, version and hash, through the index that this machine's tools are set up for.

Rules: the index is that of PIP_INDEX_URL, UV_DEFAULT_INDEX or UV_INDEX_URL, pip's own configuration, or the one
that pip or uv name as their default; this file names none. Answers are read as PEP 691 JSON, else as PEP 503
HTML. A wheel enters the cache only whole and with the SHA-256 asked for, under `wheels/<hex>/<filename>`, and is
hashed again when it is taken from there.

Not here: choosing among wheels by tag (`lock.py`), reading wheels (`wheel.py`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from seaway.digest import Digest
from seaway.errors import DigestMismatch, ToolMissing, WheelError
from seaway.http import Client

_VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_PAGE_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A wheel as the index lists it; `size` is None where the index does not say."""

    filename: str
    url: str
    sha256: Digest
    size: int | None = None

    @property
    def version(self) -> Version:
        """The version in the file's name."""
        return parse_wheel_filename(self.filename)[1]


def list_wheels(name: str, *, client: Client | None = None) -> tuple[WheelFile, ...]:
    """Returns all wheels of a project that have a SHA-256 and are not yanked, in the order of the index.

    Raises WheelError for a project that the index does not have.
    """
    index = index_url()
    page = f"{index.rstrip('/')}/{canonicalize_name(name)}/"
    answer = (client or Client(error=WheelError)).get(page, headers={"Accept": _ACCEPT}, limit=_PAGE_LIMIT)
    if answer.status != 200:
        raise WheelError(f"the package index has no {name} (status {answer.status})", where=urlsplit(page).hostname)
    is_json = answer.headers.get("content-type", "").startswith(_JSON)
    listed = _from_json(answer.body) if is_json else _from_html(answer.body)
    return tuple(
        WheelFile(filename, _with_login(urljoin(answer.url, url), index), Digest(sha256), size)
        for filename, url, sha256, size in listed
        if _is_wheel(filename) and re.fullmatch("[0-9a-f]{64}", sha256)
    )


def find_wheel(name: str, version: str, *, client: Client | None = None) -> WheelFile:
    """Returns one wheel of a version for who wants files that are no code, always the same one; raises WheelError.

    A wheel for every platform comes first, then one for Linux, then by name.
    """
    wheels = [wheel for wheel in list_wheels(name, client=client) if wheel.version == _version(version)]
    if not wheels:
        raise WheelError(f"the package index has no wheel of {name} {version}", where=name)
    return min(
        wheels, key=lambda wheel: ("-none-any" not in wheel.filename, "linux" not in wheel.filename, wheel.filename)
    )


def fetch_wheel(name: str, version: str, *, sha256: Digest, cache: Path, client: Client | None = None) -> Path:
    """Returns the wheel with that hash, downloaded by name and version unless the cache has it.

    Raises WheelError where the index has no such file, DigestMismatch where it sends other bytes.
    """
    if kept := cached_wheel(sha256, cache=cache):
        return kept
    found = [wheel for wheel in list_wheels(name, client=client) if wheel.sha256 == sha256]
    if not found:
        raise WheelError(
            f"the index has no wheel of {name} {version} with {sha256}",
            where=name,
            hint="it was removed or replaced: run `seaway lock` to choose another",
        )
    return download_wheel(found[0], cache=cache, client=client)


def cached_wheel(sha256: Digest, *, cache: Path) -> Path | None:
    """Returns the cached wheel with that hash, hashed again; a damaged one is deleted and None returned."""
    place = cache / "wheels" / sha256.hex
    for path in sorted(place.glob("*.whl")):
        with path.open("rb") as stream:
            if Digest.of_stream(stream) == sha256:
                return path
        path.unlink()
    return None


def download_wheel(wheel: WheelFile, *, cache: Path, client: Client | None = None) -> Path:
    """Downloads a wheel into the cache, unless it is there, and returns its path; retries other bytes once."""
    if kept := cached_wheel(wheel.sha256, cache=cache):
        return kept
    path = cache / "wheels" / wheel.sha256.hex / wheel.filename
    client = client or Client(error=WheelError)
    try:
        client.download(wheel.url, path, digest=wheel.sha256)
    except DigestMismatch:
        client.download(wheel.url, path, digest=wheel.sha256)
    return path


@lru_cache
def index_url() -> str:
    """Returns the address of the index this machine is set up for, asking pip and uv where nothing says it."""
    for variable in _VARIABLES:
        if url := os.environ.get(variable, "").strip():
            return url
    for pip in _pips():
        if url := _said([*pip, "config", "get", "global.index-url"]).strip():
            return url
    for command in [[*pip, "download", "--help"] for pip in _pips()] + [["uv", "help", "pip", "install"]]:
        if found := re.search(r"\(?(?:by\s+)?default:?\s+<?(https?://[^\s)>]+)", _said(command)):
            return found[1]
    raise ToolMissing(
        "no package index is known: neither pip nor uv is here",
        hint="set PIP_INDEX_URL to the address of a package index, or install uv",
    )


def _pips() -> tuple[list[str], ...]:
    system = shutil.which("python3")
    return ([sys.executable, "-m", "pip"], *([[system, "-m", "pip"]] if system else []))


def _said(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else ""


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise WheelError(f"{text!r} is not a version") from error


def _is_wheel(filename: str) -> bool:
    try:
        parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return False
    return "/" not in filename


def _with_login(url: str, index: str) -> str:
    # An index with a login in its address lists files on its own host without one.
    ours, theirs = urlsplit(index), urlsplit(url)
    if ours.username and not theirs.username and (ours.hostname, ours.port) == (theirs.hostname, theirs.port):
        return theirs._replace(netloc=ours.netloc).geturl()
    return url


_Listed = Iterable[tuple[str, str, str, int | None]]


def _from_json(body: bytes) -> _Listed:
    try:
        files = json.loads(body)["files"]
        return [
            (file["filename"], file["url"], file["hashes"].get("sha256", ""), file.get("size"))
            for file in files
            if not file.get("yanked")
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WheelError(f"the package index answers no PEP 691 document: {error}") from error


def _from_html(body: bytes) -> _Listed:
    page = _Anchors()
    page.feed(body.decode("utf-8", "replace"))
    return page.files


class _Anchors(HTMLParser):
    """PEP 503: one anchor a file, its hash in the fragment."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, str, str, int | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag != "a" or "data-yanked" in values or not values.get("href"):
            return
        url, fragment = urldefrag(values["href"] or "")
        filename = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        self.files.append((filename, url, fragment.removeprefix("sha256="), None))
