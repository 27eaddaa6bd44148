"""`why`: from a request of a rolled-back canary, or a digest, to everything that let it run."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.graph import story
from tests.graph.story import Tape, bundle, image, request

from seaway.errors import SubjectAmbiguous, SubjectUnknown
from seaway.evidence.statement import PredicateType
from seaway.graph import GraphStore, Why, why

pytestmark = pytest.mark.rootless


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """The story, folded."""
    one = GraphStore.open(tmp_path_factory.mktemp("graph") / "graph.sqlite")
    one.follow(story.tell())
    yield one
    one.close()


def folded(path: Path, tape: Tape) -> GraphStore:
    """A store of another story."""
    one = GraphStore.open(path / "graph.sqlite")
    one.follow(tape)
    return one


def commit(name: str) -> str:
    """The commit of a version."""
    return hashlib.sha1(name.encode()).hexdigest()


def hops(answer: Why) -> set[str]:
    """Where the gaps are."""
    return {gap.hop for gap in answer.gaps}


def test_a_request_of_the_bad_canary_is_explained_whole(store: GraphStore) -> None:
    """Image, commit, model, data, decision, policy, approval, release and its end, without a gap."""
    answer = why(store, request("v2", 15))
    assert answer.gaps == ()
    assert (answer.kind, answer.service, answer.version) == ("request", "api", story.version("v2"))
    assert (answer.environment, answer.place, answer.bundle) == ("production", "host-1", str(bundle("v2")))
    assert [(one.key, one.commit, one.builder, one.base) for one in answer.images] == [
        (str(image("v2")), commit("v2"), "p-alice", ("apt:debian/bookworm",))
    ]
    assert [(one.key, one.name, one.uri, one.signed_by, one.state) for one in answer.models] == [
        (str(story.STATIC.root), "encoder", "pypi://encoder/1.0", "p-alice", "verified")
    ]
    assert [one.licence for one in answer.models] == ["MIT"]
    assert [(one.key, one.licence) for one in answer.data] == [(str(story.FAQ), "CC-BY-4.0")]
    assert [(one.by, one.properties["title"]) for one in answer.approvals] == [("p-bob", "release-manager")]
    assert answer.decision
    assert (answer.decision.by, answer.decision.properties["result"]) == ("p-release", "PASSED")
    assert answer.policy
    assert (answer.policy.id, answer.policy.properties["rules"]) == (str(story.POLICY), ["approved-by-another"])
    assert [one.properties["result"] for one in answer.evaluations] == ["PASSED"]


def test_the_end_of_its_release_is_told(store: GraphStore) -> None:
    """Rolled back, why, on what verdict."""
    release = why(store, request("v2", 15)).release
    assert release
    assert (release.properties["outcome"], release.properties["state"]) == ("rolled-back", "rolled-back")
    assert release.properties["verdict"]["criterion"] == "helpful"
    assert release.properties["requestsExposed"] == 471


@pytest.mark.parametrize(("name", "minutes"), [("v1", 6), ("v1", 15), ("v1", 20), ("v1", 35), ("v3", 35), ("v3", 50)])
def test_a_request_at_any_time_finds_the_version_that_answered(store: GraphStore, name: str, minutes: float) -> None:
    """Beside a canary, after a rollback, after a promotion: the version's own bundle, decision and model."""
    answer = why(store, request(name, minutes))
    assert (answer.gaps, answer.bundle) == ((), str(bundle(name)))
    assert answer.images[0].commit == commit(name)
    assert answer.models[0].key == str((story.MINILM if name == "v3" else story.STATIC).root)


@pytest.mark.parametrize(("name", "minutes", "release"), [("v1", 6, "1"), ("v1", 20, "2"), ("v3", 35, "3")])
def test_a_request_belongs_to_the_release_of_its_time(
    store: GraphStore, name: str, minutes: float, release: str
) -> None:
    """The same version ran by two releases: its first, and the way back of another."""
    found = why(store, request(name, minutes)).release
    assert found
    assert found.properties["id"] == release


def test_what_had_traffic_is_preferred(tmp_path: Path) -> None:
    """Within one minute a version had weight and then none: the request came from when it had some."""
    tape = story.tell()
    gone = story.deployment(36.4, "v3", release="4", weight=0.0, arm="canary")
    tape.add(gone.about(bundle("v1")), "p-alice")
    found = why(folded(tmp_path, tape), request("v3", 36)).release
    assert found
    assert found.properties["id"] == "3"


def test_an_exception_that_had_ended_is_not_told(tmp_path: Path) -> None:
    """It held when v1 was decided; a decision after its end did not stand on it."""
    tape = story.tell()
    story.decide_again(tape, 60 * 24 * 31)
    late = story.deployment(60 * 24 * 31 + 1, "v1", release="9", weight=100.0, arm="canary")
    tape.add(late.about(bundle("v1")), "p-alice")
    one = folded(tmp_path, tape)
    assert why(one, request("v1", 60 * 24 * 31 + 2)).exceptions == ()
    assert len(why(one, request("v1", 6)).exceptions) == 1


def test_an_exception_that_held_at_the_decision_is_told(store: GraphStore) -> None:
    """Who asked, who granted, which rule, until when; and not under another version."""
    (one,) = why(store, request("v1", 6)).exceptions
    assert (one.by, one.properties["rule"], one.properties["ticket"]) == ("p-bob", "scan-fresh", "OPS-1")
    assert why(store, request("v2", 15)).exceptions == ()


def test_a_request_when_its_version_did_not_run_has_a_gap(store: GraphStore) -> None:
    """To the minute: just before the canary, or an hour after, the version is explained and no deployment proven."""
    for name, minutes in (("v2", 12), ("v2", 60), ("v3", 33)):
        answer = why(store, request(name, minutes))
        assert hops(answer) == {"request → deployment"}
        assert answer.state == "unknown"


