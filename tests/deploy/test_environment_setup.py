"""environment-setup.sh fills an environment once, and no secret is where others could see it."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.deploy.scripts import Checkout

GIVEN = ("--environment", "staging", "--yes")
KEYS = {"LLAMAPARSE_API_KEY": "llx-one", "OPENAI_API_KEY": "sk-two"}

#: What AWS says of an installation that nobody has filled yet, and of one that is done.
EMPTY = [
    "aws secretsmanager list-secret-version-ids *|0|0|",
    'aws secretsmanager get-secret-value *|0|{"JWT_SECRET":"a1","REDIS_TOKEN":"c0ffee"}|',
    "aws kafka list-scram-secrets *|0|0|",
    "aws elasticache describe-replication-groups *|0|False|",
    "terraform *output -raw secret_*|0|the-secret|",
]
DONE = [
    "aws secretsmanager list-secret-version-ids *|0|1|",
    "aws kafka list-scram-secrets *|0|1|",
    "aws elasticache describe-replication-groups *|0|True|",
]
PUT = "aws secretsmanager put-secret-value"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.made(tmp_path)


def test_an_environment_is_filled(checkout: Checkout) -> None:
    checkout.replies = EMPTY
    done = checkout.run("environment-setup.sh", *GIVEN, **KEYS)
    assert done.returncode == 0, done.stderr
    assert len(checkout.calls(PUT)) == 3
    assert len(checkout.calls("aws kafka batch-associate-scram-secret")) == 1
    order = checkout.place(
        " apply ", PUT, "batch-associate", "update-kubeconfig", "externalsecret/"
    )
    assert order == sorted(order)


def test_a_second_run_changes_no_secret(checkout: Checkout) -> None:
    checkout.replies = DONE
    done = checkout.run("environment-setup.sh", *GIVEN, **KEYS)
    assert done.returncode == 0, done.stderr
    assert checkout.calls(PUT, "aws kafka batch", "aws elasticache modify") == []


def test_provider_keys_are_replaced_when_that_is_asked_for(checkout: Checkout) -> None:
    checkout.replies = DONE
    done = checkout.run("environment-setup.sh", *GIVEN, "--replace-provider-keys", **KEYS)
    assert done.returncode == 0, done.stderr
    assert len(checkout.calls(PUT)) == 1
    assert _secrets(checkout) == [{**KEYS, "ANTHROPIC_API_KEY": ""}]


def test_secrets_are_random_and_only_on_standard_input(checkout: Checkout) -> None:
    checkout.replies = EMPTY
    done = checkout.run("environment-setup.sh", *GIVEN, **KEYS)
    kafka, application, providers = _secrets(checkout)
    assert kafka["username"] == "ragline"
    assert set(application) == {"JWT_SECRET", "DATABASE_PASSWORD", "REDIS_TOKEN"}
    assert all(re.fullmatch("[0-9a-f]{48,}", value) for value in application.values())
    assert len({kafka["password"], *application.values()}) == 4
    seen = "\n".join(checkout.calls()) + done.stdout + done.stderr
    for value in (kafka["password"], *application.values(), *KEYS.values(), "c0ffee"):
        assert value not in seen
    assert providers["OPENAI_API_KEY"] == "sk-two"


def test_valkey_gets_its_token_without_throwing_anybody_out(checkout: Checkout) -> None:
    checkout.replies = EMPTY
    assert checkout.run("environment-setup.sh", *GIVEN, **KEYS).returncode == 0
    asked = re.findall(
        r'"AuthToken":"c0ffee","AuthTokenUpdateStrategy":"(\w+)"', checkout.incoming()
    )
    assert asked == ["ROTATE", "SET"]
    waits = checkout.calls("aws elasticache")
    assert ["wait" in call for call in waits[1:]] == [False, True, False, True]


def test_a_key_that_is_none_is_refused(checkout: Checkout) -> None:
    checkout.replies = EMPTY
    done = checkout.run("environment-setup.sh", *GIVEN, OPENAI_API_KEY='sk"}')
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr
    assert 'sk"' not in checkout.incoming()


def test_the_cluster_composes_the_secret_that_the_chart_reads(checkout: Checkout) -> None:
    checkout.replies = EMPTY
    assert checkout.run("environment-setup.sh", *GIVEN, NAMESPACE="docs").returncode == 0
    documents = [
        document
        for part in checkout.incoming().split("# ")
        if part.startswith("kubectl") and "apply" in part.splitlines()[0]
        for document in yaml.safe_load_all(part.partition("\n")[2])
        if document
    ]
    by_kind = {document["kind"]: document for document in documents}
    labels = by_kind["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    spec = by_kind["ExternalSecret"]["spec"]
    assert spec["target"]["name"] == "ragline"
    made = spec["target"]["template"]["data"]
    values = yaml.safe_load((checkout.folder / "charts/ragline/values.yaml").read_text())
    assert set(made) - {"MIGRATION_DATABASE_URL"} <= set(values["secrets"]["keys"])
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        assert "sslmode=verify-full" in made[name]
    assert made["REDIS_URL"].startswith("rediss://")


def test_the_bucket_of_the_state_is_private_and_versioned(checkout: Checkout) -> None:
    checkout.replies = ["aws s3api head-bucket *|254||", *DONE]
    backend = checkout.folder / "terraform" / "backend-staging.hcl"
    backend.unlink()
    done = checkout.run(
        "environment-setup.sh", *GIVEN, "--state-bucket", "state", AWS_REGION="eu-west-1"
    )
    assert done.returncode == 0, done.stderr
    assert len(checkout.calls("aws s3api create-bucket --bucket state")) == 1
    assert "RestrictPublicBuckets=true" in checkout.calls("aws s3api put-public-access-block")[0]
    assert "Status=Enabled" in checkout.calls("aws s3api put-bucket-versioning")[0]
    assert 'key          = "staging/terraform.tfstate"' in backend.read_text()


def test_without_a_place_for_the_state_nothing_begins(checkout: Checkout) -> None:
    (checkout.folder / "terraform" / "backend-staging.hcl").unlink()
    done = checkout.run("environment-setup.sh", *GIVEN)
    assert done.returncode == 2
    assert "--state-bucket" in done.stderr
    assert checkout.calls("terraform") == []


def test_who_is_not_logged_in_is_told_so(checkout: Checkout) -> None:
    checkout.replies = ["aws sts get-caller-identity*|255||"]
    done = checkout.run("environment-setup.sh", *GIVEN)
    assert done.returncode == 2
    assert "log in first" in done.stderr


def _secrets(checkout: Checkout) -> list[dict[str, str]]:
    lines = checkout.incoming().splitlines()
    return [
        json.loads(following) for line, following in pairwise(lines) if line.startswith(f"# {PUT}")
    ]
