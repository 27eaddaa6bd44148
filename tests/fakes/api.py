"""A small API server in memory, with the controllers that matter here: what the cluster target is tested on alone.

It keeps what the real one promises of the verbs we use (addresses, resourceVersion, create and replace that compare,
server-side apply of whole objects, label selectors, garbage of what an owner left) and runs Deployments, StatefulSets,
Jobs, endpoints and routes a step at each look at pods. `before_write` may throw: the writer dies there.
"""

from __future__ import annotations

import copy
import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seaway.http import Answer
from seaway.targets.kubernetes.cluster import Cluster
from seaway.targets.kubernetes.kubeconfig import Access

Item = dict[str, Any]
_PATH = re.compile(
    r"^/(?:api/(?P<core>v1)|apis/(?P<api>[^/]+/[^/]+))(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?$"
)
_SERVICE_NAME = "kubernetes.io/service-name"


class FakeApi(Cluster):
    """A cluster whose server is a dictionary."""

    def __init__(self) -> None:
        super().__init__(Access("https://api.example", "fake", ssl.create_default_context()))
        self.items: dict[tuple[str, str, str], Item] = {}
        self.writes = 0
        self.version = 0
        self.made = 0
        self.start = 2  # looks until a pod is ready
        self.broken: set[str] = set()  # images whose pods never become ready
        self.before_write: Callable[[int], None] = lambda number: None
        self.put("namespaces", "", {"metadata": {"name": "shop-dev"}})

    # -- the server ----------------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        form: str = "application/json",
    ) -> Answer:
        """Answers as an API server does."""
        found = _PATH.match(path)
        assert found, path
        plural, namespace, name = found["plural"], found["namespace"] or "", found["name"] or ""
        if found["plural"] == "namespaces" or (namespace and plural == namespace):
            plural, namespace = "namespaces", ""
        if method == "GET" and not name:
            return self._listed(plural, namespace, str((query or {}).get("labelSelector", "")))
        if method == "GET":
            item = self.items.get((plural, namespace, name))
            return _answer(200, item) if item else _answer(404, {"message": "not found"})
        if (query or {}).get("dryRun"):
            return _answer(200, dict(body or {}))
        self.writes += 1
        self.before_write(self.writes)
        return self._write(method, (plural, namespace, name), copy.deepcopy(dict(body or {})))

    def _write(self, method: str, key: tuple[str, str, str], body: Item) -> Answer:
        plural, namespace, name = key
        known = self.items.get(key)
        if method == "DELETE":
            if known is None:
                return _answer(404, {"message": "not found"})
            del self.items[key]
            return _answer(200, known)
        if method == "POST":
            name = body["metadata"]["name"]
            if (plural, namespace, name) in self.items:
                return _answer(409, {"message": "already exists"})
        stale = known is None or body["metadata"].get("resourceVersion") != known["metadata"]["resourceVersion"]
        if method == "PUT" and stale:
            return _answer(409, {"message": "the object has been modified"})
        return _answer(200, self.put(plural, namespace, body))

    def put(self, plural: str, namespace: str, body: Item) -> Item:
        """Stores an object as a write leaves it."""
        key = (plural, namespace, body["metadata"]["name"])
        known = self.items.get(key, {})
        self.version += 1
        changed = known.get("spec") != body.get("spec")
        generation = known.get("metadata", {}).get("generation", 0) + (1 if changed else 0)
        about = {**body["metadata"], "resourceVersion": str(self.version), "generation": generation}
        self.items[key] = {**body, "metadata": about, "status": body.get("status") or known.get("status", {})}
        return self.items[key]

    def _listed(self, plural: str, namespace: str, selector: str) -> Answer:
        if plural == "pods":
            self.step(namespace)
        wanted = dict(part.split("=") for part in selector.split(",") if part)
        found = [
            item
            for (kind, within, _), item in sorted(self.items.items())
            if kind == plural and within == namespace and _has(item, wanted)
        ]
        return _answer(200, {"items": found, "metadata": {}})

    # -- the controllers -----------------------------------------------------------------------------------------------

    def step(self, namespace: str) -> None:
        """Runs every controller once."""
        owners = {}
        for kind in ("deployments", "statefulsets"):
            for name, item in self._of(kind, namespace):
                owners[f"{kind}/{name}"] = item
        self._keep_pods(namespace, owners)
        for _, job in self._of("jobs", namespace):
            job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
        self._connect(namespace)
        for _, route in self._of("httproutes", namespace):
            seen = route["metadata"]["generation"]
            held = [
                {"type": kind, "status": "True", "observedGeneration": seen} for kind in ("Accepted", "ResolvedRefs")
            ]
            route["status"] = {"parents": [{"conditions": held}]}

    def _keep_pods(self, namespace: str, owners: Mapping[str, Item]) -> None:
        for name, pod in self._of("pods", namespace):
            owner = owners.get(pod["owner"])
            if owner is None or pod["template"] != owner["spec"]["template"]:
                del self.items["pods", namespace, name]
        for key, owner in owners.items():
            mine = [pod for _, pod in self._of("pods", namespace) if pod["owner"] == key]
            for pod in mine[owner["spec"]["replicas"] :]:
                del self.items["pods", namespace, pod["metadata"]["name"]]
            for _ in range(owner["spec"]["replicas"] - len(mine)):
                self._start(namespace, key, owner["spec"]["template"])
        for _, pod in self._of("pods", namespace):
            pod["age"] += 1
            ready = pod["age"] > self.start and not self.broken & {pod["template"]["spec"]["containers"][0]["image"]}
            pod["status"]["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]

    def _start(self, namespace: str, owner: str, template: Item) -> None:
        self.made += 1
        name = f"{owner.partition('/')[2]}-{self.made}"
        about = {"name": name, "labels": dict(template["metadata"]["labels"])}
        status = {"podIP": f"198.18.0.{self.made % 250}", "startTime": "2026-01-01T00:00:00Z"}
        body = {"metadata": about, "owner": owner, "template": copy.deepcopy(template), "age": 0, "status": status}
        self.put("pods", namespace, body)

    def _connect(self, namespace: str) -> None:
        for name, service in self._of("services", namespace):
            chosen = [pod for _, pod in self._of("pods", namespace) if _has(pod, service["spec"]["selector"])]
            endpoints = [
                {"conditions": {"ready": _is_ready(pod)}, "targetRef": {"name": pod["metadata"]["name"]}}
                for pod in chosen
            ]
            marks = {**service["metadata"]["labels"], _SERVICE_NAME: name}
            self.put("endpointslices", namespace, {"metadata": {"name": name, "labels": marks}, "endpoints": endpoints})

    def _of(self, plural: str, namespace: str) -> Iterator[tuple[str, Item]]:
        keys = [key for key in self.items if key[:2] == (plural, namespace)]
        for key in sorted(keys):
            if key in self.items:
                yield key[2], self.items[key]


def _is_ready(pod: Item) -> bool:
    return any(each["status"] == "True" for each in pod["status"].get("conditions", ()))


def _has(item: Item, wanted: Mapping[str, str]) -> bool:
    marks = item["metadata"].get("labels") or {}
    return all(marks.get(key) == value for key, value in wanted.items())


def _answer(status: int, body: Item) -> Answer:
    return Answer(status, {}, json.dumps(body).encode(), "fake")