def test_a_token_with_a_key_is_verified_and_a_forged_one_is_a_gap(store: GraphStore) -> None:
    """The MAC says whether the environment's own replicas made it."""
    assert why(store, request("v2", 15, key=b"k"), key=b"k").standing == "verified"
    assert why(store, request("v2", 15)).standing == "unverified"
    answer = why(store, request("v2", 15, key=b"other"), key=b"k")
    assert (answer.standing, hops(answer)) == ("forged", {"request → version"})


@pytest.mark.parametrize("subject", ["01" * 36, "zz" * 36, "ab" * 32, "abcdef0", "nobody", "", "*", "%", "sha256:"])
def test_what_nobody_knows_is_unknown(store: GraphStore, subject: str) -> None:
    """A hostile or foreign name is an error of its own kind."""
    with pytest.raises(SubjectUnknown):
        why(store, subject)


def test_a_digest_is_found_by_a_unique_prefix(store: GraphStore) -> None:
    """Twelve digits, with or without the algorithm."""
    for subject in (str(image("v2")), image("v2").hex[:12], f"sha256:{image('v2').hex[:12]}"):
        answer = why(store, subject)
        assert (answer.kind, answer.images[0].key, answer.bundle) == ("image", str(image("v2")), str(bundle("v2")))


def test_a_prefix_of_several_is_ambiguous(tmp_path: Path) -> None:
    """All are named."""
    one = folded(tmp_path, story.tell())
    one.connection.execute(
        "INSERT INTO node(kind, key, state, leaf, properties) VALUES (5, ?, 0, 0, '{}')", (str(image("v2"))[:-1] + "_",)
    )
    with pytest.raises(SubjectAmbiguous, match="may be image"):
        why(one, image("v2").hex[:12])


def test_a_deployment_a_bundle_a_model_and_a_release_are_subjects(store: GraphStore) -> None:
    """Whatever a person has in hand leads to the same chain."""
    deployment = why(store, request("v2", 15)).deployment
    assert deployment
    for subject in (deployment.id, str(bundle("v2")), str(story.manifest("v2")), "release:production/2"):
        assert why(store, subject).images, subject
    assert why(store, str(story.MINILM.root)).bundle == str(bundle("v3"))
    assert why(store, f"git:{commit('v3')}").bundle == str(bundle("v3"))


def test_a_version_that_ran_in_two_environments_must_be_told_apart(tmp_path: Path) -> None:
    """The same ten digits in staging and production."""
    tape = story.tell()
    both = story.deployment(13, "v2", release="s2", weight=100.0, arm="canary", environment="staging")
    tape.add(both.about(bundle("v2")), "p-alice")
    one = folded(tmp_path, tape)
    with pytest.raises(SubjectAmbiguous, match="production and staging"):
        why(one, request("v2", 15))
    assert why(one, request("v2", 15), environment="production").environment == "production"
    answer = why(one, request("v2", 15), environment="staging")
    assert (answer.environment, hops(answer)) == ("staging", {"bundle → decision"})


@pytest.mark.parametrize(
    ("predicate_type", "subject", "hop"),
    [
        (PredicateType.PROVENANCE, image("v2"), f"image {image('v2').hex[:12]} → build"),
        (PredicateType.DECISION, bundle("v2"), "bundle → decision"),
    ],
)
def test_each_statement_left_out_is_a_gap(tmp_path: Path, predicate_type: str, subject: object, hop: str) -> None:
    """No answer calls unknown clean."""
    tape = story.tell().without(predicate_type, subject=subject)  # type: ignore[arg-type]
    answer = why(folded(tmp_path, tape), request("v2", 15))
    assert (hops(answer), answer.state) == ({hop}, "unknown")
    assert all(gap.why and gap.fix for gap in answer.gaps)


def test_an_unsigned_model_is_declared(tmp_path: Path) -> None:
    """The build names it, nobody vouched for its files."""
    tape = story.tell().without(PredicateType.MODEL_SIGNATURE)
    answer = why(folded(tmp_path, tape), request("v2", 15))
    assert (answer.models[0].state, answer.models[0].signed_by, answer.state) == ("declared", "", "declared")


def test_a_bundle_that_never_ran_says_so(tmp_path: Path) -> None:
    """Approved and decided, not deployed."""
    tape = story.tell().without(PredicateType.DEPLOYMENT)
    answer = why(folded(tmp_path, tape), str(bundle("v2")))
    assert "→ deployment" in hops(answer)
    assert [one.by for one in answer.approvals] == ["p-bob"]
    assert answer.decision


def test_a_decision_made_after_it_ran_does_not_count(tmp_path: Path) -> None:
    """Approval after the fact is a gap."""
    tape = story.tell()
    early = story.deployment(
        11, "v2", release="0", weight=100.0, arm="canary", environment="production", place="host-2"
    )
    tape.add(early.about(bundle("v2")), "p-alice")
    assert "bundle → decision" in hops(why(folded(tmp_path, tape), request("v2", 11)))


def test_it_answers_in_far_less_than_a_second(store: GraphStore) -> None:
    """Point reads; the bound is loose because machines are shared."""
    began = time.process_time()
    for _ in range(5):
        why(store, request("v2", 15))
    assert (time.process_time() - began) / 5 < 0.2


def test_the_answer_is_plain_json(store: GraphStore) -> None:
    """For `--json` and the pages."""
    said = why(store, request("v2", 15)).json()
    assert said["release"]["properties"]["outcome"] == "rolled-back"
    assert [one["kind"] for one in said["images"][0]["materials"]] == ["data", "model"]
