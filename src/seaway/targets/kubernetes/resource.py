"""`Release` as a resource of a cluster (releases.seaway.dev/v1): how a release stands, for whoever asks the cluster.

The schema is closed. The working state of the agent is its own store; the resource says it to people and programs that
have no way to the agent, and `kubectl get releases` prints the line they want.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.targets.kubernetes.names import MANAGED_BY, MANAGER, Object, label, labels

GROUP = "seaway.dev"
API = f"{GROUP}/v1"
PLURAL = "releases"

_TEXT: Object = {"type": "string"}
_COUNT: Object = {"type": "integer", "format": "int64", "minimum": 0}
_SPEC: dict[str, Object] = {
    "sequence": _COUNT,
    "environment": _TEXT,
    "bundle": _TEXT,
    "version": _TEXT,
    "steps": {"type": "array", "items": _TEXT},
}
_STATUS: dict[str, Object] = {
    "observedGeneration": _COUNT,
    "sequence": _COUNT,
    "outbox": _COUNT,
    "state": _TEXT,
    "reason": _TEXT,
    "step": _TEXT,
    "cursor": {"type": "integer"},
    "since": {"type": "string", "format": "date-time"},
    "stable": _TEXT,
    "canary": _TEXT,
    "requests": _COUNT,
    "weight": {"type": "integer"},
}
COLUMNS = (
    ("Release", "integer", ".spec.sequence"),
    ("State", "string", ".status.state"),
    ("Step", "string", ".status.step"),
)


def definition() -> Object:
    """Returns the CustomResourceDefinition, for an administrator to install."""
    schema: Object = {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {"type": "object", "required": ["sequence", "environment", "bundle"], "properties": _SPEC},
            "status": {"type": "object", "properties": _STATUS},
        },
    }
    version: Object = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            *({"name": name, "type": kind, "jsonPath": path} for name, kind, path in COLUMNS),
            {"name": "Reason", "type": "string", "jsonPath": ".status.reason"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
    }
    spec: Object = {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Release", "listKind": "ReleaseList", "plural": PLURAL, "singular": "release"},
        "versions": [version],
    }
    about = {"name": f"{PLURAL}.{GROUP}", "labels": {MANAGED_BY: MANAGER}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": about,
        "spec": spec,
    }


def release_object(
    app: str, namespace: str, spec: Mapping[str, Any], status: Mapping[str, Any] | None = None
) -> Object:
    """Returns an app's Release; one an app, replaced by the next."""
    about = {"name": label(app), "namespace": namespace, "labels": labels(app)}
    found: Object = {"apiVersion": API, "kind": "Release", "metadata": about, "spec": dict(spec)}
    return found | ({"status": dict(status)} if status is not None else {})
