import fcntl
import json
from pathlib import Path

import pytest

from tests.fixtures.scripted_api import API_KEY, EMAIL, PASSWORD, Refusal, ScriptedApi, serving_api
from tests.integration.cli.conftest import Ragline, Start

LOGIN, REFRESH = "/api/v2/auth/login", "/api/v2/auth/refresh"
CREDENTIALS = Path(".config/ragline/credentials.json")


def logged_in(ragline: Ragline, api: ScriptedApi) -> None:
    result = ragline(
        "login", "--url", api.url, "--email", EMAIL, "--password-stdin", stdin=PASSWORD
    )
    assert result.exit_code == 0, result.output


def test_logs_in_to_the_stack_of_this_machine_once(ragline: Ragline, stack: ScriptedApi) -> None:
    for _ in range(2):
        assert ragline("jobs", "list").exit_code == 0

    assert len(stack.asked(LOGIN)) == 1
    assert Path(".ragline/session.json").stat().st_mode & 0o777 == 0o600


def test_refreshes_an_expired_token_without_a_word(ragline: Ragline, stack: ScriptedApi) -> None:
    assert ragline("jobs", "list").exit_code == 0
    stack.access_tokens.clear()

    result = ragline("jobs", "list")

    assert (result.exit_code, result.output) == (0, "No such jobs.\n")
    assert (len(stack.asked(LOGIN)), len(stack.asked(REFRESH))) == (1, 1)


