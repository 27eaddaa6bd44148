"""The target `process`: an app as plain processes from its images' own roots, behind a real Envoy.

    target.py      `ProcessTarget`, the `Target` protocol: wishes in, observations out
    supervisor.py  one turn: look at the cells, start, stop, probe, route; all of it derived again each time
    agent.py       the process that takes turns and answers on a Unix socket; client.py asks it
    plan.py        pure: which cells to start, stop, restart
    fronts.py      Envoy: its files, replaced by rename in an order in which no route names an unknown cluster

Nothing is remembered but wishes and what lies on disk beside the cells, so whoever is killed, the next one goes on.
Limits: no security boundary, the host's network, no seccomp filter, one host user for all services.
"""
