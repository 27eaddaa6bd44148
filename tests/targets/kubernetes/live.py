"""A real cluster for tests: a namespace of one's own, gone at the end; and an app in it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from seaway.errors import ClusterRefused
from seaway.targets.kubernetes.cluster import NAMESPACES, Cluster
from seaway.targets.kubernetes.kubeconfig import find_access
from seaway.targets.kubernetes.render import frame_of, namespace_object
from seaway.targets.kubernetes.setting import Setting
from tests.rig.session import Rig
from tests.targets.kubernetes.world import SETTING, SHOP

Value = TypeVar("Value")
Object = dict[str, Any]


def opened(rig: Rig) -> Cluster:
    """Returns the rig's cluster, asked as its administrator."""
    return Cluster(find_access("current", rig.environ))


def setting(namespace: str) -> Setting:
    """Returns the shop's setting in a namespace."""
    return replace(SETTING, namespace=namespace)


def namespace_of(cluster: Cluster) -> Iterator[str]:
    """Yields the name of a fresh restricted namespace, and deletes it."""
    name = f"seaway-test-{secrets.token_hex(4)}"
    cluster.apply(namespace_object(frame_of(SHOP, setting(name), {})))
    yield name
    cluster.delete(NAMESPACES, "", name)


def until(holds: Callable[[], Value], seconds: float = 150.0) -> Value:
    """Asks until something holds; what the server refuses meanwhile does not hold yet."""
    end, said = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            if found := holds():
                return found
        except ClusterRefused as error:
            said = error.says
        time.sleep(0.25)
    pytest.fail(f"it never held: {said}", pytrace=False)
