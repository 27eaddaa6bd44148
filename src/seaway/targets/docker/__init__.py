"""The target `docker`: the app as containers of a Docker Engine, behind a real Envoy on the engine's network.

    target.py      `DockerTarget`: images by digest, configuration and secrets brought to the engine
    containers.py  containers as the supervisor's replicas: found by label, started, stopped, asked
    document.py    pure: a workload becomes the body of `POST /containers/create`
    fronts.py      an Envoy a service, under the service's name, told by files replaced by rename
    network.py     one network an environment, and who has which address on it
    api.py         the Engine API over its Unix socket

The supervisor, the agent and the judge are those of the target `process`; what is kept is found again by labels, so
whoever is killed, the next one goes on. Nothing here calls a program named docker.
"""
