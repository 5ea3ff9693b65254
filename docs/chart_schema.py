"""The schema of the chart's values, and the page that explains them; both follow the settings.

A wrong value, an unknown key and a secret among the settings are refused before anything is
rendered.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import annotated_types
import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from runtime.settings import Settings

Schema = dict[str, Any]

VALUES = Path(__file__).resolve().parent.parent / "charts" / "ragline" / "values.yaml"
#: What Kubernetes itself checks: any object.
FREE: Schema = {"type": "object"}
FREE_LIST: Schema = {"type": "array", "items": {"type": "object"}}
LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
#: A component's name becomes part of the names of its objects.
COMPONENT_NAME = "^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$"
#: Whole numbers in a string, as KEDA takes them.
DIGITS = "^[1-9][0-9]*$"


def secret_settings() -> set[str]:
    """Return the names of the settings that belong in a Secret."""
    return {
        name.upper() for name, field in Settings.model_fields.items() if SecretStr in _kinds(field)
    }


def schema() -> Schema:
    """Return the JSON Schema of all values."""
    properties = {
        "nameOverride": _text("Replaces the chart's name in the names of objects."),
        "fullnameOverride": _text("Replaces the whole first part of the names of objects."),
        "image": _image(),
        "config": _of("config", "One key per setting that is no secret, by its name."),
        "secrets": _secrets(),
        "serviceAccount": _object(
            "One account per component.",
            create=_flag("False runs everything as the namespace's `default`."),
            annotations=_described(LABELS, "Of every account, for a cloud role."),
        ),
        "podSecurityContext": _described(FREE, "Of every pod."),
        "securityContext": _described(FREE, "Of every container."),
        "extraVolumes": _described(FREE_LIST, "Volumes of every pod."),
        "extraVolumeMounts": _described(FREE_LIST, "Where they are mounted."),
        "gatewayDefaults": _of("gateway", "What every gateway has unless it says otherwise."),
        "gateways": _components(
            "Each a Deployment; null takes the default one away.", _of("gateway")
        ),
        "workerDefaults": _of("worker", "What every worker has unless it says otherwise."),
        "workers": _workers(),
        "generations": _generations(),
        "jobs": _jobs(),
        "ingress": _ingress(),
        "networkPolicy": _network_policy(),
        "monitoring": _monitoring(),
        "global": _described(FREE, "Helm's own; nothing here uses it."),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Made by docs/generate.py; change docs/chart_schema.py, then run `make docs`.",
        "definitions": {
            "config": _config(),
            "gateway": _gateway() | {"type": ["object", "null"]},
            "worker": _worker(),
        },
        **_closed("Values of ragline's chart.", properties),
    }


def rows() -> list[tuple[str, str, str]]:
    """Return key, default and explanation of every value that a person may set."""
    values = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    whole = schema()
    return [
        (f"`{key}`", _shown(default), str(part.get("description", "")))
        for key, default, part in _leaves(whole, whole["definitions"], values)
    ]


def _leaves(
    part: Schema, definitions: Schema, values: Any, prefix: str = ""
) -> Iterator[tuple[str, Any, Schema]]:
    """Yield what can be set; what a component has is told once, below the defaults of its kind."""
    for name, child in part.get("properties", {}).items():
        key = f"{prefix}{name}"
        value = values.get(name) if isinstance(values, dict) else None
        if not prefix and "$ref" in child:
            child = definitions[child["$ref"].rpartition("/")[2]]  # noqa: PLW2901 - what it stands for
        if child.get("properties"):
            yield from _leaves(child, definitions, value, f"{key}.")
        elif key != "global":
            yield key, value, child


def _shown(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, (dict, list)):
        return "see values.yaml"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


# --- settings


def _config() -> Schema:
    secrets = secret_settings()
    properties = {
        name.upper(): _described(_setting(field), field.description or "")
        for name, field in Settings.model_fields.items()
        if name.upper() not in secrets
    }
    return _closed("", properties)


def _setting(field: FieldInfo) -> Schema:
    kinds = _kinds(field)
    limits = _limits(field)
    choices = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum)]
    if choices:
        return {"enum": [member.value for kind in choices for member in kind] + [None]}
    if bool in kinds:
        return {"type": ["boolean", "null"]}
    if int in kinds:
        return {"type": ["integer", "null"], **limits}
    if float in kinds:
        return {"type": ["number", "null"], **limits}
    return {"type": ["string", "null"], **limits}


def _kinds(field: FieldInfo) -> set[Any]:
    annotation = field.annotation
    if get_origin(annotation) in {Union, UnionType}:
        return set(get_args(annotation)) - {type(None)}
    return {annotation}


def _limits(field: FieldInfo) -> Schema:
    limits: Schema = {}
    for rule in field.metadata:
        match rule:
            case annotated_types.Ge():
                limits["minimum"] = rule.ge
            case annotated_types.Gt():
                limits["exclusiveMinimum"] = rule.gt
            case annotated_types.Le():
                limits["maximum"] = rule.le
            case _ if pattern := getattr(rule, "pattern", None):
                limits["pattern"] = pattern
            case _:
                continue
    return limits


# --- parts


def _image() -> Schema:
    return _object(
        "One image; every process is the same image with other arguments.",
        repository={"type": "string", "minLength": 1, "description": "Where the image is."},
        tag=_text("Empty takes the chart's appVersion."),
        digest={
            "type": "string",
            "pattern": "^(sha256:[0-9a-f]{64})?$",
            "description": "Outranks the tag.",
        },
        pullPolicy={"enum": ["Always", "IfNotPresent", "Never"], "description": "When it is."},
        pullSecrets=_described(FREE_LIST, "Secrets of the registry, as `- name: NAME`."),
    )


def _secrets() -> Schema:
    return _object(
        "Where secret settings come from.",
        existingSecret={
            "type": "string",
            "minLength": 1,
            "description": "A Secret of this namespace whose keys are settings, by their names.",
        },
        keys={
            "type": "array",
            "uniqueItems": True,
            "items": {"enum": sorted(secret_settings())},
            "description": "What every process is given of it, where it is there.",
        },
        revision=_text("Change it when the Secret's content changed; pods are replaced then."),
    )


def _gateway() -> Schema:
    return _object(
        "",
        **_anything(),
        paths={
            "type": "array",
            "items": {"type": "string", "pattern": "^/"},
            "description": "What the Ingress sends here.",
        },
        preStopSeconds=_count(0, "Between leaving the Service and SIGTERM."),
        service=_object(
            "",
            type={"enum": ["ClusterIP", "NodePort", "LoadBalancer"], "description": "Its type."},
            port=_port("Port of the Service."),
            annotations=_described(LABELS, "Of the Service."),
        ),
        tlsSecret=_text("Secret of type kubernetes.io/tls that the gateway itself serves with."),
        autoscaling=_object(
            "",
            enabled=_flag("An HPA decides how many there are."),
            min=_count(1, "Fewest pods."),
            max=_count(1, "Most pods."),
            cpuPercent=_count(1, "CPU of a pod, in percent of its request, that is aimed at."),
            openStreams=_count(0, "Event streams of a pod that are aimed at; 0 is off."),
        ),
    )


def _worker() -> Schema:
    return _object(
        "",
        **_anything(),
        drainSeconds=_count(1, "DRAIN_SECONDS: how long work in flight may take to end."),
        scaling=_scaling(),
    )


def _scaling() -> Schema:
    threshold = {"type": "string", "pattern": DIGITS}
    return _object(
        "",
        enabled=_flag("KEDA decides how many there are."),
        min=_count(0, "Fewest pods."),
        max=_count(1, "Most pods; not more than the topic has partitions."),
        pollingSeconds=_count(1, "How often KEDA looks while there is no pod."),
        cooldownSeconds=_count(0, "Without lag, before the last pod goes."),
        lagThreshold=_described(threshold, "Records of lag per pod; a string of digits."),
        retryLagThreshold=_described(threshold, "The same for the retry topics."),
        up=_object(
            "",
            windowSeconds=_count(0, "Lag must last this long."),
            periodSeconds=_count(1, "In each such period at most …"),
            percent=_count(1, "… so many percent more, or"),
            pods=_count(1, "so many pods more; the larger counts."),
        ),
        down=_object(
            "",
            windowSeconds=_count(0, "Fewer must have been enough for this long."),
            periodSeconds=_count(1, "In each such period at most …"),
            pods=_count(1, "… so many pods fewer."),
        ),
    )


def _anything() -> Schema:
    """Return what gateways and workers have in common."""
    return {
        "config": _of("config", "Settings of this one."),
        "podAnnotations": _described(LABELS, "Of its pods."),
        "podLabels": _described(LABELS, "Of its pods."),
        "nodeSelector": _described(LABELS, "Nodes that it may run on."),
        "tolerations": _described(FREE_LIST, "Taints that it bears."),
        "affinity": _described(FREE, "Where it would rather run."),
        "priorityClassName": _text("Its priority."),
        "serviceAccount": _object("", annotations=_described(LABELS, "A cloud role of its own.")),
        "resources": _described(FREE, "Requests and limits."),
        "temporary": {
            "type": "string",
            "pattern": "^[0-9]+[KMGT]i$",
            "description": "Size of /tmp, the only folder that can be written to.",
        },
        "terminationGracePeriodSeconds": _count(1, "Between SIGTERM and SIGKILL."),
        "reaches": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Names of `networkPolicy.destinations`.",
        },
        "replicas": _count(0, "How many, where scaling is off."),
        "podDisruptionBudget": _described(FREE, "How many may go at once by a node's drain."),
    }


def _components(description: str, part: Schema) -> Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": COMPONENT_NAME},
        "additionalProperties": part,
        "description": description,
    }


def _workers() -> Schema:
    """Return the map of workers: their names are words of the product, not free."""
    names = ("parser", "chunker", "embedder", "responder")
    return _closed("", {name: _of("worker", f"Overrides of the {name}.") for name in names})


def _generations() -> Schema:
    return _object(
        "",
        building={
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "integer", "minimum": 1},
            "description": "Numbers of generations that are being built.",
        },
        max=_count(1, "Most pods of each of their workers."),
    )


def _jobs() -> Schema:
    def job(description: str) -> Schema:
        return _object(
            "",
            enabled=_flag(description),
            config=_of("config", "Settings of this one."),
            reaches={
                "type": "array",
                "items": {"type": "string"},
                "description": "Names of `networkPolicy.destinations`.",
            },
        )

    return _object(
        "",
        migrate=job("Brings the database to this version before an install and an upgrade."),
        topics=job("Creates the topics that are missing, before them."),
        resources=_described(FREE, "Requests and limits of both."),
        backoffLimit=_count(0, "Tries again after so many failures."),
        activeDeadlineSeconds=_count(1, "Longest that one may take."),
    )


def _ingress() -> Schema:
    return _object(
        "",
        enabled=_flag("Whether the gateways are reached from outside."),
        className=_text("`nginx` and `alb` get what streams and uploads need; others by hand."),
        host=_text("The name under which ragline is reached."),
        annotations=_described(LABELS, "They outrank the ones of the chart."),
        tls=_object(
            "",
            enabled=_flag("Refused to be off in production."),
            certificate=_text("SSL_CERTIFICATE: a TLS Secret, or with `alb` an ARN."),
            issuer=_text("cert-manager's ClusterIssuer."),
        ),
    )


def _network_policy() -> Schema:
    destination = _object("", to=FREE_LIST, ports=FREE_LIST)
    return _object(
        "",
        enabled=_flag("Default deny, and then what each component reaches."),
        ingressFrom=_described(FREE_LIST, "Who may reach the gateways."),
        metricsFrom=_described(FREE_LIST, "Who may read metrics."),
        destinations={
            "type": "object",
            "additionalProperties": destination,
            "description": "Peers (`to`, empty is anywhere) and `ports` by name.",
        },
    )


def _monitoring() -> Schema:
    def part(**more: Schema) -> Schema:
        return _object(
            "",
            enabled=_flag("Needs the Prometheus operator, or Grafana's sidecar."),
            labels=_described(LABELS, "By which it is found."),
            **more,
        )

    interval = {"type": "string", "pattern": "^[0-9]+(s|m)$", "description": "How often."}
    return _object(
        "",
        serviceMonitor=part(interval=interval),
        prometheusRule=part(),
        dashboards=part(),
        runbooks={
            "type": "string",
            "pattern": "^https?://",
            "description": "Where docs/runbooks is served; every alert links there.",
        },
    )


# --- words of JSON Schema


def _object(description: str, /, **properties: Schema) -> Schema:
    return _closed(description, properties)


def _closed(description: str, properties: Schema) -> Schema:
    """Return an object that has no other keys: a misspelt one is refused, not ignored."""
    told = {"description": description} if description else {}
    return {"type": "object", "additionalProperties": False, **told, "properties": properties}


def _of(definition: str, description: str = "") -> Schema:
    told = {"description": description} if description else {}
    return {"$ref": f"#/definitions/{definition}", **told}


def _described(part: Schema, description: str) -> Schema:
    return {**part, "description": description}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _count(minimum: int, description: str) -> Schema:
    return {"type": "integer", "minimum": minimum, "description": description}


def _port(description: str) -> Schema:
    return {"type": "integer", "minimum": 1, "maximum": 65535, "description": description}
