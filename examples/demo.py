"""`make demo`: the whole road on this machine, walked for real, with a real app and a real model.

Every line it prints comes from a command that was run just before; a part that does not come out as it must fails the
demo. It works in `.demo/` beside the repository: a copy of `examples/rag` with a git repository, a data and a state
directory of its own, so nothing of the user's is touched. Downloads are cached like any user's.

`--on docker` walks the same road on a Docker Engine (DOCKER_HOST or the usual socket): the same file but for its
targets, the same images by digest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".demo"
APP = HOME / "rag"
SEAWAY = ROOT / ".venv" / "bin" / "seaway"
QUESTION = "Return a list of paths matching a pathname pattern."
RELEASED, REFUSED, ROLLED_BACK = 0, 40, 80
OWN_CHANGE, NOT_SCANNED = 35, 36


class DemoFailed(Exception):
    """A part did not come out as it must."""


@dataclass
class Stage:
    """What prints: a word, then what came of it; the time each part took is kept for the end."""

    started: float = field(default_factory=time.monotonic)
    spent: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def say(self, word: str, text: str) -> None:
        """Prints one line; what belongs to the same part has no word."""
        self.lines.append(f"{word:<9}{text}".rstrip())
        print(self.lines[-1], flush=True)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Times a part of the demo."""
        began = time.monotonic()
        yield
        self.spent[name] = time.monotonic() - began


