"""Packages to a root file system: each rule that stands in place of a maintainer script."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.image_inputs.builders import link, make_deb, member, tar, text

from seaway.errors import BaseError
from seaway.image.deb import Deb, read_deb, stanza_fields
from seaway.image.debian import root_entries
from seaway.image.model import Entry, Kind

pytestmark = pytest.mark.rootless


def deb(name: str, *entries: Entry, script: str = "") -> Deb:
    """Returns a package as a value."""
    control = f"Package: {name}\nVersion: 1\nArchitecture: amd64\nDepends: x,\n y\n"
    return Deb(control, {"postinst": script} if script else {}, entries)


def rooted(*entries: Entry) -> dict[str, Entry]:
    """Returns the root file system of one package, by path."""
    return {entry.path: entry for entry in root_entries([deb("p", *entries)])}


def read(entry: Entry) -> str:
    """Returns a file's text."""
    assert entry.content is not None
    with entry.content.open() as stream:
        return stream.read().decode()


def test_a_package_is_read_without_running_it(tmp_path: Path) -> None:
    """Control fields, scripts and payload come from the archive's parts."""
    payload = tar(
        member("./usr/bin/x", b"#!", mode=0o755), member("./usr/bin/y", kind=tarfile.LNKTYPE, linkname="./usr/bin/x")
    )
    found = read_deb(make_deb(tmp_path / "x.deb", "x", payload, script="rm -rf /"), tmp_path)
    assert found.fields["Package"] == "x"
    assert found.scripts == {"postinst": "rm -rf /"}
    assert [(entry.path, entry.kind, entry.link) for entry in found.entries] == [
        ("usr/bin/x", Kind.FILE, ""),
        ("usr/bin/y", Kind.HARDLINK, "usr/bin/x"),
    ]


DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: b"",
    lambda data: data[:200],
    lambda data: b"!<arch>\n",
    lambda data: data.replace(b"data.tar", b"none.tar"),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_package_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """Cut and foreign files name themselves in the error."""
    path = make_deb(tmp_path / "x.deb", "x", tar(member("a", b"1")))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BaseError) as refused:
        read_deb(path, tmp_path)
    assert refused.value.where == "x.deb"


def test_a_hostile_package_is_refused(tmp_path: Path) -> None:
    """A payload that leaves its root is no payload."""
    with pytest.raises(BaseError, match="leaves the archive"):
        read_deb(make_deb(tmp_path / "x.deb", "x", tar(member("../../etc/cron.d/x", b"1"))), tmp_path)


def test_stanzas_keep_continuation_lines() -> None:
    """A field may go over lines."""
    assert stanza_fields("A: 1\nB: 2\n 3\n 4\nC:\n") == {"A": "1", "B": "2\n 3\n 4", "C": ""}


def test_paths_follow_the_merged_usr() -> None:
    """What packages put into bin and lib lies below usr, and links stand in their place."""
    root = rooted(text("bin/sh", mode=0o755), text("lib/x.so"), text("lib64/ld.so"), text("usr/bin/y"))
    assert {"usr/bin/sh", "usr/lib/x.so", "usr/lib64/ld.so", "usr/bin/y"} <= root.keys()
    assert [(name, root[name].link) for name in ("bin", "lib", "lib64")] == [
        ("bin", "usr/bin"),
        ("lib", "usr/lib"),
        ("lib64", "usr/lib64"),
    ]
    assert not [path for path in root if path.startswith(("bin/", "lib/", "lib64/"))]


def test_links_of_the_merged_usr_in_a_package_are_ours() -> None:
    """trixie's base-files brings the links itself; they are no clash."""
    root = rooted(Entry("usr/bin", Kind.DIRECTORY), link("bin", "usr/bin"), text("usr/bin/x"))
    assert root["bin"].link == "usr/bin"
    assert root["usr/bin"].kind is Kind.DIRECTORY


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("lib64/ld-linux.so.2", "/lib/x86/ld.so", "../lib/x86/ld.so"),
        ("etc/os-release", "../usr/lib/os-release", "../usr/lib/os-release"),
        ("usr/lib/a.so", "b.so.1", "b.so.1"),
        ("usr/share/x", "/etc/y", "../../etc/y"),
        ("usr/lib/z.so", "/lib/z.so.1", "z.so.1"),
        ("sbin/ldconfig", "../lib/ldconfig", "../lib/ldconfig"),
    ],
)
def test_links_are_relative_and_follow_the_merged_usr(path: str, target: str, expected: str) -> None:
    """A link means the same from outside the root as inside."""
    merged = f"usr/{path}" if path.split("/")[0] in ("lib64", "sbin") else path
    assert rooted(link(path, target))[merged].link == expected


def test_modes_and_setuid_are_normal() -> None:
    """Files become 0644 or 0755, directories 0755, a world-writable sticky directory stays one."""
    root = rooted(
        text("usr/bin/su", mode=0o4755),
        text("etc/shadow", mode=0o640),
        text("usr/bin/own", mode=0o700),
        Entry("var/tmp", Kind.DIRECTORY, 0o1777),
        Entry("var/mail", Kind.DIRECTORY, 0o2775),
    )
    modes = [root[path].mode for path in ("usr/bin/su", "etc/shadow", "usr/bin/own", "var/tmp", "var/mail")]
    assert modes == [0o755, 0o644, 0o755, 0o1777, 0o755]


