"""An app as Kubernetes objects: the golden file, what no version may lose, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import NotYet, TargetUnsupported
from seaway.targets.blueprint import Mount
from seaway.targets.kubernetes import manifest, schema
from seaway.targets.kubernetes.fork import fork
from seaway.targets.kubernetes.names import VERSION, content_hash, go_json, hashed, label
from seaway.targets.kubernetes.render import version_of
from seaway.targets.kubernetes.setting import Claim, _millis, quantity
from seaway.targets.kubernetes.workloads import version_hash
from tests.targets.kubernetes.world import API, CONFIGS, DB, SETTING, SHOP, WORKER, installed, rendered

pytestmark = pytest.mark.rootless

GOLDEN = Path(__file__).parent / "golden" / "shop.yaml"
Object = dict[str, Any]


def objects() -> Iterator[Object]:
    """Yields every object of the shop."""
    made = rendered()
    yield from made.install
    yield from made.app


def one(kind: str, name: str) -> Object:
    """Returns an object of the shop."""
    return next(each for each in objects() if each["kind"] == kind and each["metadata"]["name"] == name)


def pods() -> Iterator[Object]:
    """Yields the pod specs of the shop."""
    for item in objects():
        if "template" in item.get("spec", {}):
            yield item["spec"]["template"]["spec"]


def test_the_shop_is_rendered_as_it_was() -> None:
    """Every byte of the golden file is meant; SEAWAY_UPDATE=1 writes it anew."""
    text = manifest.documents(objects())
    if os.environ.get("SEAWAY_UPDATE"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_what_is_written_reads_back_as_the_same_tree() -> None:
    """A YAML 1.1 reader, which sees numbers and truth in more words than others, sees what was meant."""
    assert list(yaml.safe_load_all(manifest.documents(objects()))) == list(objects())


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_value_reads_back_as_itself(value: Any) -> None:
    """No text is taken for anything else, whatever it looks like."""
    assert yaml.safe_load(manifest.document({"value": value})) == {"value": value}


def test_the_published_schemas_take_every_object() -> None:
    """What is misspelt or mistyped is a fault, and there is none; forks are objects too."""
    made = rendered()
    forks = [fork(item, service, "0123456789", 2) for service, item in made.running.items()]
    assert schema.faults([*objects(), *forks]) == ()
    assert {each["kind"] for each in objects() if not schema.is_known(each)} == {"HTTPRoute"}


def test_a_misspelt_field_is_a_fault() -> None:
    """The schemas are strict."""
    item = one("Deployment", "api")
    item["spec"]["template"]["spec"]["hostNames"] = "x"
    assert "hostNames" in schema.faults([item])[0]


def test_every_pod_is_restricted() -> None:
    """No root, no rights, no writable root, no token: for each workload, whatever its kind."""
    for spec in pods():
        context, (container,) = spec["securityContext"], spec["containers"]
        own = container["securityContext"]
        assert (
            context["runAsNonRoot"] and context["runAsUser"] and context["seccompProfile"]["type"] == "RuntimeDefault"
        )
        assert own["capabilities"] == {"drop": ["ALL"]} and own["readOnlyRootFilesystem"]
        assert own["allowPrivilegeEscalation"] is False and spec["automountServiceAccountToken"] is False
        assert container["image"].startswith("registry.example/shop@sha256:")


def test_a_volume_belongs_to_the_group_of_its_program() -> None:
    """What may be written on a laptop may be written on a cluster."""
    context = one("StatefulSet", "db")["spec"]["template"]["spec"]["securityContext"]
    assert (context["runAsUser"], context["fsGroup"]) == (999, 999)


def test_an_image_of_others_stays_where_it_is() -> None:
    """It is not in our registry; it is named by digest all the same."""
    setting = replace(SETTING, repositories={"db": "docker.example/postgres"})
    running = rendered(setting=setting).running["db"]
    assert str(running).count("docker.example/postgres@sha256:") == 1


def test_health_is_readiness_and_time_to_start_never_death() -> None:
    """Looked at often while it starts, never killed for being slow, as in Compose; liveness only where asked for."""
    container = one("Deployment", "api")["spec"]["template"]["spec"]["containers"][0]
    assert container["readinessProbe"]["exec"]["command"] == ["/bin/sh", "-c", "true"]
    assert container["readinessProbe"]["timeoutSeconds"] == 1
    assert container["startupProbe"]["failureThreshold"] > 100_000
    asked = replace(SETTING, services={"api": replace(SETTING.place("api"), liveness=True)})
    alive: Object = rendered(setting=asked).running["api"]
    container_asked = alive["spec"]["template"]["spec"]["containers"][0]
    assert container_asked["startupProbe"]["failureThreshold"] == 33 and "livenessProbe" in container_asked
    assert "livenessProbe" not in container


def test_nothing_is_expanded_that_compose_would_not() -> None:
    """`$(HOME)` is a word, not a variable."""
    assert one("Deployment", "api")["spec"]["template"]["spec"]["containers"][0]["command"][3] == "$$(HOME)"


def test_a_secret_is_named_and_never_shown() -> None:
    """Neither as a variable nor as a file."""
    spec = one("Deployment", "api")["spec"]["template"]["spec"]
    variable = next(each for each in spec["containers"][0]["env"] if each["name"] == "TOKEN")
    assert variable["valueFrom"] == {"secretKeyRef": {"name": "shop-token", "key": "value"}}


def test_pods_that_share_a_volume_of_one_node_stay_on_that_node() -> None:
    """Otherwise the second one could never be attached."""
    affinity = one("Deployment", "api")["spec"]["template"]["spec"]["affinity"]["podAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    key = term["labelSelector"]["matchExpressions"][0]["key"]
    assert key in one("Deployment", "worker")["spec"]["template"]["metadata"]["labels"]
    wide = replace(SETTING, volumes={**SETTING.volumes, "index": Claim(1 << 30, access="ReadWriteMany")})
    assert "affinity" not in str(rendered(setting=wide).running["api"])


def test_only_a_volume_of_ones_own_makes_a_stateful_set() -> None:
    """A shared one is a claim beside Deployments."""
    made = rendered().running
    assert [made[name]["kind"] for name in sorted(made)] == ["Deployment", "StatefulSet", "Job", "Deployment"]


def test_a_name_with_an_underscore_is_a_service_of_its_own() -> None:
    """Names of Compose become names of DNS."""
    assert one("Service", "front-end")["spec"]["selector"] == one("Service", "api")["spec"]["selector"]


def test_nothing_comes_in_but_from_ones_networks_and_the_gateway() -> None:
    """The empty policy isolates; each network lets its own pods in, and the gateway reaches what is exposed."""
    isolated = one("NetworkPolicy", "isolated")["spec"]
    assert isolated["ingress"] == [] and isolated["policyTypes"] == ["Ingress"]
    back = one("NetworkPolicy", "network-back")["spec"]
    assert back["podSelector"] == back["ingress"][0]["from"][0]["podSelector"]
    gate = one("NetworkPolicy", "exposed-api")["spec"]["ingress"][0]
    assert gate["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}]


def test_the_order_of_workloads_changes_no_byte() -> None:
    """The same app gives the same bytes."""
    turned = replace(SHOP, workloads=tuple(reversed(SHOP.workloads)))
    assert rendered(turned).app == rendered().app


def test_configuration_forks_its_service_and_no_other() -> None:
    """A changed prompt is another version of api; db and worker keep theirs."""
    before = installed(API, DB, WORKER).version
    after = installed(replace(API, environment={"ANSWER": "no"}), DB, WORKER).version
    differs = {
        name for name in before.service_versions if before.service_versions[name] != after.service_versions[name]
    }
    assert differs == {"api"} and before.digest != after.digest


def test_how_many_run_is_no_other_version_of_a_service() -> None:
    """Scaling forks nothing."""
    assert (
        version_hash(rendered().running["api"])
        == installed(replace(API, replicas=9), DB).version.service_versions["api"]
    )


def test_a_fork_overlaps_with_no_other() -> None:
    """Selector, pods and what the program is told carry the version, and the name too."""
    made: Object = fork(rendered().running["api"], "api", "0123456789", 2)
    template = made["spec"]["template"]
    assert made["metadata"]["name"] == "api-0123456789" and made["spec"]["replicas"] == 2
    assert made["spec"]["selector"]["matchLabels"][VERSION] == template["metadata"]["labels"][VERSION] == "0123456789"
    env = {each["name"]: each.get("value") for each in template["spec"]["containers"][0]["env"]}
    assert env["SEAWAY_VERSION"] == "0123456789"


def test_a_version_is_the_hash_of_what_runs() -> None:
    """Limits are part of it on a cluster, where the blueprint alone would not say."""
    plain = installed(API, DB).version
    made = rendered(replace(SHOP, workloads=(API, DB)), replace(SETTING, namespace="elsewhere"))
    assert version_of(plain, made).digest != plain.digest


def test_root_users_by_name_and_folders_of_a_host_are_refused() -> None:
    """Each with the edit that helps."""
    for workload in (
        replace(DB, user="0:0"),
        replace(DB, user="postgres"),
        replace(DB, mounts=(Mount("bind", "/etc", "/etc"),)),
    ):
        with pytest.raises(TargetUnsupported) as caught:
            rendered(replace(SHOP, workloads=(workload,)))
        assert caught.value.hint


def test_a_claim_without_a_size_is_refused() -> None:
    """Nobody can guess it."""
    with pytest.raises(NotYet):
        rendered(setting=replace(SETTING, volumes={}))


def test_two_services_with_one_name_are_refused() -> None:
    """`a_b` and `a-b` would be one object."""
    twins = tuple(replace(WORKER, service=name, mounts=()) for name in ("a_b", "a-b"))
    with pytest.raises(TargetUnsupported, match="two services would have one"):
        rendered(replace(SHOP, workloads=twins))


def test_hashes_are_those_a_chart_can_take() -> None:
    """JSON as Go writes it: `<`, `>` and `&` escaped (`toJson | sha256sum | trunc 10`)."""
    assert go_json({"b": "<&>", "a": "\u2028é"}) == b'{"a":"\\u2028\xc3\xa9","b":"\\u003c\\u0026\\u003e"}'
    assert content_hash({"a": 1}) == "015abd7f5c"
    assert hashed("prompt", {"data": CONFIGS["prompt"].decode()}).startswith("prompt-")


@pytest.mark.parametrize(
    ("text", "name"), [("api", "api"), ("front_end", "front-end"), ("A.b", "a-b"), ("-x-", "x"), ("ü", "x")]
)
def test_a_name_is_a_dns_label(text: str, name: str) -> None:
    """RFC 1123: lower case letters, digits and `-`."""
    assert label(text) == name


def test_long_names_stay_apart() -> None:
    """What is cut has a hash."""
    assert label("a" * 70) != label("a" * 71) and len(label("a" * 70)) == 63


def test_quantities_are_canonical() -> None:
    """The largest unit that divides; processors whole or in thousandths."""
    assert [quantity(each) for each in (512 << 20, 1 << 30, 1500, 3 << 10)] == ["512Mi", "1Gi", "1500", "3Ki"]
    assert [_millis(each) for each in (0.5, "1.50", 2, None)] == ["500m", "1500m", "2", ""]
