import pytest

from contracts.errors import (
    BrokerUnavailable,
    EncryptedDocument,
    ProviderBusy,
    ProviderUnauthorized,
    StoreUnavailable,
)
from runtime.delivery.failures import PATIENCE, TRIES_OF_A_BUG, Failure, TryAgain, judge


@pytest.mark.parametrize("error", [StoreUnavailable(), BrokerUnavailable()])
def test_waits_for_a_server_of_ours_however_long_it_is_away(error: Exception) -> None:
    verdict = judge(error, attempt=10_000, elapsed=86_400)
    assert isinstance(verdict, TryAgain)
    assert verdict.after <= 12.5


def test_honours_what_a_provider_asks_for() -> None:
    verdict = judge(ProviderBusy(retry_after=42), attempt=1, elapsed=0)
    assert isinstance(verdict, TryAgain)
    assert verdict.after >= 42


def test_gives_up_a_transient_failure_in_the_end() -> None:
    assert judge(ProviderBusy(), attempt=30, elapsed=PATIENCE) == Failure(
        "provider_busy", ProviderBusy().message
    )


@pytest.mark.parametrize("error", [EncryptedDocument(), ProviderUnauthorized()])
def test_does_not_try_again_what_cannot_succeed(error: Exception) -> None:
    verdict = judge(error, attempt=1, elapsed=0)
    assert isinstance(verdict, Failure)
    assert verdict.message == str(error)


def test_a_bug_gets_few_tries_and_shows_nobody_its_insides() -> None:
    error = ZeroDivisionError("password=hunter2")
    assert isinstance(judge(error, attempt=1, elapsed=0), TryAgain)
    verdict = judge(error, attempt=TRIES_OF_A_BUG, elapsed=0)
    assert isinstance(verdict, Failure)
    assert verdict.code == "internal_error"
    assert "hunter2" not in verdict.message
