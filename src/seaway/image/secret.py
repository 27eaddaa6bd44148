"""What a secret looks like: by its name, by known shapes, by values the app itself declares secret. Pure.

Rules: a finding says which kind, never the secret. Values under eight bytes are not looked for: they would be
found everywhere. Not here: which files are looked at (`source.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

_NAMES = {
    "an environment file": r"(.*/)?\.env(\.(?!example$|sample$|template$|dist$|tmpl$|defaults?$)[^/]+)?",
    "a private key": r"(.*/)?(id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(key|p12|pfx|jks|keystore|ppk|kdbx))",
    "a file of logins": r"(.*/)?(\.netrc|_netrc|\.pypirc|\.git-credentials|\.htpasswd|\.pgpass|\.vault-token)",
    "cloud credentials": r"(.*/)?(\.aws/(credentials|config)|\.config/gcloud/.+|\.azure/.+"
    r"|application_default_credentials\.json|\.docker/config\.json)",
    "cluster credentials": r"(.*/)?(\.kube/.+|kubeconfig(\.ya?ml)?)",
    "a state file": r"(.*/)?[^/]+\.tfstate(\.backup)?",
}
_SHAPES = {
    "a private key block": rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "an AWS access key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})",
    "a GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20}",
    "a Slack token": rb"\bxox[abprs]-[0-9]+-[A-Za-z0-9-]{10}",
    "an API key of a model provider": rb"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]*[A-Za-z0-9]{32}",
    "a Hugging Face token": rb"\bhf_[A-Za-z0-9]{34}",
    "a package index token": rb"\b(?:pypi-AgE[A-Za-z0-9_-]{50}|npm_[A-Za-z0-9]{36})",
    "a Google API key": rb"\bAIza[0-9A-Za-z_-]{35}",
    "a Stripe key": rb"\b[rs]k_live_[0-9a-zA-Z]{24}",
}
_BY_NAME = [(says, re.compile(pattern, re.IGNORECASE)) for says, pattern in _NAMES.items()]
_BY_SHAPE = [(says, re.compile(pattern)) for says, pattern in _SHAPES.items()]
_SHORTEST = 8
_CHUNK = 1 << 20
_OVERLAP = 8192


def looks_secret(path: str) -> str | None:
    """Returns what kind of secret a file is by its path, or None."""
    return next((says for says, pattern in _BY_NAME if pattern.fullmatch(path)), None)


def find_secrets(stream: BinaryIO, values: Mapping[str, str]) -> str | None:
    """Returns what kind of secret a file holds, or None; `values` are secrets by name."""
    wanted = {name: value.encode() for name, value in values.items() if len(value.encode()) >= _SHORTEST}
    tail = b""
    while block := stream.read(_CHUNK):
        text = tail + block
        for says, pattern in _BY_SHAPE:
            if pattern.search(text):
                return says
        for name, value in wanted.items():
            if value in text:
                return f"the value of {name}"
        tail = text[-_OVERLAP:]
    return None
