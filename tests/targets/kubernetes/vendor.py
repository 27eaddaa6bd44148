"""Writes `schemas.json` from the schemas that the PyPI package kubernetes-validate carries, for a newer Kubernetes.

Run as `python -m tests.targets.kubernetes.vendor FOLDER VERSION`, FOLDER being its `kubernetes-json-schema`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seaway.targets.kubernetes import schema

KINDS = (
    *(f"core.v1.{kind}" for kind in ("Namespace", "ConfigMap", "Secret", "Service", "ServiceAccount", "Pod")),
    "core.v1.PersistentVolumeClaim",
    *(f"apps.v1.{kind}" for kind in ("Deployment", "StatefulSet", "DaemonSet")),
    *(f"batch.v1.{kind}" for kind in ("Job", "CronJob")),
    *(f"networking.v1.{kind}" for kind in ("NetworkPolicy", "Ingress")),
    "policy.v1.PodDisruptionBudget",
    "autoscaling.v2.HorizontalPodAutoscaler",
    *(f"rbac.v1.{kind}" for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")),
    "admissionregistration.v1.ValidatingAdmissionPolicy",
    "admissionregistration.v1.ValidatingAdmissionPolicyBinding",
)
DEFINITION = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
DROPPED = ("patch-strategy", "patch-merge-key", "list-type", "list-map-keys", "map-type")
COMMENT = (
    "Schemas of Kubernetes {version}.0's API (kubernetes/kubernetes, api/openapi-spec, Apache-2.0), made strict: no "
    "other field is known. Only the kinds that Seaway writes, without descriptions. Written by "
    "tests/targets/kubernetes/vendor.py."
)


def stripped(node: Any) -> Any:
    """Returns a schema without words for people and without marks that only a server needs."""
    if isinstance(node, dict):
        marks = {f"x-kubernetes-{name}" for name in DROPPED}
        kept = {key: value for key, value in node.items() if key not in marks}
        return {key: stripped(each) for key, each in kept.items() if key != "description" or not isinstance(each, str)}
    return [stripped(each) for each in node] if isinstance(node, list) else node


def references(node: Any) -> Iterator[str]:
    """Yields the names of the definitions that a schema refers to."""
    if isinstance(node, dict):
        for key, each in node.items():
            if key == "$ref" and isinstance(each, str):
                yield each.rsplit("/", 1)[1]
            else:
                yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def subset(definitions: dict[str, Any]) -> dict[str, Any]:
    """Returns the definitions of our kinds and of all they refer to."""
    found: dict[str, Any] = {}
    waiting = [DEFINITION, *(f"io.k8s.api.{kind}" for kind in KINDS)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = stripped(definitions[name])
            waiting += references(definitions[name])
    return found


def main(folder: Path, version: str) -> None:
    """Writes the file beside the module that reads it."""
    definitions = json.loads((folder / f"v{version}.0-local-strict" / "_definitions.json").read_bytes())["$defs"]
    document = {"$comment": COMMENT.format(version=version), "version": version, "$defs": subset(definitions)}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    Path(schema.__file__).with_name("schemas.json").write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
