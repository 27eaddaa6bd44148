"""The keys on this machine, and which of them signs a deed.

Order: the key that is named; else the URI in `SEAWAY_KEY_<ROLE>`; else the one key in the key folder whose holder has
the role in the ledger. A name is short for `file:<key folder>/<name>.pem`. Not here: whether the key may (notary).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway.errors import KeyRefused
from seaway.evidence.keys import Passphrase, PublicKey, Signer, open_key
from seaway.evidence.people import People
from seaway.evidence.roles import Role


@dataclass(frozen=True, slots=True)
class Keyring:
    """Key files of a folder, opened with passphrases that `passphrase` asks for by key URI."""

    folder: Path
    environ: Mapping[str, str]
    passphrase: Passphrase

    def public_keys(self) -> dict[str, PublicKey]:
        """Returns the public keys here, by name."""
        found = sorted(self.folder.glob("*.pub"))
        return {path.stem: PublicKey.from_pem(path.read_bytes(), where=path) for path in found}

    def uri(self, named: str) -> str:
        """Returns the URI of a key that may be named by the name of its file."""
        return named if ":" in named else f"file:{self.folder / named}.pem"

    def signer(self, role: Role, people: People, *, environment: str | None = None, named: str | None = None) -> Signer:
        """Opens the key that signs as `role`; raises KeyRefused if there is none or more than one to choose from."""
        uri = self.choose(role, people, environment=environment, named=named)
        return open_key(uri, self.passphrase, roles=(role,), environment=environment)

    def choose(self, role: Role, people: People, *, environment: str | None = None, named: str | None = None) -> str:
        """Returns the URI of the key that signs as `role`, unopened."""
        return self.uri(
            named or self.environ.get(f"SEAWAY_KEY_{role.upper()}") or self._only(role, people, environment)
        )

    def holds(self, role: Role, people: People, *, environment: str | None = None) -> bool:
        """Tells whether a key here, or one that the environment names, signs as `role`."""
        return f"SEAWAY_KEY_{role.upper()}" in self.environ or bool(self._names(role, people, environment))

    def _only(self, role: Role, people: People, environment: str | None) -> str:
        names = self._names(role, people, environment)
        if len(names) == 1:
            return names[0]
        place = f" for {environment}" if environment else ""
        if names:
            raise KeyRefused(f"several keys here may sign as {role}{place}", hint=f"--key {' or --key '.join(names)}")
        raise KeyRefused(
            f"no key here signs as {role}{place}",
            where=self.folder,
            hint=f"seaway keys new NAME, then an owner: seaway keys enrol NAME --person PERSON --roles {role}",
        )

    def _names(self, role: Role, people: People, environment: str | None) -> list[str]:
        found = []
        for name, key in self.public_keys().items():
            held = people.holdings.get(key.digest)
            if not held or key.digest in people.revoked or role not in held[-1].enrolment.roles:
                continue
            places = held[-1].enrolment.environments
            if not (environment and places and environment not in places):
                found.append(name)
        return found
