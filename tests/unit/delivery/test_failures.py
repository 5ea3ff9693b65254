import pytest

from contracts.errors import (
    BrokerUnavailable,
    EncryptedDocument,
    ProviderBusy,
    ProviderUnauthorized,
    ProviderUnavailable,
    StoreUnavailable,
)
from runtime.delivery.failures import (
    DELAYS,
    QUICK_TRIES,
    TRIES_OF_A_BUG,
    Failure,
    TryAgain,
    TryLater,
    judge,
)


@pytest.mark.parametrize("error", [StoreUnavailable(), BrokerUnavailable()])
def test_waits_for_a_server_of_ours_however_long_it_is_away(error: Exception) -> None:
    verdict = judge(error, attempt=10_000, level=len(DELAYS))
    assert isinstance(verdict, TryAgain)
    assert verdict.after <= 12.5


def test_tries_a_transient_failure_twice_more_in_place() -> None:
    for attempt in range(1, QUICK_TRIES):
        assert isinstance(judge(ProviderUnavailable(), attempt=attempt, level=0), TryAgain)
    assert judge(ProviderUnavailable(), attempt=QUICK_TRIES, level=0) == TryLater(
        0, "provider_unavailable"
    )


def test_waits_longer_each_time_and_gives_up_in_the_end() -> None:
    verdicts = [judge(ProviderBusy(), attempt=QUICK_TRIES, level=n) for n in range(4)]
    assert verdicts == [
        TryLater(0, "provider_busy"),
        TryLater(1, "provider_busy"),
        TryLater(2, "provider_busy"),
        Failure("provider_busy", ProviderBusy().message),
    ]


@pytest.mark.parametrize(("asked", "level"), [(8, 0), (42, 1), (500, 2), (4000, 2)])
def test_honours_what_a_provider_asks_for(asked: float, level: int) -> None:
    verdict = judge(ProviderBusy(retry_after=asked), attempt=1, level=0)
    assert verdict == TryLater(level, "provider_busy")


def test_waits_in_place_for_what_is_short() -> None:
    verdict = judge(ProviderBusy(retry_after=4), attempt=1, level=0)
    assert isinstance(verdict, TryAgain)
    assert verdict.after >= 4


@pytest.mark.parametrize("error", [EncryptedDocument(), ProviderUnauthorized()])
def test_does_not_try_again_what_cannot_succeed(error: Exception) -> None:
    verdict = judge(error, attempt=1, level=0)
    assert isinstance(verdict, Failure)
    assert verdict.message == str(error)


def test_a_bug_gets_few_tries_and_shows_nobody_its_insides() -> None:
    error = ZeroDivisionError("password=hunter2")
    assert isinstance(judge(error, attempt=1, level=0), TryAgain)
    verdict = judge(error, attempt=TRIES_OF_A_BUG, level=0)
    assert isinstance(verdict, Failure)
    assert verdict.code == "internal_error"
    assert "hunter2" not in verdict.message
