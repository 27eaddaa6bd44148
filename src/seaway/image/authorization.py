"""What one repository of a registry is asked with: nothing, a password, or a token for what is to be done there.

Rules: a challenge counts only from the registry's own host; the password goes to the token realm that it names, which
must be https unless the registry is plain loopback (`http.guard_realm`), and nowhere else; a token is kept for the
scopes it was given for. Sources: RFC 6750, RFC 7617, distribution's token and OAuth2 token specifications.

Not here: where passwords come from (`credentials.py`), the questions (`registry.py`).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode, urlsplit

from seaway.errors import RegistryError
from seaway.http import Answer, Client, GuardRefused, guard_realm
from seaway.image.credentials import Credentials, find_credentials
from seaway.image.reference import Reference

_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^",\s]+))')
_BEARER = re.compile(r"\bbearer\s+", re.IGNORECASE)
_BASIC = re.compile(r"\bbasic\b", re.IGNORECASE)
_CLIENT = "seaway"
LOGIN = "log in to the registry with docker login or podman login"

Scopes = frozenset[str]


class TokenRefused(RegistryError):
    """A token server gives no token for these scopes."""


def scope(repository: str, *actions: str) -> str:
    """Returns a scope as token servers know it: `repository:NAME:pull,push`."""
    return f"repository:{repository}:{','.join(actions)}"


class Authorization:
    """The headers for one registry, asked for as challenges come; safe for several threads."""

    def __init__(self, reference: Reference, client: Client) -> None:
        self._reference = reference
        self._client = client
        self._lock = threading.Lock()
        self._challenge: Mapping[str, str] = {}
        self._tokens: dict[Scopes, str] = {}
        self._basic = ""

    def headers(self, url: str, scopes: Scopes) -> dict[str, str]:
        """Returns the Authorization for a question at `url`; empty for another host and before any challenge."""
        if not self._is_own(url):
            return {}
        with self._lock:
            if not self._basic and self._challenge and scopes not in self._tokens:
                self._tokens[scopes] = self._token(scopes)
            value = self._basic or self._tokens.get(scopes, "")
        return {"Authorization": value} if value else {}

    def accept(self, answer: Answer, scopes: Scopes, used: Mapping[str, str]) -> bool:
        """Tells whether there is something else to ask with than what was `used` and answered by a 401."""
        if not self._is_own(answer.url):
            return False
        with self._lock:
            known = self._basic or self._tokens.get(scopes, "")
            if known == used.get("Authorization", ""):  # else another thread has answered the same challenge
                self._answer(answer.headers.get("www-authenticate", ""), scopes)
            return (self._basic or self._tokens.get(scopes, "")) not in ("", used.get("Authorization", ""))

    def _answer(self, challenge: str, scopes: Scopes) -> None:
        if bearer := _BEARER.search(challenge):
            self._challenge = _parameters(challenge[bearer.end() :])
            self._tokens[scopes] = self._token(scopes)
            return
        credentials = find_credentials(self._reference.host)
        if _BASIC.search(challenge) and credentials and credentials.user:
            self._basic = credentials.basic

    def _is_own(self, url: str) -> bool:
        return urlsplit(url)[:2] == urlsplit(self._reference.url)[:2]

    def _token(self, scopes: Scopes) -> str:
        realm = self._challenge.get("realm", "")
        try:
            guard_realm(realm, registry=self._reference.url)
        except GuardRefused as error:
            raise RegistryError(str(error), where=self._reference) from error
        asked = [("scope", each) for each in sorted(_joined(scopes, self._challenge.get("scope", "")))]
        if "service" in self._challenge:
            asked.insert(0, ("service", self._challenge["service"]))
        answer = self._ask(realm, asked, find_credentials(self._reference.host))
        token = _token_in(answer)
        if not token:
            says = f"no token was given, status {answer.status}"
            raise TokenRefused(says, where=self._reference, hint=LOGIN if answer.status in (401, 403) else None)
        return f"Bearer {token}"

    def _ask(self, realm: str, asked: list[tuple[str, str]], credentials: Credentials | None) -> Answer:
        if credentials and credentials.identity_token:
            return self._exchange(realm, asked, credentials.identity_token)
        headers = {"Authorization": credentials.basic} if credentials else {}
        return self._client.get(f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}", headers=headers)

    def _exchange(self, realm: str, asked: list[tuple[str, str]], identity: str) -> Answer:
        """Gives an identity token for an access token (distribution's OAuth2 token specification; RFC 6749, 6)."""
        scopes = " ".join(value for name, value in asked if name == "scope")
        form = {name: value for name, value in asked if name != "scope"}
        form |= {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": identity, "scope": scopes}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._client.request("POST", realm, headers=headers, body=urlencode(form).encode())


def _parameters(text: str) -> dict[str, str]:
    """Reads the parameters of a challenge; of a name that comes twice the first counts."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(text):
        found.setdefault(name.lower(), quoted or plain)
    return found


def _joined(scopes: Iterable[str], challenged: str) -> set[str]:
    """Returns the scopes wanted and those that the challenge adds."""
    wanted = set(scopes)
    more = {each for each in challenged.split() if not any(_covers(one, each) for one in wanted)}
    return wanted | more


def _covers(one: str, other: str) -> bool:
    (name, _, actions), (asked, _, wanted) = one.rpartition(":"), other.rpartition(":")
    return name == asked and set(wanted.split(",")) <= set(actions.split(","))


def _token_in(answer: Answer) -> str:
    if answer.status != 200:
        return ""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return ""
    found = (body.get("token") or body.get("access_token")) if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""
