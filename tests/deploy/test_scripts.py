"""The deployment scripts do what they say, in order, and go back when it goes wrong."""

from pathlib import Path

import pytest

from tests.deploy.scripts import DEPLOYMENT, Checkout

SCRIPTS = {
    "build-image.sh": ["--tag", "ragline:v2"],
    "environment-setup.sh": ["--environment", "staging", "--state-bucket", "state"],
    "deploy.sh": ["--environment", "staging", "--tag", "v2"],
    "deploy-upload-pipeline.sh": ["--environment", "staging", "--tag", "v2"],
    "deploy-document-processing.sh": ["--environment", "staging", "--tag", "v2"],
    "rollback.sh": ["--url", "https://ragline.example.org"],
    "health-check.sh": ["--url", "https://ragline.example.org"],
    "ssl-certificate-setup.sh": ["--email", "ops@example.org"],
}
DEPLOY = ("--environment", "staging", "--tag", "v2", "--yes", "--health", "0")
THERE = "aws ecr describe-images *|0||"
MISSING = "aws ecr describe-images *|254||"
SICK = "curl *|0|503|"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.made(tmp_path)


def test_these_are_all_scripts() -> None:
    executable = {path.name for path in DEPLOYMENT.glob("*.sh") if path.stat().st_mode & 0o100}
    assert executable == set(SCRIPTS)


