"""Every compose file on a page, in the reference and among the examples loads here, and Compose accepts it too."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from seaway.app.load import load, select
from tests.app.oracle import BINARY
from tests.docs.generate import ROOT

pytestmark = pytest.mark.rootless

_YAML = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")})
REFERENCE = ROOT / "docs" / "reference" / "x-seaway.yaml"


def blocks() -> list[tuple[str, str]]:
    """The compose files that pages show: blocks of YAML with services or with a whole `x-seaway`."""
    found = []
    for page in PAGES:
        for number, (indent, body) in enumerate(_YAML.findall(page.read_text())):
            text = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
            if re.search(r"^(services|x-seaway):", text, re.MULTILINE) and not re.match(r"x-seaway:\n  accept:", text):
                found.append((f"{page.relative_to(ROOT)}:{number}", text))
    return found


def write(text: str, folder: Path) -> None:
    """Writes a page's file as a whole app, with what it leaves out."""
    for name in re.findall(r"\{file: (\S+?)\}", text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    if "services:" not in text:
        text += "services: {api: {image: registry.example/shop/api:1}}\n"
    if "!override" in text:
        (folder / "base.yaml").write_text("services: {api: {image: registry.example/shop/api:1}}\n")
    (folder / "compose.yaml").write_text(text)


@pytest.mark.parametrize(("where", "text"), blocks(), ids=[where for where, _ in blocks()])
def test_a_file_on_a_page_loads_and_composes_too(where: str, text: str, tmp_path: Path) -> None:
    """What is copied from a page works: no unknown key, no missing one, for Seaway and for Compose."""
    write(text, tmp_path)
    for name in re.findall(r"compose\.\w+\.yaml", text):
        (tmp_path / name).write_text("services: {api: {restart: always}}\n")
    files = [name for name in ("base.yaml", "compose.yaml") if (tmp_path / name).exists()]
    assert load(select(tmp_path, {}, files=files)).services
    accepted(tmp_path, files)


def accepted(folder: Path, files: list[str]) -> None:
    """Asserts that Compose takes files together."""
    flags = [part for name in files for part in ("-f", name)]
    command = [str(BINARY), "-p", "page", *flags, "config", "--quiet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_reference_loads_for_its_environment_and_compose_accepts_it(tmp_path: Path) -> None:
    """docs/reference/x-seaway.yaml is a whole app with every key in it."""
    (tmp_path / "compose.yaml").write_text(REFERENCE.read_text())
    (tmp_path / "compose.prod.yaml").write_text("services: {api: {restart: always}}\n")
    (tmp_path / ".env.prod").write_text("A=b\n")
    (tmp_path / "key.txt").write_text("x")
    app = load(select(tmp_path, {}), "prod")
    assert app.environment.name == "prod"
    assert app.extension.written
    accepted(tmp_path, ["compose.yaml", "compose.prod.yaml"])


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/compose.yaml")), ids=lambda path: path.parent.name)
def test_an_example_is_accepted_by_compose(path: Path) -> None:
    """The file of an example, alone and with each override."""
    accepted(path.parent, [path.name])
    for override in path.parent.glob("compose.*.yaml"):
        accepted(path.parent, [path.name, override.name])
