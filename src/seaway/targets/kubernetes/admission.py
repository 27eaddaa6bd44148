"""The grant policy: a governed namespace runs images that were granted to it, by digest, and nothing else. Pure.

Rules (each closed a way around, or an outage):
- Grants are keys of ConfigMap `seaway-grants`; a reference without a digest, or a digest without a grant, is refused,
  in containers, init containers and ephemeral ones, of pods and of every kind that makes pods.
- Only CREATE and UPDATE that change an image are asked, so scaling, labels, a drained node's rescheduled pod template
  and deletion go on whatever has expired; the namespace's own controllers are never asked.
- `parameterNotFoundAction: Allow`: parameters are looked up before conditions, so a namespace whose ConfigMap went
  first could otherwise never be deleted. What that opens is closed by the guard: nobody but the agent writes grants.
- The anchor stays: an API server (measured on 1.36.3) that has lost its last policy with a ConfigMap as parameter stops
  watching ConfigMaps and takes no later policy of that kind into effect until it is restarted, letting everything in.
- Audit installs `Ignore` and `[Audit, Warn]` and no guard: with `Fail` an error of configuration denies all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from seaway.digest import Digest
from seaway.targets.kubernetes.names import MANAGED_BY, MANAGER, Object

API = "admissionregistration.k8s.io/v1"
GRANTS = "seaway-grants"
AGENT = "seaway-agent"
ANCHOR = "seaway-anchor"
LARGEST = 4_000  # grants in a ConfigMap of 1 MiB
EXEMPT = (
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
)

Mode = Literal["audit", "enforce"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Kinds whose pod lies at the same place: their resources by API group, and the way to the pod's spec in CEL."""

    name: str
    spec: str
    rules: tuple[tuple[str, tuple[str, ...]], ...]


SHAPES = (
    Shape("pods", "spec", (("", ("pods", "pods/ephemeralcontainers")),)),
    Shape(
        "workloads",
        "spec.template.spec",
        (
            ("apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),
            ("batch", ("jobs",)),
            ("", ("replicationcontrollers",)),
        ),
    ),
    Shape("cronjobs", "spec.jobTemplate.spec.template.spec", (("batch", ("cronjobs",)),)),
    Shape("podtemplates", "template.spec", (("", ("podtemplates",)),)),
)
_GRANTED = (
    "c.image.matches('^[^@]+@sha256:[0-9a-f]{64}$') && "
    "('sha256-' + c.image.split('@sha256:')[1]) in params.?data.orValue({})"
)
_VERSIONS = {"": "v1", "apps": "v1", "batch": "v1"}


def key(digest: Digest) -> str:
    """Returns the key of a digest's grant."""
    return f"sha256-{digest.hex}"


def grants_object(namespace: str, grants: Mapping[Digest, tuple[int, str]]) -> Object:
    """Returns the ConfigMap of grants: for each digest the leaf that granted it and the day it ends."""
    data = {
        key(digest): f"{leaf} {until}" for digest, (leaf, until) in sorted(grants.items(), key=lambda one: one[0].hex)
    }
    about = {"name": GRANTS, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}


def policy_objects(namespace: str, mode: Mode) -> tuple[Object, ...]:
    """Returns the policies of a namespace and their bindings, policies first."""
    policies = [_policy(shape, namespace, mode) for shape in SHAPES]
    bindings = [_binding(name_of(shape.name, namespace), namespace, mode, grants=True) for shape in SHAPES]
    if mode == "enforce":
        policies.append(_guard(namespace))
        bindings.append(_binding(name_of("guard", namespace), namespace, mode, grants=False))
    return (*policies, *bindings)


def name_of(shape: str, namespace: str) -> str:
    """Returns the name of a policy and of its binding."""
    return f"seaway-{shape}.{namespace}"


def anchor_objects() -> tuple[Object, ...]:
    """Returns a policy that matches nothing and keeps ConfigMaps watched; see the rules above."""
    policy: Object = {
        "failurePolicy": "Ignore",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "namespaceSelector": _within(ANCHOR),
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["podtemplates"]}
            ],
        },
        "validations": [{"expression": "true"}],
    }
    binding: Object = {
        "policyName": ANCHOR,
        "validationActions": ["Audit"],
        "matchResources": {"namespaceSelector": _within(ANCHOR)},
        "paramRef": {"name": GRANTS, "namespace": "default", "parameterNotFoundAction": "Allow"},
    }
    return (
        _object("ValidatingAdmissionPolicy", ANCHOR, policy),
        _object("ValidatingAdmissionPolicyBinding", ANCHOR, binding),
    )


