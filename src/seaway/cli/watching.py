"""Following a release on the screen: one line a change, then one sentence of verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seaway.cli.output import Output
from seaway.evidence.roles import Role
from seaway.stages.releasing import or_raise, watch
from seaway.stages.running import agent
from seaway.workspace import Workspace


def unlock(space: Workspace, environment: str, key: str | None, ask: Callable[[str], bytes]) -> None:
    """Gives the agent the operator's key, in memory, over its socket."""
    with space.reading() as notary:
        uri = space.keyring.choose(Role.OPERATOR, notary.people, environment=environment, named=key)
    agent(space).ask("unlock", uri=uri, passphrase=ask(uri).decode())


def follow(output: Output, space: Workspace, environment: str, release: int) -> None:
    """Shows a release until it ends or waits for a person; raises what it came to unless it is live."""
    seen: Mapping[str, Any] = {}
    for seen in watch(space, environment, release):
        output.item(dict(seen), line(seen)) if output.json else output.say(line(seen))
    if not output.json:
        print_end(output, seen)
    or_raise(environment, seen)


def line(seen: Mapping[str, Any]) -> str:
    """Returns a release's state on one line: state, step, why, and each criterion's counts and evidence."""
    parts = [f"{seen['state']:<11}", f"step {seen['cursor'] + 1}/{seen['steps']}"]
    if seen["reason"]:
        parts.append(f"({seen['reason']})")
    for one in (seen["verdict"] or {}).get("standings", ()):
        canary, stable = one["canary"], one["stable"]
        counts = f"{canary['bad']}/{canary['n']} : {stable['bad']}/{stable['n']}"
        parts.append(f"{one['criterion']} {counts} against {one['regress']:.3g} for {one['certificate']:.3g}")
    return "  ".join(parts)


def print_end(output: Output, seen: Mapping[str, Any]) -> None:
    """Says how it ended, on what counts, and where the papers are."""
    head = f"{seen['state']}: release {seen['release']}, {seen['requests']} requests judged"
    says = (seen["verdict"] or {}).get("says", "")
    output.data(None, f"{head}{'; ' + says if says else ''}")
    output.say(f"seaway judge replay {seen['papers']}/evidence.json")
