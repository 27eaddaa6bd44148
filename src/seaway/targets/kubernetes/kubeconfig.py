"""How a cluster is reached: a context of a kubeconfig, or the account of the pod this runs in.

Read as `kubectl` does: KUBECONFIG (several files, the first that knows a name wins), else ~/.kube/config, else the
pod's own account. Credentials are a client certificate, a token, or a plugin that prints one (ExecCredential). Nothing
is written; what a plugin gave is kept in memory until it expires.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from seaway.errors import ClusterUnreachable, NameUnknown

CURRENT = "current"
POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EARLY = 60.0  # seconds before its end a token is no longer used
_PLUGIN_SECONDS = 60

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; `ends` in seconds since the epoch, None where it has no end."""

    text: str
    ends: float | None = None


@dataclass
class Access:
    """One way into one cluster: its server, the connection's TLS, and who asks."""

    server: str
    name: str
    tls: ssl.SSLContext
    user: Document = field(default_factory=dict)
    folder: Path = Path()
    _token: Token | None = None

    def headers(self, now: float) -> dict[str, str]:
        """Returns what proves who asks, beside a client certificate."""
        if "exec" in self.user and (self._token is None or (self._token.ends or now + 2 * EARLY) - now < EARLY):
            self._token = _ask_plugin(self.user["exec"], self.folder)
        token = self._token.text if self._token else _written_token(self.user, self.folder)
        return {"Authorization": f"Bearer {token}"} if token else {}


def find_access(context: str, environ: Mapping[str, str]) -> Access:
    """Returns the access that a context names (`current`: the file's own); raises NameUnknown, ClusterUnreachable."""
    files = _files(environ)
    if not files:
        if context == CURRENT and (POD / "token").is_file():
            return _of_pod(environ)
        raise ClusterUnreachable("there is no kubeconfig", hint="export KUBECONFIG=…, or write ~/.kube/config")
    documents = [(_read(file), file.parent) for file in files]
    wanted = (
        context
        if context != CURRENT
        else next((d["current-context"] for d, _ in documents if d.get("current-context")), "")
    )
    found, _ = _named(documents, "contexts", wanted)
    cluster, folder = _named(documents, "clusters", str(found["context"].get("cluster")))
    user, own = _named(documents, "users", str(found["context"].get("user")))
    keys, credentials = cluster["cluster"], user.get("user") or {}
    tls = _tls(keys, folder)
    _present(tls, credentials, own)
    return Access(str(keys["server"]).rstrip("/"), wanted, tls, credentials, own)


def _files(environ: Mapping[str, str]) -> list[Path]:
    if listed := environ.get("KUBECONFIG"):
        return [Path(part) for part in listed.split(os.pathsep) if part and Path(part).is_file()]
    home = Path(environ.get("HOME") or Path.home()) / ".kube" / "config"
    return [home] if home.is_file() else []


def _read(file: Path) -> Document:
    try:
        found = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise ClusterUnreachable(f"the kubeconfig cannot be read: {error}", where=file) from error
    if not isinstance(found, dict):
        raise ClusterUnreachable("this is no kubeconfig", where=file)
    return found


def _named(documents: Sequence[tuple[Document, Path]], section: str, name: str) -> tuple[Document, Path]:
    known = [(each, folder) for document, folder in documents for each in document.get(section) or ()]
    for each, folder in known:
        if each.get("name") == name:
            return each, folder
    names = ", ".join(str(each.get("name")) for each, _ in known)
    raise NameUnknown(f'the kubeconfig has no {section[:-1]} "{name}"', hint=f"there are: {names or 'none'}")


def _of_pod(environ: Mapping[str, str]) -> Access:
    tls = ssl.create_default_context(cafile=str(POD / "ca.crt"))
    host, port = (
        environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc"),
        environ.get("KUBERNETES_SERVICE_PORT", "443"),
    )
    shown = f"[{host}]" if ":" in host else host
    return Access(f"https://{shown}:{port}", "pod", tls, {"tokenFile": str(POD / "token")})


# -- certificates --------------------------------------------------------------------------------------------------


def _tls(cluster: Document, folder: Path) -> ssl.SSLContext:
    if data := cluster.get("certificate-authority-data"):
        tls = ssl.create_default_context(cadata=base64.b64decode(data).decode())
    elif file := cluster.get("certificate-authority"):
        tls = ssl.create_default_context(cafile=str(folder / file))
    else:
        tls = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        raise ClusterUnreachable(
            "the kubeconfig asks to trust any server",
            hint="certificate-authority-data: the certificate of its authority",
        )
    return tls


def _present(tls: ssl.SSLContext, user: Document, folder: Path) -> None:
    """Has a connection show the user's client certificate."""
    with _as_file(user, "client-certificate", folder) as certificate, _as_file(user, "client-key", folder) as key:
        if certificate and key:
            tls.load_cert_chain(certificate, key)


@contextmanager
def _as_file(user: Document, name: str, folder: Path) -> Iterator[Path | None]:
    """Yields a file with what a kubeconfig holds itself: OpenSSL reads certificates from files alone."""
    if not (data := user.get(f"{name}-data")):
        yield folder / str(user[name]) if user.get(name) else None
        return
    with tempfile.NamedTemporaryFile() as file:  # mode 0600, gone as soon as it was read
        file.write(base64.b64decode(data))
        file.flush()
        yield Path(file.name)


# -- tokens --------------------------------------------------------------------------------------------------------


def _written_token(user: Document, folder: Path) -> str:
    if user.get("token"):
        return str(user["token"])
    if file := user.get("tokenFile"):
        try:
            return (folder / str(file)).read_text().strip()
        except OSError as error:
            raise ClusterUnreachable(f"the token cannot be read: {error.strerror}", where=file) from error
    return ""


def _ask_plugin(plugin: Document, folder: Path) -> Token:
    """Runs a credential plugin (client.authentication.k8s.io) and returns its token."""
    name = str(plugin["command"])
    command = [str(folder / name) if "/" in name else name, *map(str, plugin.get("args") or ())]
    environ = dict(os.environ) | {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
    environ["KUBERNETES_EXEC_INFO"] = json.dumps(
        {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    )
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=_PLUGIN_SECONDS)
        status = json.loads(done.stdout)["status"]
        ends = status.get("expirationTimestamp")
        return Token(str(status["token"]), datetime.fromisoformat(ends).timestamp() if ends else None)
    except subprocess.CalledProcessError as error:
        says = (error.stderr.strip().splitlines() or ["no word of it"])[-1]
        raise ClusterUnreachable(f"{name} gave no credential: {says}", hint=plugin.get("installHint")) from error
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired) as error:
        raise ClusterUnreachable(f"{name} gave no credential: {error}", hint=plugin.get("installHint")) from error
