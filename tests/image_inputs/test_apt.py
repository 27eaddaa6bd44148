"""Closures of Debian packages: the walk and its cut set, the lock, and with a real apt the real thing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from seaway.app.service_keys import BaseKeys
from seaway.digest import Digest
from seaway.errors import BaseError, FindingsError
from seaway.image import apt, aptget
from seaway.image.apt import AptLock, AptPackage
from seaway.image.aptget import Mirror
from seaway.image.base import Bases
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.model import Platform

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is not here")


def archive(**packages: str) -> apt.Show:
    """Returns an archive's answers: name → its dependencies, with `provides NAME` for what it stands for."""

    def show(names: Sequence[str]) -> dict[str, str]:
        found = {}
        for name in names:
            real = next((one for one, needs in packages.items() if one == name or f"provides {name}" in needs), None)
            if real is not None:
                needs, _, provides = packages[real].partition("provides ")
                found[name] = f"Package: {real}\nVersion: 1\nDepends: {needs}\nProvides: {provides}\n"
        return found

    return show


@pytest.mark.rootless
def test_dependencies_are_walked() -> None:
    """What is reached comes in, versions and architectures are no part of a name."""
    show = archive(a="b (>= 1), c:any", b="d [amd64]", c="", d="a", e="")
    assert sorted(apt.walk(["a"], show)) == ["a", "b", "c", "d"]


@pytest.mark.rootless
def test_the_cut_is_applied_while_walking() -> None:
    """What only a cut package needs stays out; what another package needs as well comes in."""
    show = archive(a="dpkg, libzstd", b="dpkg", dpkg="libzstd, tar, liblzma", libzstd="", tar="", liblzma="")
    assert sorted(apt.walk(["a"], show)) == ["a", "libzstd"]
    assert sorted(apt.walk(["b"], show)) == ["b"]


@pytest.mark.rootless
def test_of_alternatives_the_first_counts_unless_one_is_there() -> None:
    """An alternative that is already in, or cut, answers the group."""
    assert sorted(apt.walk(["a"], archive(a="b | c", b="", c=""))) == ["a", "b"]
    assert sorted(apt.walk(["a", "c"], archive(a="b | c", b="", c=""))) == ["a", "c"]
    assert sorted(apt.walk(["a"], archive(a="debconf (>= 0.5) | debconf-2.0", debconf=""))) == ["a"]


@pytest.mark.rootless
def test_a_virtual_name_is_answered_by_who_provides_it() -> None:
    """The provider comes in under its own name, once."""
    show = archive(a="virtual, real", real="provides virtual")
    assert sorted(apt.walk(["a"], show)) == ["a", "real"]


@pytest.mark.rootless
def test_an_unknown_package_is_named() -> None:
    """A name that the archive lacks is the user's, or a dependency's."""
    with pytest.raises(BaseError, match="no package libgl99"):
        apt.walk(["libgl99"], archive())


@pytest.mark.rootless
def test_an_unknown_suite_lists_the_known() -> None:
    """A suite without a known Python cannot be a base."""
    with pytest.raises(BaseError) as refused:
        apt.resolve("potato", "amd64", (), cache=Path("/nonexistent"))
    assert refused.value.hint == "use one of bookworm, trixie"


LOCK = AptLock("bookworm", "amd64", (AptPackage("x", "1-1", "pool/main/x/x_1-1_amd64.deb", 3, Digest.of(b"deb")),))


@pytest.mark.rootless
def test_a_closure_survives_its_lock() -> None:
    """What is written is what is read."""
    assert AptLock.parse(json.loads(json.dumps(LOCK.json()))) == LOCK


@pytest.mark.rootless
@pytest.mark.parametrize(
    ("field", "value"), [("path", "/etc/passwd"), ("path", "pool/../../x"), ("sha256", "00"), ("size", "3")]
)
def test_a_damaged_closure_is_refused(field: str, value: str) -> None:
    """Paths that leave the archive and hashes that are none are refused."""
    body = json.loads(json.dumps(LOCK.json()))
    body["packages"][0][field] = value
    with pytest.raises(BaseError, match="not a closure"):
        AptLock.parse(body)


@needs_apt
@pytest.mark.rootless
def test_packages_are_fetched_by_hash_from_any_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong bytes of one mirror are thrown away and the next is asked."""
    for mirror, data in (("bad", b"bed"), ("good", b"deb")):
        path = tmp_path / mirror / LOCK.packages[0].path
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    known = tuple(Mirror(f"file:{tmp_path}/{name}/", "") for name in ("bad", "good"))
    monkeypatch.setattr(apt, "mirrors", lambda: known)
    (path,) = apt.fetch(LOCK, cache=tmp_path / "cache")
    assert path.read_bytes() == b"deb"
    assert list(path.parent.iterdir()) == [path]
    monkeypatch.setattr(apt, "mirrors", lambda: pytest.fail("nothing is missing, nobody is asked"))
    assert apt.fetch(LOCK, cache=tmp_path / "cache") == (path,)


@needs_apt
@pytest.mark.rootless
def test_a_package_that_is_gone_asks_for_an_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A security update replaces pool paths; the lock is then renewed by the user, never by itself."""
    monkeypatch.setattr(apt, "mirrors", lambda: (Mirror(f"file:{tmp_path}/", ""),))
    with pytest.raises(BaseError, match="no mirror has x 1-1") as refused:
        apt.fetch(LOCK, cache=tmp_path / "cache")
    assert refused.value.hint == "run `seaway lock --upgrade-base`"