def test_refreshes_before_the_token_expires(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.expires_in = 0

    assert ragline("jobs", "list").exit_code == 0
    assert ragline("jobs", "list").exit_code == 0

    assert len(stack.asked(REFRESH)) == 1
    assert len(stack.asked("/api/v2/jobs")) == 2


def test_logs_in_again_where_the_password_is_known(ragline: Ragline, stack: ScriptedApi) -> None:
    assert ragline("jobs", "list").exit_code == 0
    stack.access_tokens.clear()
    stack.refresh_token = "another"

    assert ragline("jobs", "list").exit_code == 0
    assert len(stack.asked(LOGIN)) == 2


def test_gives_up_when_a_new_token_is_refused_too(ragline: Ragline, stack: ScriptedApi) -> None:
    refusal = Refusal("/api/v2/jobs", 401, "invalid_token", "The token is not valid.")
    stack.refusals = [refusal, refusal]

    result = ragline("jobs", "list")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "The token is not valid.\n"


def test_keeps_a_login_without_its_password(ragline: Ragline, api: ScriptedApi, home: Path) -> None:
    logged_in(ragline, api)

    result = ragline("jobs", "list")

    assert result.exit_code == 0
    kept = (home / CREDENTIALS).read_text()
    assert PASSWORD not in kept
    assert json.loads(kept)["refresh_token"] == api.refresh_token
    assert (home / CREDENTIALS).stat().st_mode & 0o777 == 0o600


def test_keeps_the_next_refresh_token(ragline: Ragline, api: ScriptedApi, home: Path) -> None:
    logged_in(ragline, api)
    for _ in range(3):
        api.access_tokens.clear()
        assert ragline("jobs", "list").exit_code == 0

    assert json.loads((home / CREDENTIALS).read_text())["refresh_token"] == api.refresh_token
    assert len(api.asked(REFRESH)) == 3


def test_commands_at_once_use_a_refresh_token_once(
    ragline: Ragline, started: Start, api: ScriptedApi
) -> None:
    logged_in(ragline, api)
    api.access_tokens.clear()

    commands = [started("import cli.jobs as jobs; jobs.app()", "list") for _ in range(3)]

    outputs = [command.communicate(timeout=60) for command in commands]
    assert outputs == [(b"No such jobs.\n", b"")] * 3
    assert len(api.asked(REFRESH)) == 1


def test_says_how_to_log_in_when_the_session_has_ended(ragline: Ragline, api: ScriptedApi) -> None:
    logged_in(ragline, api)
    api.access_tokens.clear()
    api.refresh_token = "another"

    result = ragline("jobs", "list")

    assert result.exit_code == 1
    assert f"log in again with `ragline login --url {api.url}`" in result.stderr


def test_says_that_a_password_is_wrong_and_keeps_nothing(
    ragline: Ragline, api: ScriptedApi, home: Path
) -> None:
    result = ragline(
        "login", "--url", api.url, "--email", EMAIL, "--password-stdin", stdin="wrong\n"
    )

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "E-mail and password do not belong together.\n"
    assert not (home / CREDENTIALS).exists()


def test_logs_out_here_and_there(ragline: Ragline, api: ScriptedApi, home: Path) -> None:
    logged_in(ragline, api)

    assert ragline("logout").stdout == f"Logged out at {api.url}.\n"
    assert api.refresh_token == ""
    assert not (home / CREDENTIALS).exists()
    assert ragline("logout").stdout == "You were not logged in.\n"


def test_logs_out_here_when_the_server_is_away(
    ragline: Ragline, api: ScriptedApi, home: Path
) -> None:
    logged_in(ragline, api)
    api.refusals = [Refusal("/api/v2/auth/logout", 503)]

    result = ragline("logout")

    assert result.exit_code == 0
    assert "could not be told" in result.stdout
    assert not (home / CREDENTIALS).exists()


def test_an_api_key_needs_no_login(ragline: Ragline, api: ScriptedApi) -> None:
    result = ragline("jobs", "list", "--url", api.url, "--api-key", "-", stdin=f"{API_KEY}\n")

    assert result.exit_code == 0
    assert api.seen[0].headers["authorization"] == f"Bearer {API_KEY}"
    assert not api.asked(LOGIN)


def test_says_that_an_api_key_is_not_accepted(ragline: Ragline, api: ScriptedApi) -> None:
    result = ragline("jobs", "list", "--url", api.url, "--api-key", "rk_other")

    assert result.exit_code == 1
    assert "does not accept this API key" in result.stderr


def test_waits_where_logging_in_is_limited(ragline: Ragline, stack: ScriptedApi) -> None:
    stack.refusals = [Refusal(LOGIN, 429, "rate_limited", headers={"Retry-After": "0"})]

    assert ragline("jobs", "list").exit_code == 0
    assert len(stack.asked(LOGIN)) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--url", "127.0.0.1:8000"], "is not an address like"),
        (["--password-stdin"], "--password-stdin needs --email"),
        (["--api-key", "a", "--email", "b"], "Use either --api-key or --email"),
        (["--email", EMAIL], "use --password-stdin"),
        (["--email", EMAIL, "--password-stdin"], "Standard input is empty"),
    ],
)
def test_wrong_usage_is_a_sentence_and_status_2(
    ragline: Ragline, arguments: list[str], sentence: str
) -> None:
    result = ragline("jobs", "list", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_wrong_setting_is_a_sentence_and_status_2(
    ragline: Ragline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_CHUNKS", "many")

    result = ragline("jobs", "list")

    assert result.exit_code == 2
    assert result.stderr.startswith("MAX_CHUNKS is wrong")


def test_says_what_to_do_when_nothing_answers(ragline: Ragline) -> None:
    result = ragline("jobs", "list", "--url", "http://127.0.0.1:1", "--api-key", "x")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Nothing answers at http://127.0.0.1:1" in result.stderr
    assert "ragline up" in result.stderr


def test_says_that_nobody_is_logged_in(ragline: Ragline) -> None:
    result = ragline("jobs", "list", "--url", "http://127.0.0.1:1")

    assert result.exit_code == 1
    assert "ragline login --url http://127.0.0.1:1" in result.stderr


def test_says_that_the_address_is_another_server(ragline: Ragline, api: ScriptedApi) -> None:
    api.refusals = [Refusal("/api/v2/jobs", 404, body=b"<html>")]

    result = ragline("jobs", "list", "--url", api.url, "--api-key", API_KEY)

    assert result.exit_code == 1
    assert "not like ragline's API; check --url" in result.stderr


def test_goes_where_the_user_logged_in_while_nothing_runs_here(
    ragline: Ragline, api: ScriptedApi
) -> None:
    folder = Path(".ragline")
    folder.mkdir()
    stopped = {"url": "http://127.0.0.1:1", "email": EMAIL, "password": PASSWORD}
    (folder / "connection.json").write_text(json.dumps(stopped))
    logged_in(ragline, api)

    assert ragline("jobs", "list").exit_code == 0


def test_goes_to_what_runs_here_before_where_the_user_logged_in(
    ragline: Ragline, stack: ScriptedApi
) -> None:
    logged_in(ragline, stack)
    with serving_api() as elsewhere, Path(".ragline/up.lock").open("a") as lock:
        logged_in(ragline, elsewhere)
        assert ragline("jobs", "list").exit_code == 0
        assert len(elsewhere.asked("/api/v2/jobs")) == 1

        fcntl.flock(lock, fcntl.LOCK_EX)
        assert ragline("jobs", "list").exit_code == 0
        assert len(stack.asked("/api/v2/jobs")) == 1


@pytest.mark.parametrize(
    "command", ["ingest", "ask", "search", "jobs list", "jobs show", "jobs watch", "users add"]
)
def test_every_command_says_how_scripts_read_it(ragline: Ragline, command: str) -> None:
    result = ragline(*command.split(), "--help")

    assert result.exit_code == 0
    assert "--json" in result.stdout
