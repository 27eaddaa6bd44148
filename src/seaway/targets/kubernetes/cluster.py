"""The one file that talks to an API server: objects as plain JSON, by server-side apply.

Reads and writes are dictionaries, so no field is lost that a typed model does not know. Every write names the field
manager `seaway` and takes over what it writes (`force`), so another's `kubectl scale` blocks no release. A conflict of
`resourceVersion` is `Changed`, for whoever compares and swaps; anything else refused is ClusterRefused with the words
of the server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from seaway.errors import ApplyConflict, ClusterRefused, ClusterUnreachable
from seaway.http import Answer, Client
from seaway.targets.kubernetes.kubeconfig import Access
from seaway.targets.kubernetes.names import MANAGER, reference

PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "CustomResourceDefinition": "customresourcedefinitions",
    "GatewayClass": "gatewayclasses",
}
CLUSTERED = frozenset(
    {
        "Namespace",
        "Node",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "GatewayClass",
        "PersistentVolume",
    }
)
PATIENCE = 20.0
HASTE = 2.0
SAID = frozenset({500})  # how an API server says that a field is unknown to server-side apply
TRIES = 3
_LARGEST = 64 << 20
_PAGE = 500

Item = dict[str, Any]


class Changed(Exception):  # an inner signal: read again and decide anew, no user meets it
    """An object has changed since it was read."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: what its addresses are made of."""

    api: str
    name: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Kind:
        """Returns the kind of an object."""
        return cls(str(item["apiVersion"]), str(item["kind"]))

    def path(self, namespace: str = "", name: str = "") -> str:
        """Returns the address of all objects of a kind, of those in a namespace, or of one."""
        root = f"/api/{self.api}" if "/" not in self.api else f"/apis/{self.api}"
        plural = PLURALS.get(self.name, f"{self.name.lower()}s")
        within = f"/namespaces/{namespace}" if namespace and self.name not in CLUSTERED else ""
        return f"{root}{within}/{plural}" + (f"/{name}" if name else "")


PODS, SERVICES, EVENTS = Kind("v1", "Pod"), Kind("v1", "Service"), Kind("v1", "Event")
CONFIG_MAPS, SECRETS, NAMESPACES = Kind("v1", "ConfigMap"), Kind("v1", "Secret"), Kind("v1", "Namespace")
DEPLOYMENTS, STATEFUL, JOBS = Kind("apps/v1", "Deployment"), Kind("apps/v1", "StatefulSet"), Kind("batch/v1", "Job")
REPLICA_SETS = Kind("apps/v1", "ReplicaSet")
SLICES = Kind("discovery.k8s.io/v1", "EndpointSlice")
ROUTES = Kind("gateway.networking.k8s.io/v1", "HTTPRoute")


