"""Packages to a root file system: the rules that stand in place of maintainer scripts. Pure, runs nothing.

1. Paths follow the merged /usr: what lies in bin, sbin, lib, lib64 moves below usr, and links stand in their place.
2. Absolute links become relative, so that a root can be read from outside; hard links become files.
3. Modes become 0644 or 0755, a sticky directory stays 1777; owner root, no setuid, no devices.
4. Dropped: manuals, info, translations, lintian, documentation but copyright, byte code, the test parts of Python.
5. Written: users (root, nobody, 65532 nonroot), nsswitch, UTC as local time, the CA bundle and where OpenSSL looks
   for it, python3, the package list for scanners, and every mount point that a read-only root must already have.
6. Two packages may not own one path; a package whose scripts would set alternatives is refused, as its links
   would be missing.

Not here: choosing and fetching packages (`apt.py`), reading them (`deb.py`), the bytes of the layer (`layer.py`).
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from seaway.errors import BaseError
from seaway.image.deb import Deb
from seaway.image.model import Content, Entry, Kind

_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DROPPED = re.compile(
    r"usr/share/(man|info|locale|lintian)(/|$)"
    r"|usr/share/doc/[^/]+/(?!copyright$)"
    r"|(.*/)?__pycache__(/|$)"
    r"|usr/lib/python3\.\d+/(test|idlelib|tkinter|ensurepip)(/|$)"
)
_ALTERNATIVE = re.compile(r"update-alternatives\s+(?:--\S+\s+)*--install\s+(\S+)")
_CERTIFICATES = "usr/share/ca-certificates/mozilla/"
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_PASSWD = """\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin
"""
_GROUP = """\
root:x:0:
tty:x:5:
nogroup:x:65534:
nonroot:x:65532:
"""
_NSSWITCH = """\
passwd: files
group: files
hosts: files dns
networks: files
protocols: files
services: files
"""
_FILES = {
    "etc/passwd": _PASSWD,
    "etc/group": _GROUP,
    "etc/nsswitch.conf": _NSSWITCH,
    "etc/hosts": "",
    "etc/resolv.conf": "",
    "etc/hostname": "",
}
_LINKS = {
    "var/run": "../run",
    "var/lock": "../run/lock",
    "usr/lib/ssl/certs": "../../../etc/ssl/certs",
    "usr/lib/ssl/cert.pem": "../../../etc/ssl/certs/ca-certificates.crt",
}
_DIRECTORIES = {"dev": 0o755, "proc": 0o755, "sys": 0o755, "run": 0o755, "opt": 0o755, "root": 0o755, "tmp": 0o1777}


def root_entries(debs: Iterable[Deb]) -> tuple[Entry, ...]:
    """Returns the sorted entries of a root file system made of packages; raises BaseError for a clash (rule 6)."""
    packages = sorted(debs, key=lambda deb: deb.fields["Package"])
    tree: dict[str, Entry] = {}
    for deb in packages:
        _refuse_alternatives(deb)
        for entry in _payload(deb):
            _claim(tree, entry, deb.fields["Package"])
    for entry in _written(tree, packages):
        tree[entry.path] = entry
    return tuple(tree[path] for path in sorted(tree, key=lambda path: path.encode()))


def text_entry(path: str, text: str) -> Entry:
    """Returns a file of 0644 with that text."""
    return _bytes_entry(path, text.encode())


def _bytes_entry(path: str, data: bytes) -> Entry:
    return Entry(path, Kind.FILE, 0o644, Content(len(data), lambda: io.BytesIO(data)))


def _payload(deb: Deb) -> Iterator[Entry]:
    files = {entry.path: entry for entry in deb.entries}
    for entry in deb.entries:
        if entry.path in _MERGED and entry.kind is Kind.SYMLINK:
            continue  # trixie's base-files brings the links of rule 1 itself
        if entry.kind is Kind.HARDLINK:
            source = _source(files, entry)
            entry = replace(source, path=entry.path)
        path = _merge(entry.path)
        if not _DROPPED.match(path):
            yield _normal(entry, path)


def _source(files: dict[str, Entry], entry: Entry) -> Entry:
    while entry.kind is Kind.HARDLINK:
        entry = files[entry.link]
    return entry


def _merge(path: str) -> str:
    return f"usr/{path}" if path.split("/", 1)[0] in _MERGED else path


def _normal(entry: Entry, path: str) -> Entry:
    if entry.kind is Kind.SYMLINK:
        return Entry(path, Kind.SYMLINK, 0o777, link=_relative(entry.link, path))
    if entry.kind is Kind.DIRECTORY:
        return Entry(path, Kind.DIRECTORY, 0o1777 if entry.mode & 0o1002 == 0o1002 else 0o755)
    return Entry(path, Kind.FILE, 0o755 if entry.mode & 0o111 else 0o644, entry.content)


def _relative(link: str, path: str) -> str:
    """Returns a link's target as seen from the link's own directory; both follow the merged /usr."""
    absolute = link.startswith("/")
    target = link if absolute else posixpath.join("/", posixpath.dirname(path), link)
    merged = _merge(posixpath.normpath(target).lstrip("/"))
    if not absolute and f"/{merged}" == posixpath.normpath(target):
        return link
    return posixpath.relpath(f"/{merged}", posixpath.join("/", posixpath.dirname(path)))


def _claim(tree: dict[str, Entry], entry: Entry, package: str) -> None:
    known = tree.setdefault(entry.path, entry)
    if known is entry or known.kind is entry.kind is Kind.DIRECTORY:
        return
    if known.kind is entry.kind is Kind.SYMLINK and known.link == entry.link:
        return
    raise BaseError(f"{package} and another package both own a path", where=entry.path)


def _refuse_alternatives(deb: Deb) -> None:
    script = deb.scripts.get("postinst", "")
    if found := _ALTERNATIVE.search(script.replace("\\\n", " ")):
        raise BaseError(
            f"{deb.fields['Package']} sets the alternative {found[1]} in a script, and scripts are not run",
            where="x-seaway.image.packages",
            hint="use a base from a registry, or `rootfs:` with a tar made by mmdebstrap",
        )


def _written(tree: dict[str, Entry], debs: list[Deb]) -> Iterator[Entry]:
    tops = {path.split("/")[1] for path in tree if path.startswith("usr/")}
    for name in _MERGED:
        if name in tops:
            yield Entry(name, Kind.SYMLINK, 0o777, link=f"usr/{name}")
    for path, mode in _DIRECTORIES.items():
        yield Entry(path, Kind.DIRECTORY, mode)
    for path, text in _FILES.items():
        yield text_entry(path, text)
    for path, link in _LINKS.items():
        yield Entry(path, Kind.SYMLINK, 0o777, link=link)
    yield _bytes_entry(_BUNDLE, _bundle(tree))
    yield text_entry("var/lib/dpkg/status", "\n".join(_status(deb) for deb in debs))
    if "usr/share/zoneinfo/Etc/UTC" in tree:
        yield Entry("etc/localtime", Kind.SYMLINK, 0o777, link="../usr/share/zoneinfo/Etc/UTC")
        yield text_entry("etc/timezone", "Etc/UTC\n")
    if python := _python(tree):
        yield Entry("usr/bin/python3", Kind.SYMLINK, 0o777, link=python)


def _bundle(tree: dict[str, Entry]) -> bytes:
    blocks = []
    for path in sorted(path for path in tree if path.startswith(_CERTIFICATES) and path.endswith(".crt")):
        content = tree[path].content
        if content is not None:
            with content.open() as stream:
                blocks.append(stream.read().rstrip(b"\n") + b"\n")
    return b"".join(blocks)


def _status(deb: Deb) -> str:
    head, rest = deb.control.strip("\n").split("\n", 1)
    return f"{head}\nStatus: install ok installed\n{rest}\n"


def _python(tree: dict[str, Entry]) -> str | None:
    found = [path for path in tree if re.fullmatch(r"usr/bin/python3\.\d+", path)]
    return posixpath.basename(max(found, key=lambda path: int(path.rpartition(".")[2]))) if found else None