def test_hard_links_become_files() -> None:
    """Each name has the bytes."""
    root = rooted(text("usr/bin/a", "x", 0o755), Entry("usr/bin/b", Kind.HARDLINK, link="usr/bin/a"))
    assert (root["usr/bin/b"].kind, read(root["usr/bin/b"]), root["usr/bin/b"].mode) == (Kind.FILE, "x", 0o755)


def test_what_nobody_reads_is_dropped() -> None:
    """Manuals, translations, byte code and Python's own tests stay out; licences stay in."""
    kept = {
        "usr/share/doc/p/copyright",
        "usr/lib/python3.11/os.py",
        "usr/share/zoneinfo/UTC",
        "usr/lib/python3.11/testing.py",
    }
    dropped = {
        "usr/share/man/man1/x.1.gz",
        "usr/share/info/x",
        "usr/share/locale/de/x.mo",
        "usr/share/lintian/x",
        "usr/share/doc/p/README",
        "usr/share/doc/p/examples/copyright",
        "usr/lib/python3.11/__pycache__/os.pyc",
        "usr/lib/python3.11/test/regrtest.py",
        "usr/lib/python3.11/idlelib/x.py",
        "usr/lib/python3.11/tkinter/x.py",
        "usr/lib/python3.11/ensurepip/x.py",
    }
    root = rooted(*map(text, sorted(kept | dropped)))
    assert kept <= root.keys()
    assert not dropped & root.keys()


def test_mount_points_exist_in_a_read_only_root() -> None:
    """A root that cannot be written must already have what is mounted into it."""
    root = rooted()
    assert {"dev", "proc", "sys", "run", "tmp", "etc/hosts", "etc/resolv.conf", "etc/hostname"} <= root.keys()
    assert root["tmp"].mode == 0o1777


def test_users_are_written() -> None:
    """root, nobody and 65532 have names, and no shell."""
    lines = read(rooted()["etc/passwd"]).splitlines()
    assert [line.split(":")[0] for line in lines] == ["root", "nobody", "nonroot"]
    assert lines[2].split(":")[2:4] == ["65532", "65532"]
    assert "nonroot:x:65532:" in read(rooted()["etc/group"])


def test_certificates_become_one_bundle() -> None:
    """The bundle holds each certificate, sorted by name, and OpenSSL's own paths lead to it."""
    place = "usr/share/ca-certificates/mozilla"
    root = rooted(text(f"{place}/B.crt", "b\n\n"), text(f"{place}/A.crt", "a"), text(f"{place}/C.txt", "c"))
    assert read(root["etc/ssl/certs/ca-certificates.crt"]) == "a\nb\n"
    assert root["usr/lib/ssl/cert.pem"].link.endswith("/etc/ssl/certs/ca-certificates.crt")


def test_scanners_find_the_package_list() -> None:
    """dpkg's status names each package as installed."""
    root = {entry.path: entry for entry in root_entries([deb("b"), deb("a")])}
    stanzas = read(root["var/lib/dpkg/status"]).split("\n\n")
    assert [stanza_fields(stanza)["Package"] for stanza in stanzas] == ["a", "b"]
    assert all(stanza_fields(stanza)["Status"] == "install ok installed" for stanza in stanzas)


def test_python3_is_the_newest() -> None:
    """The link leads to the highest version that is there."""
    root = rooted(text("usr/bin/python3.9", mode=0o755), text("usr/bin/python3.11", mode=0o755))
    assert root["usr/bin/python3"].link == "python3.11"
    assert "usr/bin/python3" not in rooted()


def test_entries_are_sorted_whatever_the_order_of_packages() -> None:
    """The order of packages changes nothing."""
    one, two = deb("a", text("usr/z"), text("usr/é")), deb("b", text("usr/a"))
    paths = [entry.path for entry in root_entries([one, two])]
    assert paths == sorted(paths, key=str.encode)
    assert paths == [entry.path for entry in root_entries([two, one])]


def test_two_packages_may_share_directories_and_equal_links_only() -> None:
    """A path of two packages is a clash that names it."""
    shared = (Entry("usr/share", Kind.DIRECTORY), link("usr/lib/x", "y"))
    root_entries([deb("a", *shared), deb("b", *shared)])
    with pytest.raises(BaseError, match="both own") as refused:
        root_entries([deb("a", text("usr/bin/x")), deb("b", text("usr/bin/x"))])
    assert refused.value.where == "usr/bin/x"


def test_alternatives_are_refused() -> None:
    """A package that needs its script for a library's name cannot be had without scripts."""
    script = "set -e\nupdate-alternatives --quiet \\\n --install /usr/lib/libblas.so.3 libblas /usr/lib/blas/l.so 10\n"
    with pytest.raises(BaseError, match=r"alternative /usr/lib/libblas\.so\.3"):
        root_entries([deb("libblas3", script=script)])
