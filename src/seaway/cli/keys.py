"""`seaway keys`: keys, and whose they are."""

from __future__ import annotations

import re
from pathlib import Path

import click

from seaway.cli.frame import passphrase, subcommand
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.errors import KeyRefused
from seaway.evidence.keys import PublicKey, new_key, open_key
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.roles import Role

_ROLES = [str(role) for role in Role]


@click.group("keys")
def keys_() -> None:
    """Make keys and say whose they are. Who may sign what is in the ledger, enrolled by an owner."""


@subcommand(keys_, "new")
@click.argument("name")
def new(output: Output, name: str) -> None:
    """Make an encrypted key file NAME.pem and NAME.pub in your data directory.

    The passphrase is asked for, or taken from SEAWAY_PASSPHRASE_<NAME>.
    """
    place = workspace().place
    public = new_key(place.keys, name, passphrase(f"file:{place.keys / name}.pem"))
    output.data(
        {"name": name, "key": str(public.digest), "file": str(place.keys / f"{name}.pub")},
        f"{place.keys / name}.pub  {public.digest.short}",
    )

    output.say(f"next: an owner runs seaway keys enrol {name} --person PERSON --roles ROLE,…")


@subcommand(keys_, "enrol")
@click.argument("key")
@click.option("--person", required=True, help="Who holds it: a short name, the same for each key of one person.")
@click.option("--roles", required=True, metavar="ROLE,…", help=f"Of: {', '.join(_ROLES)}.")
@click.option("--titles", default="", metavar="TITLE,…", help="Titles that gates may ask for.")
@click.option("--environments", default="", metavar="ENV,…", help="Only for these (default: all).")
@click.option("--email", "emails", multiple=True, help="Address in commits, to know an author by; repeatable.")
@click.option("--as", "owner", metavar="NAME|URI", help="The owner's key, where several are here.")
def enrol(
    output: Output,
    key: str,
    person: str,
    roles: str,
    titles: str,
    environments: str,
    emails: tuple[str, ...],
    owner: str | None,
) -> None:
    """Say whose a key is and what it is for. The first enrolment of a ledger makes its owner.

    KEY is a name in your data directory or a path to a .pub file. Addresses lie in an erasable payload, not in the
    ledger itself.
    """
    space = workspace()
    public = _public(space.place.keys, key)
    newcomer = Newcomer(
        person=person,
        roles=tuple(_role(name) for name in _split(roles)),
        titles=_split(titles),
        environments=_split(environments),
        emails=emails,
    )
    with space.notary() as notary:
        if notary.people.head is None:
            signer = open_key(space.keyring.uri(key), space.ask, roles=(Role.OWNER,))
            answer = notary.bootstrap(signer, newcomer)
        else:
            signer = space.keyring.signer(Role.OWNER, notary.people, named=owner)
            answer = notary.enrol(signer, public, newcomer)
    output.data({"leaf": answer.index, "person": person}, f"enrolled {person} ({roles}) at leaf {answer.index}")


@subcommand(keys_, "list")
def listing(output: Output) -> None:
    """List persons, their roles and titles, and which of their keys are here."""
    space = workspace()
    here = {key.digest: name for name, key in space.keyring.public_keys().items()}
    with space.reading() as notary:
        persons = notary.people.persons()
    rows = [
        (
            each.id,
            ",".join(sorted(each.roles)),
            ",".join(sorted(each.titles)),
            ",".join(here.get(key, key.short) for key in each.keys),
        )
        for each in sorted(persons.values(), key=lambda one: one.id)
    ]
    names = ("person", "roles", "titles", "keys")
    output.data([dict(zip(names, row, strict=True)) for row in rows], output.table(rows, names))


@subcommand(keys_, "revoke")
@click.argument("key")
@click.option("--reason", required=True, help="Why; goes into the ledger.")
@click.option("--as", "owner", metavar="NAME|URI", help="The owner's key, where several are here.")
def revoke(output: Output, key: str, reason: str, owner: str | None) -> None:
    """Revoke a key: nothing it signs from now on counts."""
    space = workspace()
    public = _public(space.place.keys, key)
    with space.notary() as notary:
        signer = space.keyring.signer(Role.OWNER, notary.people, named=owner)
        answer = notary.revoke(signer, public.digest, reason)
    output.data({"leaf": answer.index}, f"revoked {key} at leaf {answer.index}")


def _public(folder: Path, key: str) -> PublicKey:
    path = Path(key) if key.endswith(".pub") else folder / f"{key}.pub"
    try:
        return PublicKey.from_pem(path.read_bytes(), where=path)
    except OSError as error:
        raise KeyRefused(f"there is no public key {key}", where=path, hint=f"seaway keys new {key}") from error


def _role(name: str) -> Role:
    if name not in _ROLES:
        raise KeyRefused(f'"{name}" is not a role', hint=f"one of {', '.join(_ROLES)}")
    return Role(name)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", text) if part)