@needs_apt
@pytest.mark.rootless
def test_a_damaged_file_in_the_cache_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is hashed each time."""
    path = tmp_path / LOCK.packages[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"deb")
    monkeypatch.setattr(apt, "mirrors", lambda: (Mirror(f"file:{tmp_path}/", ""),))
    (kept,) = apt.fetch(LOCK, cache=tmp_path / "cache")
    kept.write_bytes(b"rot")
    assert apt.fetch(LOCK, cache=tmp_path / "cache")[0].read_bytes() == b"deb"


def private_settings(tmp_path: Path) -> dict[str, str]:
    """Returns what apt says its settings are, in the private directories."""
    with aptget.private_apt("bookworm", "arm64", tmp_path) as private:
        shown = subprocess.run(
            [str(shutil.which("apt-config")), "dump"],
            env={**os.environ, "APT_CONFIG": str(private.config)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return dict(line.rstrip(";").split(" ", 1) for line in shown.splitlines() if " " in line)


@needs_apt
@pytest.mark.rootless
def test_apt_status_of_the_host_is_ignored(tmp_path: Path) -> None:
    """apt sees no installed package and works in our directories, for the architecture that is asked."""
    settings = private_settings(tmp_path)
    home = tmp_path / "apt" / "bookworm-arm64"
    assert settings["Dir::State::status"] == f'"{home}/status"'
    assert (home / "status").read_text() == ""
    assert settings["APT::Architecture"] == '"arm64"'
    assert settings["Dir::Cache"] == f'"{home}/cache"'


@needs_apt
@pytest.mark.rootless
def test_apt_hook_noise_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's proxy is taken over, its hooks, which fail for users, are not."""
    machine = tmp_path / "machine"
    machine.mkdir()
    hooks = "".join(
        f'APT::Update::{when} {{ "false"; }};\n' for when in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")
    )
    (machine / "99hooks").write_text(f'{hooks}Acquire::http::Proxy "http://proxy.example:3128";\n')
    monkeypatch.setattr(aptget, "MACHINE", machine)
    settings = private_settings(tmp_path)
    assert settings["Acquire::http::Proxy"] == '"http://proxy.example:3128"'
    assert "false" not in "".join(value for name, value in settings.items() if "Invoke" in name)


BUILD = """
import os, sys
from pathlib import Path
from seaway.image import apt
from seaway.image.apt import AptLock
from seaway.image.base import Bases
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.model import Platform
import json
os.umask(int(sys.argv[3], 8))
lock = AptLock.parse(json.loads(Path(sys.argv[1]).read_text()))
with apt.unpacked(apt.fetch(lock, cache=Path(sys.argv[2]))) as entries, open(os.devnull, "wb") as sink:
    print(write_layer(entries, sink).digest)
"""


@needs_apt
@pytest.mark.long
@pytest.mark.root
def test_a_base_is_equal_as_root_and_as_user(tmp_path: Path) -> None:
    """User, time zone, umask, hash seed and order change no byte; needs a Debian mirror."""
    lock = apt.resolve("bookworm", "amd64", ["libgomp1"], cache=tmp_path / "cache")
    paths = apt.fetch(lock, cache=tmp_path / "cache")
    with apt.unpacked(paths) as entries, Path(os.devnull).open("wb") as sink:
        expected = write_layer(entries, sink).digest
    (tmp_path / "lock").write_text(json.dumps(lock.json()))
    for path in (tmp_path, *tmp_path.rglob("*"), *tmp_path.parents[:2]):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.umask(0o077)
            os.environ["TZ"] = "Asia/Tokyo"
            with apt.unpacked(tuple(reversed(paths))) as entries, Path(os.devnull).open("wb") as sink:
                same = write_layer(entries, sink).digest == expected
        finally:
            os._exit(0 if locals().get("same") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for seed, zone, umask in (("1", "UTC", "022"), ("99", "America/Lima", "077")):
        done = subprocess.run(
            [sys.executable, "-c", BUILD, str(tmp_path / "lock"), str(tmp_path / "cache"), umask],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == str(expected)


@needs_apt
@pytest.mark.long
def test_a_foreign_architecture_resolves_on_any_host(tmp_path: Path) -> None:
    """arm64 is a matter of unpacking; needs a Debian mirror."""
    lock = apt.resolve("trixie", "arm64", (), cache=tmp_path)
    names = {package.name for package in lock.packages}
    assert {"libc6", "python3.13", "libzstd1", "ca-certificates"} <= names
    assert not {"dpkg", "perl-base", "debconf", "openssl", "tar"} & names


@needs_apt
@pytest.mark.long
@pytest.mark.parametrize("suite", sorted(apt.PYTHONS))
def test_each_suite_is_a_base(tmp_path: Path, suite: str) -> None:
    """The closure has a Python that tells its version and every library that its files need; needs a mirror."""
    keys = BaseKeys(apt=f"debian/{suite}")
    base = Bases(tmp_path, Layout(tmp_path / "oci"), tmp_path / "cache").pin(keys, Platform()).base
    assert base.python.startswith(f"{apt.PYTHONS[suite]}.")
    assert base.has_user
    assert len(base.packages) < 45


@needs_apt
@pytest.mark.long
def test_a_library_cut_away_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With libexpat1 in the cut set, the base is refused before anything runs on it; needs a mirror."""
    monkeypatch.setattr(apt, "_CUT", apt._CUT | {"libexpat1"})
    with pytest.raises(FindingsError, match=r"libexpat\.so\.1"):
        Bases(tmp_path, Layout(tmp_path / "oci"), tmp_path / "cache").pin(BaseKeys(apt="debian/bookworm"), Platform())
