"""Names, labels and hashes of objects: pure, the same for every run.

Rules: a name is a DNS label; what is too long is cut and gets a hash, so two long names never become one. ConfigMaps,
Secrets and Jobs carry the hash of their content, so a version of the app that is rolled back to finds its own
configuration. The hash is taken over JSON as Go writes it, so a chart can take it too (`toJson | sha256sum`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

Object = dict[str, object]

MANAGER = "seaway"
NAME = "app.kubernetes.io/name"
PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"
SERVICE = "seaway.dev/service"
VERSION = "seaway.dev/version"
ENVIRONMENT = "seaway.dev/environment"
NETWORK = "network.seaway.dev/"
VOLUME = "volume.seaway.dev/"
STATIC = "static"
LONGEST = 63
STATEFUL = 52  # a StatefulSet's pods carry a revision hash after its name
HASH = 10


def label(text: str, longest: int = LONGEST) -> str:
    """Returns a DNS label (RFC 1123) for a name; `_` and `.` become `-`."""
    name = re.sub("[^a-z0-9-]+", "-", text.lower()).strip("-") or "x"
    if len(name) <= longest:
        return name
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[: longest - 9].rstrip('-')}-{mark}"


def go_json(value: object) -> bytes:
    """Returns JSON as Go's encoder writes it: keys sorted, no spaces, `<`, `>`, `&`, U+2028 and U+2029 escaped."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode()


def content_hash(value: object) -> str:
    """Returns the first 10 hex digits of the SHA-256 of a value's JSON."""
    return hashlib.sha256(go_json(value)).hexdigest()[:HASH]


def hashed(name: str, content: object) -> str:
    """Returns a name that changes with its content."""
    return f"{label(name, LONGEST - HASH - 1)}-{content_hash(content)}"


def forked(service: str, version: str) -> str:
    """Returns the name of a service's Deployment of one version."""
    return f"{label(service, LONGEST - HASH - 1)}-{version}"


def labels(app: str, service: str = "", environment: str = "") -> dict[str, object]:
    """Returns the labels of an object of an app, and of a service where there is one."""
    found: dict[str, object] = {PART_OF: label(app), MANAGED_BY: MANAGER}
    if environment:
        found[ENVIRONMENT] = label(environment)
    if service:
        found |= {NAME: label(service), SERVICE: label(service)}
    return dict(sorted(found.items()))


def selector(app: str, service: str, version: str = "") -> dict[str, object]:
    """Returns the labels that select a service's pods, of one version or of all."""
    found: dict[str, object] = {PART_OF: label(app), SERVICE: label(service)}
    return found | ({VERSION: version} if version else {})


def metadata(name: str, namespace: str, marks: Mapping[str, object]) -> Object:
    """Returns an object's metadata."""
    return {"name": name, "namespace": namespace, "labels": dict(marks)}


def reference(item: Mapping[str, object]) -> tuple[str, str, str]:
    """Returns (kind, namespace, name) of an object: how people and inventories call it."""
    about = item["metadata"]
    assert isinstance(about, dict)
    return str(item["kind"]), str(about.get("namespace", "")), str(about["name"])
