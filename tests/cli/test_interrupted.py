"""Ctrl-C at any moment of a command is an interrupt, whatever Python made of it on its way out."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from seaway.cli import Road, run

pytestmark = pytest.mark.rootless


class Struck:
    """Meets an error while a class is being made, as an import does that a signal interrupts."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __set_name__(self, owner: type, name: str) -> NoReturn:
        raise self.error


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (ZeroDivisionError(), 90)])
def test_an_interrupt_while_a_command_is_imported_is_no_fault(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Python 3.11 makes a RuntimeError of an interrupt that meets the making of a class; any other error is a fault."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(Road, "get_command", lambda *_: type("Command", (), {"key": Struck(error)}))
    assert run(["check", "--json"]) == code