# --- each of them
@pytest.mark.parametrize("script", SCRIPTS)
def test_help_says_how_it_is_called_and_what_its_status_means(
    checkout: Checkout, script: str
) -> None:
    done = checkout.run(script, "--help")
    assert done.returncode == 0
    assert f"{script} " in done.stdout
    assert "--dry-run" in done.stdout
    assert "Status: 0 " in done.stdout
    assert "set -euo" not in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_dry_run_calls_nobody(checkout: Checkout, script: str) -> None:
    done = checkout.run(script, *SCRIPTS[script], "--dry-run", AWS_REGION="eu-central-1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("+ ")
    assert checkout.calls() == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_unknown_option_is_refused(checkout: Checkout, script: str) -> None:
    done = checkout.run(script, "--no-such-option")
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr
    assert checkout.calls() == []


@pytest.mark.parametrize("script", [name for name, given in SCRIPTS.items() if "staging" in given])
def test_an_environment_must_be_named(checkout: Checkout, script: str) -> None:
    assert "Which one?" in checkout.run(script, "--dry-run").stderr
    done = checkout.run(script, "--dry-run", ENVIRONMENT="prod")
    assert done.returncode == 2
    assert "prod is neither staging nor production" in done.stderr


def test_a_tool_that_is_missing_is_named(checkout: Checkout) -> None:
    for tool in ("helm", "terraform"):
        (checkout.folder / "bin" / tool).unlink()
    bare = checkout.folder / "tools"
    bare.mkdir()
    for tool in ("bash", "dirname", "basename", "cat", "sed"):
        (bare / tool).symlink_to(f"/usr/bin/{tool}")
    done = checkout.run("deploy.sh", *DEPLOY, PATH=f"{checkout.folder / 'bin'}:{bare}")
    assert done.returncode == 2
    assert "Not installed: terraform helm" in done.stderr


# --- deploy.sh
def test_a_deployment_goes_from_plan_to_health(checkout: Checkout) -> None:
    checkout.replies = [MISSING]
    done = checkout.run("deploy.sh", *DEPLOY)
    assert done.returncode == 0, done.stderr
    assert "Version v2 serves at https://ragline.example.org." in done.stderr
    order = checkout.place(
        " init ", " plan ", " apply ", " build ", " push ", "annotate", "helm upgrade", "curl "
    )
    assert order == sorted(order)
    assert checkout.calls("helm rollback") == []
    [upgrade] = checkout.calls("helm upgrade")
    assert "image.repository=1.dkr.ecr.example/ragline-staging" in upgrade
    assert "image.tag=v2" in upgrade
    assert "ci/staging-values.yaml" in upgrade
    assert "--namespace ragline" in upgrade


def test_an_image_that_is_there_is_not_built_again(checkout: Checkout) -> None:
    checkout.replies = [THERE]
    assert checkout.run("deploy.sh", *DEPLOY).returncode == 0
    assert checkout.calls("podman", "docker") == []


def test_an_image_is_built_for_the_nodes_and_says_its_version(checkout: Checkout) -> None:
    checkout.replies = [MISSING]
    done = checkout.run("deploy.sh", *DEPLOY, IMAGE_BASE="python@sha256:1", IMAGE_CA="/ca.pem")
    assert done.returncode == 0, done.stderr
    [build] = checkout.calls("podman build")
    for given in (
        "--platform linux/amd64",
        "--build-arg VERSION=v2",
        "--build-arg BASE=python@sha256:1",
        "--secret id=ca,src=/ca.pem",
        "--tag 1.dkr.ecr.example/ragline-staging:v2",
    ):
        assert given in build


def test_nothing_is_applied_where_nothing_changes(checkout: Checkout) -> None:
    checkout.replies = ["terraform * plan *|0||", THERE]
    assert checkout.run("deploy.sh", *DEPLOY).returncode == 0
    assert not any(" apply " in call for call in checkout.calls("terraform"))


def test_a_plan_that_fails_stops_everything(checkout: Checkout) -> None:
    checkout.replies = ["terraform * plan *|1||"]
    done = checkout.run("deploy.sh", *DEPLOY)
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert checkout.calls("helm upgrade", "podman", "docker", "kubectl") == []


def test_without_a_terminal_agreement_is_an_option(checkout: Checkout) -> None:
    done = checkout.run("deploy.sh", *(given for given in DEPLOY if given != "--yes"))
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert not any(" apply " in call for call in checkout.calls("terraform"))


def test_a_release_that_is_not_healthy_goes_back_by_itself(checkout: Checkout) -> None:
    checkout.replies = ["curl *|0|200|helm rollback", SICK, THERE]
    done = checkout.run("deploy.sh", *DEPLOY)
    assert done.returncode == 1, done.stderr
    assert "is not healthy: going back to revision 7" in done.stderr
    assert "Revision 7 serves again." in done.stderr
    [rollback] = checkout.calls("helm rollback")
    assert rollback.startswith("helm rollback ragline 7 --namespace ragline --wait")


def test_a_release_that_does_not_come_up_goes_back_by_itself(checkout: Checkout) -> None:
    checkout.replies = ["helm upgrade *|1||", THERE]
    done = checkout.run("deploy.sh", *DEPLOY)
    assert done.returncode == 1
    assert "did not come up" in done.stderr
    assert len(checkout.calls("helm rollback ragline 7 ")) == 1


def test_the_first_release_has_nothing_to_go_back_to(checkout: Checkout) -> None:
    checkout.replies = ["helm list *|0|[]\\n|", SICK, THERE]
    done = checkout.run("deploy.sh", *DEPLOY)
    assert done.returncode == 3
    assert "no version before it" in done.stderr
    assert checkout.calls("helm rollback") == []


def test_a_way_back_that_is_blocked_is_another_status(checkout: Checkout) -> None:
    checkout.replies = ["helm rollback *|1||", SICK, THERE]
    done = checkout.run("deploy.sh", *DEPLOY)
    assert done.returncode == 3
    assert "Revision 7 could not be brought back" in done.stderr


def test_settings_reach_the_release(checkout: Checkout) -> None:
    checkout.replies = [THERE]
    settings = {
        "NAMESPACE": "docs",
        "KUBERNETES_CLUSTER": "blue",
        "SSL_CERTIFICATE": "own-tls",
        "TLS_ISSUER": "",
    }
    assert checkout.run("deploy.sh", *DEPLOY, "--values", "more.yaml", **settings).returncode == 0
    [upgrade] = checkout.calls("helm --kube-context blue upgrade")
    assert "--namespace docs" in upgrade
    assert "ingress.tls.certificate=own-tls" in upgrade
    assert upgrade.split("ingress.tls.issuer=")[1].startswith(" ")
    assert upgrade.index("more.yaml") > upgrade.index("staging-values.yaml")
    assert all("--context blue" in call for call in checkout.calls("kubectl"))


def test_a_checkout_with_changes_needs_a_tag(checkout: Checkout) -> None:
    done = checkout.run("deploy.sh", "--environment", "staging", "--yes")
    assert done.returncode == 2
    assert "--tag" in done.stderr
    assert checkout.calls() == []


# --- a part only
def test_a_part_gets_the_image_and_the_others_do_not(checkout: Checkout) -> None:
    checkout.replies = [THERE]
    done = checkout.run("deploy-document-processing.sh", *DEPLOY)
    assert done.returncode == 0, done.stderr
    changed = checkout.calls("kubectl --namespace ragline set image")
    assert [call.split()[5] for call in changed] == [
        "deployment/ragline-parser",
        "deployment/ragline-chunker",
        "deployment/ragline-embedder",
    ]
    assert all(call.endswith("=1.dkr.ecr.example/ragline-staging:v2") for call in changed)
    assert not any(" plan " in call for call in checkout.calls())


def test_several_gateways_are_named(checkout: Checkout) -> None:
    checkout.replies = [THERE]
    done = checkout.run("deploy-upload-pipeline.sh", *DEPLOY, GATEWAYS="agent-api upload-pipeline")
    assert done.returncode == 0
    changed = [call.split()[5] for call in checkout.calls("kubectl --namespace ragline set image")]
    assert changed == [
        "deployment/ragline-agent-api",
        "deployment/ragline-upload-pipeline",
        "deployment/ragline-parser",
    ]


@pytest.mark.parametrize(
    "trouble", ["kubectl * rollout status deployment/ragline-chunker *|1||", SICK]
)
def test_a_part_that_does_not_serve_is_taken_back(checkout: Checkout, trouble: str) -> None:
    checkout.replies = [
        "kubectl * rollout status *|0||rollout undo deployment/ragline-chunker",
        trouble,
        THERE,
    ]
    done = checkout.run("deploy-document-processing.sh", *DEPLOY)
    assert done.returncode == 1, done.stderr
    assert "run what they ran before" in done.stderr
    assert len(checkout.calls("kubectl --namespace ragline rollout undo")) == 3


def test_a_part_of_the_infrastructure_alone(checkout: Checkout) -> None:
    done = checkout.run("deploy-upload-pipeline.sh", *DEPLOY, "--infrastructure")
    assert done.returncode == 0
    [plan] = [call for call in checkout.calls("terraform") if " plan " in call]
    assert "-target=aws_msk_cluster.main" in plan
    assert checkout.calls("kubectl", "helm", "aws ecr") == []


# --- rollback.sh
def test_rolling_back_takes_the_revision_before(checkout: Checkout) -> None:
    done = checkout.run(
        "rollback.sh", "--yes", "--health", "0", INGRESS_DOMAIN="ragline.example.org"
    )
    assert done.returncode == 0, done.stderr
    assert len(checkout.calls("helm rollback ragline 0 ")) == 1
    assert "https://ragline.example.org/health" in checkout.calls("curl")[0]


def test_rolling_back_to_something_sick_fails(checkout: Checkout) -> None:
    checkout.replies = [SICK]
    done = checkout.run("rollback.sh", "--yes", "--health", "0", "--url", "https://x.example")
    assert done.returncode == 1
    assert "not healthy either" in done.stderr


def test_without_a_release_nothing_is_rolled_back(checkout: Checkout) -> None:
    checkout.replies = ["helm history *|1||"]
    done = checkout.run("rollback.sh", "--yes", "--url", "https://x.example")
    assert done.returncode == 1
    assert checkout.calls("helm rollback") == []
    assert checkout.run("rollback.sh", "--to", "x", "--url", "https://x.example").returncode == 2


# --- build-image.sh
def test_an_image_is_built_with_what_is_there(checkout: Checkout) -> None:
    assert checkout.run("build-image.sh", "--tag", "ragline:v2").returncode == 0
    [build] = checkout.calls("podman", "docker")
    assert build.startswith("podman build ")
    assert "--build-arg VERSION=v2" in build
    assert build.endswith(f"--tag ragline:v2 {checkout.folder}")
    (checkout.folder / "bin" / "podman").unlink()
    path = f"{checkout.folder / 'bin'}:{_without_engines(checkout)}"
    done = checkout.run("build-image.sh", "--tag", "ragline:v2", PATH=path)
    assert done.returncode == 0, done.stderr
    assert len(checkout.calls("docker build ")) == 1


def test_without_anything_that_builds_an_image_it_says_so(checkout: Checkout) -> None:
    for tool in ("podman", "docker"):
        (checkout.folder / "bin" / tool).unlink()
    path = f"{checkout.folder / 'bin'}:{_without_engines(checkout)}"
    done = checkout.run("build-image.sh", "--tag", "ragline:v2", PATH=path)
    assert done.returncode == 2
    assert "None of podman, docker and buildah is installed" in done.stderr


def test_an_image_that_cannot_be_built_is_an_error(checkout: Checkout) -> None:
    checkout.replies = ["podman build *|125||"]
    done = checkout.run("build-image.sh", "--tag", "ragline:v2")
    assert done.returncode == 1
    assert "podman could not build ragline:v2" in done.stderr
    assert "Built" not in done.stderr


def test_an_image_can_be_built_for_another_machine(checkout: Checkout) -> None:
    given = ("--tag", "ragline:v2", "--platform", "linux/arm64", "--base", "python@sha256:1")
    assert checkout.run("build-image.sh", *given).returncode == 0
    [build] = checkout.calls("podman build")
    assert "--platform linux/arm64" in build
    assert "--build-arg BASE=python@sha256:1" in build


def _without_engines(checkout: Checkout) -> Path:
    """A folder with what a script needs and nothing that builds images."""
    bare = checkout.folder / "tools"
    bare.mkdir()
    for tool in ("bash", "dirname", "basename", "cat", "sed", "git"):
        (bare / tool).symlink_to(f"/usr/bin/{tool}")
    return bare