def environment() -> dict[str, str]:
    """Returns the variables of a user with directories of the demo's own and two people's passphrases."""
    own = {
        "SEAWAY_DATA_DIR": str(HOME / "data"),
        "SEAWAY_STATE_DIR": str(HOME / "state"),
        "SEAWAY_PASSPHRASE_ALICE": "alice in the demo",
        "SEAWAY_PASSPHRASE_BOB": "bob in the demo",
        "SEAWAY_PASSPHRASE_RELEASER": "the releaser's own",
        "GIT_AUTHOR_NAME": "Alice",
        "GIT_AUTHOR_EMAIL": "alice@team.example",
        "GIT_COMMITTER_NAME": "Alice",
        "GIT_COMMITTER_EMAIL": "alice@team.example",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEAWAY_KEY")}
    return {**kept, **own}


def seaway(*words: str, expects: int = RELEASED, cwd: Path = APP, extra: Mapping[str, str] | None = None) -> Any:
    """Runs a command with `--json` and returns its answer; any other exit code fails the demo."""
    command = [str(SEAWAY), *words, "--json"]
    done = subprocess.run(
        command, cwd=cwd, env={**environment(), **(extra or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode != expects:
        says = f"seaway {' '.join(words)} ended with {done.returncode}, not {expects}"
        raise DemoFailed(f"{says}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout  # a stream of JSON lines


def target() -> str:
    """Returns where the app shall run: what follows `--on`, else processes on this machine."""
    return sys.argv[sys.argv.index("--on") + 1] if "--on" in sys.argv else "process"


def git(*words: str) -> None:
    """Runs git in the demo's copy of the app."""
    subprocess.run(["git", *words], cwd=APP, env=environment(), check=True, capture_output=True)


def prepare() -> None:
    """Lays out a fresh copy of the app, committed by Alice; what an earlier demo left is stopped and removed."""
    if APP.is_dir():
        seaway("down")
    shutil.rmtree(HOME, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "rag", APP, ignore=shutil.ignore_patterns("__pycache__", ".seaway"))
    compose = APP / "compose.yaml"
    compose.write_text(compose.read_text().replace("target: process", f"target: {target()}"))
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "feat: static word vectors, 256 floats")


def people(stage: Stage) -> None:
    """Two people, two enrolments, two passphrases; the releaser's key is one of its own and signs only good news."""
    for name in ("alice", "bob", "releaser"):
        seaway("keys", "new", name)
    roles = "owner,builder,tester,scanner,operator"
    seaway("keys", "enrol", "alice", "--person", "alice", "--roles", roles, "--email", "alice@team.example")
    seaway("keys", "enrol", "bob", "--person", "bob", "--roles", "approver")
    owned = ("--person", "alice", "--roles", "releaser", "--environments", "production")
    seaway("keys", "enrol", "releaser", *owned)
    listed = seaway("keys", "list")
    stage.say("keys", "  ".join(f"{each['person']} ({each['roles']})" for each in listed))


def build(stage: Stage) -> str:
    """Locks and builds; the second build has another folder and an empty store, and must give the same digests."""
    with stage.part("base, wheels, models"):
        locked = seaway("lock")
    stage.say("base", f"{locked[0]['base']}  python {locked[0]['python']}  {locked[0]['wheels']} wheels  no root")
    git("add", "-A")
    git("commit", "-q", "-m", "build: lock")
    with stage.part("build"):
        first = seaway("build", "--locked")
    twin = HOME / "elsewhere"
    shutil.copytree(APP, twin, ignore=shutil.ignore_patterns(".seaway"))
    nobody = {"SEAWAY_DATA_DIR": str(HOME / "nobody" / "data"), "SEAWAY_STATE_DIR": str(HOME / "nobody" / "state")}
    with stage.part("build again, elsewhere"):
        second = seaway("build", "--locked", cwd=twin, extra=nobody)
    if (first["images"], first["bundle"]) != (second["images"], second["bundle"]):
        raise DemoFailed(f"the second build differs: {first} {second}")
    for service, digest in sorted(first["images"].items()):
        stage.say("build" if service == "api" else "", f"{service}  {digest[:19]}…")
    stage.say("", f"bundle {first['bundle'][:19]}…  again, in another folder with an empty store: equal")
    shutil.rmtree(twin)
    return str(first["bundle"])


def up(stage: Stage, version: str) -> None:
    """Runs the bundle in staging."""
    with stage.part(f"up {version}"):
        found = seaway("up", "--no-build")
    services = "  ".join(f"{name} ×{count}" for name, count in sorted(found["services"].items()))
    stage.say("up", f"staging {version}  {services}  {found['addresses'][0]}  ({found['way']})")


def ask(stage: Stage, port: int, version: str) -> str:
    """Asks a real question of the real model; returns the request's id."""
    body = json.dumps({"question": QUESTION}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/ask", body, {"content-type": "application/json"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=10) as answer:
        said = json.loads(answer.read())
        token, pod = answer.headers["x-seaway-request"], answer.headers["x-seaway-pod"]
    took = 1000 * (time.perf_counter() - began)
    stage.say("ask", f'"{QUESTION}"')
    stage.say("", f"{' · '.join(said['titles'])}   {version} at {pod}, {took:.1f} ms")
    return str(token)


def prove(stage: Stage, version: str) -> None:
    """Tests what runs in staging with labelled questions, and scans; a suite that fails ends the demo."""
    with stage.part(f"test and scan {version}"):
        suite = seaway("test", "staging")[0]
        metric = suite["metrics"][0]
        stage.say(
            "test", f"{suite['result']}  {metric['name']} {metric['mean']:.3f} {metric['threshold']}, n {metric['n']}"
        )
        scanned = seaway("scan", expects=NOT_SCANNED)[0]
    skipped = {each["why"] for each in scanned["skipped"]}
    stage.say("scan", f"{scanned['state']}: {len(scanned['findings'])} findings; {'; '.join(sorted(skipped))}")


def denied(decision: Mapping[str, Any]) -> str:
    """Returns the rules that stopped a promotion."""
    stopped = [rule["rule"] for rule in decision["rules"] if rule["verdict"] in ("deny", "undecided")]
    return ", ".join(stopped)


def refused(stage: Stage) -> None:
    """Shows that the gate refuses: nobody else approved, and what was not scanned does not pass; then self-approval."""
    command = [str(SEAWAY), "promote", "production", "--json"]
    done = subprocess.run(command, cwd=APP, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != REFUSED:
        raise DemoFailed(f"the gate did not refuse: {done.returncode} {done.stdout} {done.stderr}")
    decision = json.JSONDecoder().raw_decode(done.stdout)[0]
    stage.say("promote", f"staging → production  refused: {denied(decision)}")
    seaway("approve", "production", "--key", "alice", expects=OWN_CHANGE)
    stage.say("", "refused: alice may not approve her own change")


def promote(stage: Stage) -> None:
    """Bob excepts what cannot be scanned here, for two weeks, and approves; then the gate opens."""
    ticket = ("--requested-by", "alice", "--ticket", "SEC-12", "--days", "14")
    why = ("--reason", "no source of advisories for PyPI is in reach", "--key", "bob")
    waived = seaway("except", "production", "scan-fresh", *ticket, *why)
    stage.say("except", f"scan-fresh until {waived[0]['until']}, signed by {waived[0]['approver']}")
    approval = seaway("approve", "production", "--key", "bob", "--reason", "read it")
    decision = seaway("promote", "production")
    passed = sum(rule["verdict"] == "pass" for rule in decision["rules"])
    stage.say(
        "promote", f"approved by {approval['person']} on {approval['entries']} statements; {passed} rules pass, signed"
    )


@dataclass
class Traffic:
    """The app's own questions at 80 a second, asked by another process until it is told to stop."""

    log: Path
    stop: Path = field(default_factory=lambda: HOME / "stop")

    def __enter__(self) -> Traffic:
        """Starts asking."""
        self.stop.unlink(missing_ok=True)
        command = [SEAWAY, "load", "production", "--for", "300", "--log", self.log, "--json"]
        self.process = subprocess.Popen(
            [*command, "--until-file", self.stop], cwd=APP, env=environment(), stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Stops asking and reads what came of it."""
        self.stop.touch()
        said, _err = self.process.communicate(timeout=120)
        self.answer: dict[str, Any] = json.loads(said)


def release(stage: Stage, version: str, says: str, expects: int) -> dict[str, Any]:
    """Releases under traffic and prints how the judge saw it; returns the last state and the load's answer."""
    stage.say("release", f"{version} {says}")
    with stage.part(f"release {version}"), Traffic(HOME / f"load-{version}.jsonl") as traffic:
        command = [str(SEAWAY), "release", "production", "--json"]
        done = subprocess.Popen(
            command, cwd=APP, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert done.stdout is not None
        seen = follow(stage, done.stdout)
        code = done.wait(timeout=600)
    if code != expects:
        raise DemoFailed(
            f"release {version} ended with {code}, not {expects}: {seen} {done.stderr and done.stderr.read()}"
        )
    if traffic.answer["failed"]:
        raise DemoFailed(f"{traffic.answer['failed']} requests failed: {traffic.answer['faults']}")
    return {**seen, "load": traffic.answer}


def follow(stage: Stage, lines: Any) -> dict[str, Any]:
    """Prints a line for each change of state with the standing of every criterion; returns the last state."""
    seen: dict[str, Any] = {}
    state = ""
    for line in lines:
        if not line.startswith("{"):
            continue
        said = json.loads(line)
        if said.get("state") in (None, state):
            continue
        seen, state = said, said["state"]
        standings = (seen.get("verdict") or {}).get("standings", [])
        stage.say("", f"{state:<12} {'  '.join(map(counts, standings))}")
    return seen


def counts(standing: Mapping[str, Any]) -> str:
    """Shows a criterion: bad outcomes of all, the canary's against stable's."""
    canary, stable = standing["canary"], standing["stable"]
    return f"{standing['criterion']} {canary['bad']}/{canary['n']} : {stable['bad']}/{stable['n']}"


def version(name: str) -> str:
    """Makes the change of a version in the app's files and commits it as Alice; returns what the commit says."""
    says = subprocess.run(
        [sys.executable, "version.py", name, "."], cwd=APP, check=True, capture_output=True, text=True
    ).stdout.strip()
    git("commit", "-q", "-a", "-m", says)
    return says


def another(stage: Stage, name: str) -> str:
    """Takes a new version to the gate and through it: build, staging, suite, scan, exception, approval, promotion."""
    says = version(name)
    with stage.part(f"build {name}"):
        built = seaway("build")
    stage.say("build", f"{name}  bundle {built['bundle'][:19]}…  commit {str(built['commit'])[:12]}")
    up(stage, name)
    prove(stage, name)
    promote(stage)
    return says


def why(stage: Stage, token: str) -> None:
    """Asks who and what stands behind one answer of the bad canary."""
    answer = seaway("why", token)
    stage.say("why", f"request {token[:16]}…")
    for line in answer["lines"]:
        stage.say("", line)


def render(stage: Stage) -> None:
    """Writes the very same file and digests as objects for Kubernetes; the schemas it publishes take them."""
    made = seaway("render", "production", "--registry", "registry.example/search", "-o", str(HOME / "manifests"))
    built = seaway("build", "--locked")
    if made["bundle"] != built["bundle"] or made["images"] != built["images"]:
        raise DemoFailed(f"what was rendered is not what runs: {made['images']} {built['images']}")
    counted = f"{len(made['objects'])} objects, the same digests, valid against the schemas of {made['schema']}"
    stage.say("render", f"production → kubernetes: {counted}")


def walk(stage: Stage) -> None:
    """The whole road."""
    prepare()
    people(stage)
    build(stage)
    up(stage, "v1")
    ask(stage, 8081, "v1")
    prove(stage, "v1")
    refused(stage)
    promote(stage)
    with stage.part("release v1"):
        seaway("release", "production")
    stage.say("live", "v1 in production, all at once: there was nothing to compare with")
    ask(stage, 8080, "v1")
    bad = release(stage, "v2", another(stage, "v2"), ROLLED_BACK)
    rolled_back(stage, bad)
    good = release(stage, "v3", another(stage, "v3"), RELEASED)
    stage.say("live", f"v3 100%, {good['load']['sent']} requests, {good['load']['failed']} failed")
    why(stage, canary_request(bad))
    render(stage)
    ledger = seaway("ledger", "verify")
    stage.say("ledger", f"verify: {ledger['size']} entries, ok")


def rolled_back(stage: Stage, bad: Mapping[str, Any]) -> None:
    """Says what the rollback stood on, and replays the verdict from its evidence file."""
    evidence = f"{bad['papers']}/evidence.json"
    replayed = seaway("judge", "replay", evidence)
    load = bad["load"]
    stage.say("rolled", f"back: {bad['requests']} requests saw v2, {load['sent']} in all, {load['failed']} failed")
    stage.say("", f"seaway judge replay …/evidence.json: same verdict, {replayed['outcome']} {replayed['reason']}")


def canary_request(bad: Mapping[str, Any]) -> str:
    """Returns the id of a request that the bad canary answered: its token names the version."""
    canary = bad["canary"]["api"]
    for line in (HOME / "load-v2.jsonl").read_text().splitlines():
        token = str(json.loads(line)["token"])
        if token[10:20] == canary:
            return token
    raise DemoFailed("no request of the canary is in the client's log")


def write_readme(stage: Stage) -> None:
    """Puts what was printed into the README, between its marks."""
    path = ROOT / "README.md"
    head, _, rest = path.read_text().partition("<!-- demo -->")
    tail = rest.partition("<!-- /demo -->")[2]
    shown = "\n".join(["$ make demo", *(line[:150] for line in stage.lines)])
    path.write_text(f"{head}<!-- demo -->\n```\n{shown}\n```\n<!-- /demo -->{tail}")


def main(road: Callable[[Stage], None] = walk) -> int:
    """Walks the road; says what failed and where, or how long each part took; `--readme` keeps the transcript."""
    stage = Stage()
    try:
        road(stage)
    except DemoFailed as failure:
        print(f"\nthe demo failed: {failure}", file=sys.stderr)
        return 1
    parts = "  ".join(f"{name} {seconds:.1f}s" for name, seconds in stage.spent.items())
    stage.say("not yet", "the Helm chart and the pages: seaway says so where asked")
    stage.say("done", f"{time.monotonic() - stage.started:.0f}s  ({parts})")
    stage.say(
        "",
        f"cd {APP.relative_to(Path.cwd()) if APP.is_relative_to(Path.cwd()) else APP} && seaway down stops everything",
    )
    if "--readme" in sys.argv:
        write_readme(stage)
    return 0


if __name__ == "__main__":
    sys.exit(main())
