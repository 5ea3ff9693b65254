"""What the chart renders. It needs `helm`: `make chart-check` runs it, `make test` does not."""

import json
import subprocess
from typing import Any

import pytest
import yaml

from contracts.topics import INPUTS, TOPICS_BY_NAME, WORKERS, retry_group, retry_topics
from docs.chart_schema import secret_settings
from tests.deploy.queries import ROOT, RULES

CHART = ROOT / "charts" / "ragline"
NEEDED = ["--set=config.KAFKA_BOOTSTRAP_SERVERS=kafka:9092", "--set=config.BLOB_URL=s3://b/p"]
OVERRIDES = sorted((CHART / "ci").glob("*-values.yaml"))
#: What Kubernetes does with a Deployment, a ScaledObject and so on, by kind and name.
Objects = dict[tuple[str, str], Any]


def helm(*arguments: str, verb: str = "template") -> subprocess.CompletedProcess[str]:
    command = ["helm", verb, "ragline", str(CHART), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def rendered(*arguments: str) -> Objects:
    done = helm(*arguments)
    assert done.returncode == 0, done.stderr
    objects = [one for one in yaml.safe_load_all(done.stdout) if one]
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    assert len(found) == len(objects), "two objects have one name"
    return found


def pods(objects: Objects) -> dict[str, Any]:
    """Return the pod of every Deployment and Job, by the object's name."""
    return {
        name: one["spec"]["template"]
        for (kind, name), one in objects.items()
        if kind in {"Deployment", "Job"}
    }


def container(objects: Objects, name: str) -> dict[str, Any]:
    [only] = pods(objects)[f"ragline-{name}"]["spec"]["containers"]
    return dict(only)


def environment(objects: Objects, name: str) -> dict[str, str | None]:
    return {one["name"]: one.get("value") for one in container(objects, name)["env"]}


@pytest.fixture(scope="module")
def plain() -> Objects:
    return rendered(*NEEDED)


@pytest.fixture(scope="module", params=OVERRIDES, ids=lambda path: path.stem)
def shipped(request: pytest.FixtureRequest) -> Objects:
    return rendered("-f", str(request.param))


# --- one word per thing


@pytest.mark.parametrize("worker", WORKERS)
def test_folder_command_group_label_and_name_are_one_word(plain: Objects, worker: str) -> None:
    assert (ROOT / "workers" / worker).is_dir()
    assert container(plain, worker)["args"] == ["worker", worker]
    labels = pods(plain)[f"ragline-{worker}"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == worker
    live, *_ = plain["ScaledObject", f"ragline-{worker}"]["spec"]["triggers"]
    assert live["metadata"]["consumerGroup"] == worker


# --- scaling


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_scales_on_its_topic_and_on_its_retries_apart(plain: Objects, worker: str) -> None:
    live, *retries = [
        trigger["metadata"]
        for trigger in plain["ScaledObject", f"ragline-{worker}"]["spec"]["triggers"]
    ]
    assert live["topic"] == INPUTS[worker].name
    assert [retry["topic"] for retry in retries] == list(retry_topics(worker))
    assert {retry["consumerGroup"] for retry in retries} == {retry_group(worker)}
    assert all(int(retry["lagThreshold"]) > 1000 * int(live["lagThreshold"]) for retry in retries)


def test_triggers_say_all_that_keeps_kafkas_scaler_from_its_defaults(shipped: Objects) -> None:
    triggers = [
        trigger["metadata"]
        for (kind, _), one in shipped.items()
        if kind == "ScaledObject"
        for trigger in one["spec"]["triggers"]
    ]
    assert len(triggers) >= 16
    for trigger in triggers:
        assert trigger["topic"]
        assert isinstance(trigger["lagThreshold"], str)
        assert trigger["offsetResetPolicy"] == "earliest"
        for name in ("scaleToZeroOnInvalidOffset", "excludePersistentLag", "allowIdleConsumers"):
            assert trigger[name] == "false"
        assert trigger["fullMetadata"] == "false"
        assert trigger["version"] == "3.9.0"


def test_no_worker_is_scaled_beyond_its_partitions_or_below_its_minimum(shipped: Objects) -> None:
    for (kind, name), one in shipped.items():
        if kind != "ScaledObject":
            continue
        spec = one["spec"]
        partitions = TOPICS_BY_NAME[spec["triggers"][0]["metadata"]["topic"]].partitions
        assert spec["minReplicaCount"] <= spec["maxReplicaCount"] <= partitions
        assert spec["minReplicaCount"] >= (1 if name == "ragline-responder" else 0)
        assert spec["fallback"]["behavior"] == "currentReplicas"


def test_production_answers_from_two_pods() -> None:
    production = rendered("-f", str(CHART / "ci" / "production-values.yaml"))
    assert production["ScaledObject", "ragline-responder"]["spec"]["minReplicaCount"] == 2


def test_steps_up_are_large_and_steps_down_are_small(plain: Objects) -> None:
    for worker, period in (("parser", 120), ("chunker", 60), ("embedder", 60), ("responder", 60)):
        advanced = plain["ScaledObject", f"ragline-{worker}"]["spec"]["advanced"]
        behavior = advanced["horizontalPodAutoscalerConfig"]["behavior"]
        assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 15
        assert {(rule["type"], rule["value"]) for rule in behavior["scaleUp"]["policies"]} == {
            ("Percent", 100),
            ("Pods", 4),
        }
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 300
        assert behavior["scaleDown"]["policies"] == [
            {"type": "Pods", "value": 1, "periodSeconds": period}
        ]


def test_keda_owns_the_replicas_and_a_fixed_number_is_kept_where_it_does_not(
    plain: Objects,
) -> None:
    assert "replicas" not in plain["Deployment", "ragline-parser"]["spec"]
    fixed = rendered(*NEEDED, "--set=workerDefaults.scaling.enabled=false")
    assert fixed["Deployment", "ragline-parser"]["spec"]["replicas"] == 1
    assert ("ScaledObject", "ragline-parser") not in fixed


@pytest.mark.parametrize(
    ("worker", "grace"), [("parser", 60), ("chunker", 45), ("embedder", 60), ("responder", 120)]
)
def test_the_grace_period_is_longer_than_the_drain(plain: Objects, worker: str, grace: int) -> None:
    spec = pods(plain)[f"ragline-{worker}"]["spec"]
    assert spec["terminationGracePeriodSeconds"] == grace
    assert int(environment(plain, worker)["DRAIN_SECONDS"] or 0) + 15 <= grace


def test_a_generation_that_is_built_has_workers_of_its_own_and_leaves_retries() -> None:
    building = rendered(*NEEDED, "--set=generations.building={7}", "--set=generations.max=2")
    assert container(building, "chunker-g7")["args"] == ["worker", "chunker", "--generation", "7"]
    [trigger] = building["ScaledObject", "ragline-embedder-g7"]["spec"]["triggers"]
    assert trigger["metadata"]["consumerGroup"] == "embedder.g7"
    assert trigger["metadata"]["topic"] == "documents.chunked.g7.v1"
    assert building["ScaledObject", "ragline-chunker-g7"]["spec"]["maxReplicaCount"] == 2
    spec = pods(building)["ragline-chunker-g7"]["spec"]
    assert spec["serviceAccountName"] == "ragline-chunker"


# --- settings and secrets


def test_settings_reach_every_process_and_own_ones_outrank_them() -> None:
    objects = rendered(
        *NEEDED,
        "--set=config.MAX_UPLOAD_BYTES=104857600",
        "--set=workers.parser.config.LOG_LEVEL=DEBUG",
    )
    assert environment(objects, "gateway")["MAX_UPLOAD_BYTES"] == "104857600"
    assert environment(objects, "parser")["LOG_LEVEL"] == "DEBUG"
    assert "LOG_LEVEL" not in environment(objects, "chunker")


def test_secrets_are_references_and_the_owner_of_the_tables_is_for_migrations(
    plain: Objects,
) -> None:
    for name, pod in pods(plain).items():
        [only] = pod["spec"]["containers"]
        secret = {one["name"] for one in only["env"] if "valueFrom" in one}
        assert {one["name"] for one in only["env"] if "value" in one} & secret_settings() == set()
        assert ("MIGRATION_DATABASE_URL" in secret) is (name == "ragline-migrate")


def test_a_new_revision_of_the_secret_replaces_the_pods(plain: Objects) -> None:
    renewed = rendered(*NEEDED, "--set-string=secrets.revision=2")
    assert pods(renewed)["ragline-parser"] != pods(plain)["ragline-parser"]


def test_sasl_is_told_to_keda_too() -> None:
    production = rendered("-f", str(CHART / "ci" / "production-values.yaml"))
    trigger = production["ScaledObject", "ragline-parser"]["spec"]["triggers"][0]
    assert trigger["metadata"]["sasl"] == "scram_sha512"
    assert trigger["metadata"]["tls"] == "enable"
    spec = production["TriggerAuthentication", trigger["authenticationRef"]["name"]]["spec"]
    assert spec["secretTargetRef"][0]["key"] == "KAFKA_SASL_PASSWORD"


# --- safety


def test_every_pod_is_safe(shipped: Objects) -> None:
    for name, pod in pods(shipped).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for only in spec["containers"]:
            assert only["securityContext"]["allowPrivilegeEscalation"] is False
            assert only["securityContext"]["readOnlyRootFilesystem"] is True
            assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert set(only["resources"]["limits"]) == {"cpu", "memory"}


def test_nothing_is_reached_that_is_not_named(shipped: Objects) -> None:
    assert shipped["NetworkPolicy", "ragline-default-deny"]["spec"]["policyTypes"] == [
        "Ingress",
        "Egress",
    ]
    for name, pod in pods(shipped).items():
        policy = shipped["NetworkPolicy", name]["spec"]
        chosen = policy["podSelector"]["matchLabels"]
        assert chosen.items() <= pod["metadata"]["labels"].items()
        assert all(rule["ports"] for rule in policy["egress"])


def test_the_topics_hook_reaches_kafka_and_no_provider(plain: Objects) -> None:
    rules = plain["NetworkPolicy", "ragline-topics"]["spec"]["egress"]
    assert {port["port"] for rule in rules for port in rule["ports"]} == {53, 9092, 9094, 9096}


def test_workers_are_probed_and_gateways_stay_ready_without_kafka(plain: Objects) -> None:
    for worker in WORKERS:
        only = container(plain, worker)
        assert only["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert only["readinessProbe"]["httpGet"]["path"] == "/readyz"
    gateway = container(plain, "gateway")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert gateway[probe]["httpGet"]["path"] == "/health"


def test_database_and_topics_come_before_the_processes(plain: Objects) -> None:
    commands = {"migrate": ["migrate"], "topics": ["topics", "apply"]}
    for name, arguments in commands.items():
        assert container(plain, name)["args"] == arguments
        notes = plain["Job", f"ragline-{name}"]["metadata"]["annotations"]
        assert notes["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert "hook-succeeded" in notes["helm.sh/hook-delete-policy"]


def test_every_component_has_its_objects(plain: Objects) -> None:
    for name in ("gateway", *WORKERS):
        for kind in (
            "Deployment",
            "Service",
            "ServiceAccount",
            "PodDisruptionBudget",
            "NetworkPolicy",
        ):
            assert (kind, f"ragline-{name}") in plain
    assert ("HorizontalPodAutoscaler", "ragline-gateway") in plain


# --- the gateways and their Ingress


def test_split_gateways_share_one_ingress_and_scale_apart() -> None:
    split = rendered("-f", str(CHART / "ci" / "split-values.yaml"))
    [rule] = split["Ingress", "ragline"]["spec"]["rules"]
    to = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert to["/chat"] == to["/agents"] == "ragline-agent-api"
    assert to["/api/v2"] == "ragline-upload-pipeline"
    assert ("Deployment", "ragline-gateway") not in split
    both = {
        name: split["HorizontalPodAutoscaler", f"ragline-{name}"]["spec"]["maxReplicas"]
        for name in ("agent-api", "upload-pipeline")
    }
    assert both == {"agent-api": 20, "upload-pipeline": 6}


def test_the_ingress_lets_streams_and_uploads_through_and_no_metrics() -> None:
    split = rendered("-f", str(CHART / "ci" / "split-values.yaml"))
    ingress = split["Ingress", "ragline"]
    notes = ingress["metadata"]["annotations"]
    prefix = "nginx.ingress.kubernetes.io"
    assert notes[f"{prefix}/proxy-buffering"] == "off"
    assert int(notes[f"{prefix}/proxy-body-size"]) > 524_288_000
    assert int(notes[f"{prefix}/proxy-read-timeout"]) >= 3600
    assert ingress["spec"]["tls"][0]["secretName"] == "ragline-tls"
    paths = [path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]]
    assert not any("/metrics".startswith(path) for path in paths)


def test_an_arn_is_the_load_balancers_certificate() -> None:
    arn = "arn:aws:acm:eu-west-1:1:certificate/2"
    objects = rendered(
        *NEEDED,
        "--set=ingress.enabled=true,ingress.host=r.example,ingress.className=alb",
        f"--set=ingress.tls.certificate={arn}",
    )
    ingress = objects["Ingress", "ragline"]
    assert ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/certificate-arn"] == arn
    assert "tls" not in ingress["spec"]


def test_a_gateway_may_serve_tls_itself() -> None:
    objects = rendered(*NEEDED, "--set=gatewayDefaults.tlsSecret=own")
    assert environment(objects, "gateway")["TLS_CERT_PATH"] == "/etc/ragline/tls/tls.crt"
    assert container(objects, "gateway")["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"


# --- monitoring


def test_rules_and_dashboards_are_rendered_whole() -> None:
    production = rendered("-f", str(CHART / "ci" / "production-values.yaml"))
    spec = production["PrometheusRule", "ragline"]["spec"]
    plain_rules = yaml.safe_load(RULES.read_text())
    link = "https://docs.example.com/ragline/runbooks/"
    assert json.loads(json.dumps(spec).replace(link, "docs/runbooks/")) == plain_rules
    for path in (CHART / "dashboards").glob("*.json"):
        data = production["ConfigMap", f"ragline-dashboard-{path.stem}"]["data"]
        assert json.loads(data[path.name]) == json.loads(path.read_text())
    for name in ("gateway", *WORKERS):
        assert ("ServiceMonitor", f"ragline-{name}") in production


# --- what is refused


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "config.KAFKA_BOOTSTRAP_SERVERS is missing: where is Kafka?"),
        (["config.KAFKA_BOOTSTRAP_SERVERS=k:1"], "config.BLOB_URL is missing"),
        ([*NEEDED, "ingress.enabled=true"], "ingress.host is missing"),
        (
            [*NEEDED, "ingress.enabled=true,ingress.host=h,ingress.tls.enabled=false"],
            "passwords would travel in clear",
        ),
        ([*NEEDED, "workers.parser.drainSeconds=50"], "it needs drainSeconds (50) + 15"),
        ([*NEEDED, "workers.parser.scaling.max=25"], "more than the 24 partitions of its topic"),
        ([*NEEDED, "config.KAFKA_PARTITIONS=6"], "more than the 6 partitions of its topic"),
        ([*NEEDED, "workers.parser.scaling.min=13"], "min=13 is more than max=12"),
        ([*NEEDED, "gateways.parser.paths={/x}"], "each component needs a name of its own"),
        ([*NEEDED, "workers.chunker.reaches={moon}"], "which networkPolicy.destinations does not"),
        ([*NEEDED, "config.MAX_CHUNK=5"], "additional properties 'MAX_CHUNK' not allowed"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(arguments: list[str], sentence: str) -> None:
    flags = [one if one.startswith("--set=") else f"--set={one}" for one in arguments]
    done = helm(*flags)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_the_notes_say_the_next_three_commands() -> None:
    done = helm("--dry-run=client", *NEEDED, verb="install")
    assert done.returncode == 0, done.stderr
    notes = done.stdout.split("NOTES:")[1]
    for number, command in enumerate(("kubectl", "kubectl", "kubectl"), 1):
        assert f"\n{number}. " in notes
        assert command in notes.split(f"\n{number}. ")[1]
    assert "ragline users add" in notes
