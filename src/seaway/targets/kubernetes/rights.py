"""What an agent may do: one account in one namespace, with the rights its work needs and no other. Pure objects.

An administrator applies the install set once: the definition of `Release`, the namespace, the account with its role,
what of the whole cluster may be read, and the policies of admission. The agent cannot widen it: it has no right on
roles, none on other namespaces, and may read no Secret.
"""

from __future__ import annotations

from seaway.targets.kubernetes.admission import AGENT, Mode, anchor_objects, policy_objects
from seaway.targets.kubernetes.names import Object, labels
from seaway.targets.kubernetes.resource import GROUP, PLURAL, definition

RBAC = "rbac.authorization.k8s.io/v1"
READ = ("get", "list", "watch")
WRITE = (*READ, "create", "patch", "update", "delete")

RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("configmaps", "services", "serviceaccounts"), WRITE),
    ("", ("persistentvolumeclaims",), (*READ, "create", "patch")),
    ("", ("pods", "pods/log", "pods/proxy", "events"), READ),
    ("apps", ("deployments", "statefulsets", "daemonsets"), WRITE),
    ("apps", ("replicasets",), READ),
    ("batch", ("jobs",), WRITE),
    ("policy", ("poddisruptionbudgets",), WRITE),
    ("networking.k8s.io", ("networkpolicies",), WRITE),
    ("gateway.networking.k8s.io", ("httproutes",), WRITE),
    ("discovery.k8s.io", ("endpointslices",), READ),
    (GROUP, (PLURAL, f"{PLURAL}/status"), WRITE),
)
CLUSTER_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("nodes",), ("get", "list")),
    ("gateway.networking.k8s.io", ("gatewayclasses",), ("get", "list")),
    ("storage.k8s.io", ("storageclasses",), ("get", "list")),
    ("node.k8s.io", ("runtimeclasses",), ("get", "list")),
    (
        "admissionregistration.k8s.io",
        ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        ("get", "list"),
    ),
)


def install_set(app: str, namespace: Object, mode: Mode | None) -> tuple[Object, ...]:
    """Returns what an administrator applies, in order; without gates (`mode` None) there are no policies."""
    name = str(_named(namespace))
    policies = (*anchor_objects(), *policy_objects(name, mode)) if mode else ()
    return (namespace, definition(), *account(app, name), *policies)


def account(app: str, namespace: str) -> tuple[Object, ...]:
    """Returns the agent's account, role and bindings, in its namespace and what it may read of the whole cluster."""
    wide = f"{AGENT}-{namespace}"
    own: Object = {"name": AGENT, "namespace": namespace, "labels": labels(app)}
    subject = {"kind": "ServiceAccount", "name": AGENT, "namespace": namespace}
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own, "automountServiceAccountToken": False},
        {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": _wide(wide, app), "rules": _rules(CLUSTER_RULES)},
        _bound("ClusterRoleBinding", _wide(wide, app), "ClusterRole", wide) | {"subjects": [subject]},
        {"apiVersion": RBAC, "kind": "Role", "metadata": own, "rules": [*_rules(RULES), *_own(namespace)]},
        _bound("RoleBinding", own, "Role", AGENT) | {"subjects": [subject]},
    )


def _own(namespace: str) -> list[Object]:
    """Returns what it may do about itself: see its namespace, and have its own token renewed."""
    return [
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": [namespace], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": [AGENT], "verbs": ["create"]},
    ]


def _bound(kind: str, about: Object, role: str, name: str) -> Object:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name}
    return {"apiVersion": RBAC, "kind": kind, "metadata": about, "roleRef": reference}


def _wide(name: str, app: str) -> Object:
    return {"name": name, "labels": labels(app)}


def _rules(rules: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]) -> list[Object]:
    return [
        {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)} for group, resources, verbs in rules
    ]


def _named(item: Object) -> object:
    about = item["metadata"]
    assert isinstance(about, dict)
    return about["name"]
