"""Environments: their files, profiles and variables, and what a governed load may see."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.app.load import ExtensionInvalid, How, load, select, sources
from seaway.digest import Digest
from seaway.errors import InterpolationError, NameUnknown, SourceMissing

pytestmark = pytest.mark.rootless

BASE = """
x-seaway:
  version: 1
  owner: team
  environments:
    dev: {target: process, profiles: [debug]}
    prod: {target: kubernetes, files: [compose.prod.yaml], env_file: [prod.env], gates: {soak: 1h}}
services:
  api: {image: "shop:${TAG:-none}", user: "${WHO:-nobody}"}
  debug: {image: tools, profiles: [debug]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two environments."""
    (tmp_path / "compose.yaml").write_text(BASE)
    (tmp_path / "compose.prod.yaml").write_text("services: {api: {command: serve, env_file: api.env}}")
    (tmp_path / "compose.override.yaml").write_text("services: {api: {labels: {local: 'yes'}}}")
    (tmp_path / ".env").write_text("TAG=dev")
    (tmp_path / "prod.env").write_text("TAG=prod")
    (tmp_path / "api.env").write_text("A=1")
    return tmp_path


def test_the_first_environment_is_the_default(project: Path) -> None:
    """Without a name the first one is loaded, with its profiles and the override found by its name."""
    app = load(select(project, {}))
    assert app.environment.name == "dev"
    assert sorted(app.services) == ["api", "debug"]
    assert app.services["api"].compose["image"] == "shop:dev"
    assert app.services["api"].compose["labels"] == {"local": "yes"}


def test_an_environment_brings_its_files_and_variables(project: Path) -> None:
    """Files as -f, so no override is found by its name; env_file replaces .env."""
    app = load(select(project, {}), "prod")
    assert sorted(app.services) == ["api"]
    assert sorted(app.inactive) == ["debug"]
    assert app.services["api"].compose["image"] == "shop:prod"
    assert app.services["api"].compose["command"] == ["serve"]
    assert "labels" not in app.services["api"].compose
    assert [path.name for path in app.files] == ["compose.yaml", "compose.prod.yaml"]


def test_an_unknown_environment_names_the_nearest(project: Path) -> None:
    """The hint is the name that was meant."""
    with pytest.raises(NameUnknown, match='"prd"') as caught:
        load(select(project, {}), "prd")
    assert caught.value.hint == 'did you mean "prod"?'


def test_without_a_block_there_is_dev_on_processes(tmp_path: Path) -> None:
    """A file without x-seaway loads, and says so."""
    (tmp_path / "compose.yaml").write_text("services: {a: {image: x}}")
    app = load(select(tmp_path, {}))
    assert (app.environment.name, app.environment.target) == ("dev", "process")
    assert not app.extension.written


def test_the_shell_wins_where_nothing_is_governed(project: Path) -> None:
    """As in Compose."""
    assert load(select(project, {"TAG": "shell"})).services["api"].compose["image"] == "shop:shell"


def test_a_governed_load_sees_no_shell(project: Path) -> None:
    """The environment's env files alone decide."""
    app = load(select(project, {"TAG": "shell", "WHO": "me"}), "prod", governed=True)
    assert app.services["api"].compose["image"] == "shop:prod"
    assert app.services["api"].compose["user"] == "nobody"


def test_a_variable_only_the_shell_sets_is_refused(project: Path) -> None:
    """SW-021 names the variable and its place."""
    (project / "compose.yaml").write_text(BASE.replace("${WHO:-nobody}", "${WHO}"))
    with pytest.raises(InterpolationError, match=r"only the shell sets WHO.*SW-021.*compose.yaml:9:") as caught:
        load(select(project, {"WHO": "me"}), "prod", governed=True)
    assert "env_file" in str(caught.value.hint)


def test_a_governed_load_leaves_the_found_override_out(project: Path) -> None:
    """What an environment is made of is written down."""
    app = load(select(project, {}), "dev", governed=True)
    assert "labels" not in app.services["api"].compose


def test_a_missing_env_file_of_an_environment_is_said(project: Path) -> None:
    """The file the environment names must be there."""
    (project / "prod.env").unlink()
    with pytest.raises(SourceMissing, match=r"prod\.env"):
        load(select(project, {}), "prod")


def test_an_override_cannot_change_the_environments(project: Path) -> None:
    """SW-102 with its place, and nothing is loaded."""
    (project / "compose.prod.yaml").write_text("x-seaway: {environments: {prod: {target: docker}}}")
    with pytest.raises(ExtensionInvalid, match=r"SW-102.*compose.prod.yaml:1:12"):
        load(select(project, {}), "prod")


def test_every_fault_of_the_block_is_told_at_once(project: Path) -> None:
    """The error carries all findings; a lenient load returns them with the app."""
    (project / "compose.yaml").write_text(BASE.replace("owner: team", "ownr: team\n  riks: high"))
    with pytest.raises(ExtensionInvalid) as caught:
        load(select(project, {}))
    assert [finding.code for finding in caught.value.findings] == ["SW-101", "SW-101", "SW-104"]
    lenient = load(select(project, {}), how=How(lenient=True))
    assert lenient.findings == caught.value.findings


def test_sources_are_the_files_of_every_environment(project: Path) -> None:
    """Compose files, overrides and env files, once each, with digest and role."""
    found = sources(select(project, {"TAG": "shell"}))
    assert [(each.path, each.role) for each in found] == [
        (".env", "env"),
        ("api.env", "env"),
        ("compose.prod.yaml", "compose"),
        ("compose.yaml", "compose"),
        ("prod.env", "env"),
    ]
    assert found[1].digest == Digest.of(b"A=1")


def test_sources_hold_config_files_of_the_project(project: Path) -> None:
    """A config's file travels too."""
    (project / "nginx.conf").write_text("x")
    (project / "compose.prod.yaml").write_text("configs: {c: {file: ./nginx.conf}}")
    assert ("nginx.conf", "config") in {(each.path, each.role) for each in sources(select(project, {}))}