def _lists(of: str, spec: str) -> tuple[str, ...]:
    """Returns the three lists of containers below an object, in CEL."""
    root = f"{of}.{spec}"
    more = (f"{root}.?{name}.orValue([])" for name in ("initContainers", "ephemeralContainers"))
    return (f"{root}.containers", *more)


def _policy(shape: Shape, namespace: str, mode: Mode) -> Object:
    now, before = _lists("object", shape.spec), _lists("oldObject", shape.spec)
    changed = " || ".join(
        f"{after}.map(c, c.image) != {old}.map(c, c.image)" for after, old in zip(now, before, strict=True)
    )
    granted = " && ".join(f"{each}.all(c, {_GRANTED})" for each in now)
    wrong = " + ".join(f"{each}.filter(c, !({_GRANTED})).map(c, c.image)" for each in now)
    spec: Object = {
        "failurePolicy": "Fail" if mode == "enforce" else "Ignore",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "namespaceSelector": _within(namespace),
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": [_VERSIONS[group]],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": list(resources),
                }
                for group, resources in shape.rules
            ],
        },
        "matchConditions": [
            {
                "name": "an-image-changes",
                "expression": f"request.operation == 'CREATE' || {changed}",
            },
            {"name": "not-the-controllers", "expression": _not_exempt()},
        ],
        "validations": [
            {
                "expression": granted,
                "messageExpression": f"'no grant in {namespace} for: ' + ({wrong}).join(', ')",
                "message": "an image has no grant, or no digest",
                "reason": "Forbidden",
            }
        ],
    }
    return _object("ValidatingAdmissionPolicy", name_of(shape.name, namespace), spec)


def _guard(namespace: str) -> Object:
    """Nobody but the agent writes or deletes grants; `request.name` is empty when a collection is deleted."""
    agent = f"system:serviceaccount:{namespace}:{AGENT}"
    subject = "(request.operation == 'DELETE' ? oldObject : object).metadata.name"
    spec: Object = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": _within(namespace),
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                    "resources": ["configmaps"],
                }
            ],
        },
        "matchConditions": [
            {"name": "grants", "expression": f"{subject} == '{GRANTS}'"},
            {"name": "not-the-controllers", "expression": _not_exempt()},
        ],
        "validations": [
            {
                "expression": f"request.userInfo.username == '{agent}'",
                "message": "grants are written by the agent, which verifies promotions itself",
                "reason": "Forbidden",
            }
        ],
    }
    return _object("ValidatingAdmissionPolicy", name_of("guard", namespace), spec)


def _not_exempt() -> str:
    return f"!(request.userInfo.username in [{', '.join(repr(user) for user in EXEMPT)}])"


def _within(namespace: str) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


def _binding(name: str, namespace: str, mode: Mode, *, grants: bool) -> Object:
    spec: Object = {
        "policyName": name,
        "validationActions": ["Deny"] if mode == "enforce" else ["Audit", "Warn"],
        "matchResources": {"namespaceSelector": _within(namespace)},
    }
    if grants:
        spec["paramRef"] = {"name": GRANTS, "namespace": namespace, "parameterNotFoundAction": "Allow"}
    return _object("ValidatingAdmissionPolicyBinding", name, spec)


def _object(kind: str, name: str, spec: Object) -> Object:
    about = {"name": name, "labels": {MANAGED_BY: MANAGER}}
    return {"apiVersion": API, "kind": kind, "metadata": about, "spec": spec}


def probe_object(namespace: str) -> Object:
    """Returns a pod whose image nobody granted: what an enforcing API server refuses."""
    secure: Object = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    image = f"probe.seaway.dev/none@sha256:{'0' * 64}"
    spec: Object = {
        "containers": [{"name": "probe", "image": image, "securityContext": secure}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    about = {"name": "seaway-probe", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def removal(items: Iterable[Object]) -> list[Object]:
    """Returns policies and bindings in the order in which they are taken away: bindings first."""
    return sorted(items, key=lambda item: str(item["kind"]) != "ValidatingAdmissionPolicyBinding")
