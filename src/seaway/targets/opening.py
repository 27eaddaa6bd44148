"""Which target an environment of this machine lives on, as it was installed: processes, or an engine's containers."""

from __future__ import annotations

import shutil

from seaway.errors import OutageRefused
from seaway.targets.docker.target import DockerTarget, Setting
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.store import Store
from seaway.targets.process.supervised import SupervisedTarget
from seaway.targets.process.target import ProcessTarget


def target_name(paths: EnvironmentPaths) -> str:
    """Returns the name of the target an environment is installed on."""
    return "docker" if paths.engine.exists() else "process"


def open_target(paths: EnvironmentPaths) -> SupervisedTarget:
    """Opens an environment where it is installed."""
    if target_name(paths) == "docker":
        setting = Setting.known(paths)
        assert setting is not None
        return DockerTarget(paths, setting)
    return ProcessTarget(paths)


def claim(paths: EnvironmentPaths, name: str) -> None:
    """Lets an environment be installed on another target than before; raises OutageRefused while it runs there."""
    before = target_name(paths)
    if before == name or not paths.folder.is_dir():
        return
    wishes = Store(paths).wishes()
    if wishes.active and not wishes.down:
        raise OutageRefused(
            f"{paths.environment} runs on target {before}", hint=f"seaway down --on {paths.environment}, then again"
        )
    for left in (paths.addresses, paths.engine):
        left.unlink(missing_ok=True)
    shutil.rmtree(paths.envoy, ignore_errors=True)
