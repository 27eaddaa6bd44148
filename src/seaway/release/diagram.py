"""The machine's diagram, drawn from its table: `docs/release-machine.md` is this text and a test compares them."""

from __future__ import annotations

from seaway.release.machine import ENDS, ENTERS, FORWARD, TRANSITIONS, Event, Goto, State

_HEAD = """# The machine of a release

Drawn from `seaway.release.machine.TRANSITIONS`; do not edit. *next* is the state that the next step enters, `live`
after the last; *the step again* enters the step at the cursor once more; *past the judge* goes to the pods for all
traffic.
"""


def diagram() -> str:
    """Returns the Markdown page: which step enters which state, a Mermaid diagram, the whole table."""
    return f"{_HEAD}\n{_entries()}\n```mermaid\nstateDiagram-v2\n{_edges()}\n```\n\n{_table()}"


def _entries() -> str:
    rows = [f"| {kind.__name__} | {state} |" for kind, state in ENTERS.items()]
    return "\n".join(["| step | enters |", "|---|---|", *rows, ""])


def _edges() -> str:
    lines = [f"    [*] --> {_name(State.PLANNED)}"]
    common = _common()
    for (state, event), leads in TRANSITIONS.items():
        if event in common and state in FORWARD:
            continue
        lines.append(f"    {_name(state)} --> {_name(leads)}: {event}")
    lines += [f"    forward --> {_name(leads)}: {event}" for event, leads in common.items()]
    lines += [f"    {_name(state)} --> [*]" for state in sorted(ENDS)]
    lines.append(f"    note right of forward: {', '.join(FORWARD)}")
    return "\n".join(lines)


def _common() -> dict[Event, State | Goto]:
    """Returns the events that lead from every forward state to the same place."""
    common = {}
    for event in Event:
        leads = {TRANSITIONS.get((state, event)) for state in FORWARD}
        if len(leads) == 1 and (only := leads.pop()) is not None:
            common[event] = only
    return common


def _name(place: State | Goto) -> str:
    return place.replace("-", "_").replace(" ", "_")


def _table() -> str:
    rows = [f"| {state} | {event} | {leads} |" for (state, event), leads in TRANSITIONS.items()]
    return "\n".join(["| state | event | leads to |", "|---|---|---|", *rows, ""])