class Cluster:
    """An API server, asked by one account."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._client = Client(error=ClusterUnreachable, tries=TRIES, timeout=PATIENCE, tls=access.tls, final=SAID)
        self._hasty = Client(error=ClusterUnreachable, tries=1, timeout=HASTE, tls=access.tls)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
        self._hasty.close()

    # -- objects -------------------------------------------------------------------------------------------------------

    def get(self, kind: Kind, namespace: str, name: str) -> Item | None:
        """Returns an object, None where there is none."""
        answer = self.ask("GET", kind.path(namespace, name))
        return None if answer.status == 404 else _item(answer)

    def find(self, kind: Kind, namespace: str, labels: Mapping[str, object] | None = None) -> list[Item]:
        """Returns all objects of a kind that have these labels; none where the kind itself is unknown."""
        query: dict[str, object] = {"limit": _PAGE}
        if labels:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        return list(self._pages(kind, namespace, query))

    def events(self, namespace: str, name: str) -> list[Item]:
        """Returns the events about an object, oldest first."""
        query: dict[str, object] = {"fieldSelector": f"involvedObject.name={name}", "limit": _PAGE}
        found = list(self._pages(EVENTS, namespace, query))
        return sorted(found, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""))

    def apply(self, item: Mapping[str, Any], *, dry: bool = False, manager: str = MANAGER) -> Item:
        """Applies an object server-side, fields unknown refused; raises ClusterRefused with the server's words."""
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry else {}
        kind, namespace, name = reference(item)
        path = Kind(str(item["apiVersion"]), kind).path(namespace, name)
        answer = self.ask("PATCH", path, query=query, body=item, form="application/apply-patch+yaml")
        if answer.status == 409:
            raise ApplyConflict(_says(answer), where=f"{kind}/{name}")
        return _item(answer, where=f"{kind}/{name}")

    def create(self, item: Mapping[str, Any]) -> Item:
        """Creates an object; raises Changed where one of its name is there."""
        return _swapped(self.ask("POST", Kind.of(item).path(reference(item)[1]), body=item))

    def replace(self, item: Mapping[str, Any], part: str = "") -> Item:
        """Replaces an object, or its `status`, if its resourceVersion is still that one; else raises Changed."""
        _, namespace, name = reference(item)
        path = Kind.of(item).path(namespace, name) + (f"/{part}" if part else "")
        return _swapped(self.ask("PUT", path, body=item))

    def delete(self, kind: Kind, namespace: str, name: str) -> bool:
        """Deletes an object and what it owns; tells whether there was one."""
        options = {"propagationPolicy": "Background"}
        answer = self.ask("DELETE", kind.path(namespace, name), body=options)
        if answer.status == 404:
            return False
        _item(answer, where=f"{kind.name}/{name}")
        return True

    # -- pods ----------------------------------------------------------------------------------------------------------

    def log(self, namespace: str, pod: str, *, tail: int | None = None, previous: bool = False) -> list[str]:
        """Returns the lines a pod's container wrote, each with its time; none where it has not started."""
        query: dict[str, object] = {"timestamps": "true"}
        query |= {"previous": "true"} if previous else {}
        if tail is not None:
            query["tailLines"] = tail
        answer = self.ask("GET", f"{PODS.path(namespace, pod)}/log", query=query)
        if answer.status in (400, 404):
            return []
        if answer.status != 200:
            raise _refused(answer, f"Pod/{pod}")
        return answer.body.decode("utf-8", "replace").splitlines()

    def peek(self, path: str) -> Answer:
        """Asks once and waits a moment: for what is read again soon. Raises ClusterUnreachable."""
        headers = self.access.headers(time.time())
        return self._hasty.get(f"{self.access.server}{path}", headers=headers, limit=_LARGEST)

    # -- the exchange --------------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        form: str = "application/json",
    ) -> Answer:
        """Makes one exchange; raises ClusterUnreachable where nobody answers, ClusterRefused for who may not ask."""
        url = f"{self.access.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", **self.access.headers(time.time())}
        data = None
        if body is not None:
            headers["Content-Type"] = form
            data = json.dumps(body).encode()
        answer = self._client.request(method, url, headers=headers, body=data, limit=_LARGEST)
        if answer.status in (401, 403):
            raise _refused(answer, path)
        return answer

    def _pages(self, kind: Kind, namespace: str, query: Mapping[str, object]) -> Iterator[Item]:
        more = ""
        while True:
            answer = self.ask("GET", kind.path(namespace), query={**query, **({"continue": more} if more else {})})
            if answer.status == 404:
                return
            page = _item(answer)
            for item in page.get("items") or ():
                yield {"apiVersion": kind.api, "kind": kind.name, **item}
            more = (page.get("metadata") or {}).get("continue") or ""
            if not more:
                return


def _swapped(answer: Answer) -> Item:
    if answer.status == 409:
        raise Changed(_says(answer))
    return _item(answer)


def _item(answer: Answer, where: str = "") -> Item:
    if answer.status not in (200, 201, 202):
        raise _refused(answer, where or answer.url)
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise ClusterUnreachable("the server's answer is no JSON", where=where or answer.url) from error
    if not isinstance(found, dict):
        raise ClusterUnreachable("the server's answer is no object", where=where or answer.url)
    return found


def _refused(answer: Answer, where: str) -> ClusterRefused:
    return ClusterRefused(f"the API server refused: {_says(answer)}", where=where)


def _says(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status}"
