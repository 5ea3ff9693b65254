"""What is read of the headers about limits."""

import pytest

from providers.rate_limits import Quota, read_quotas, read_retry_after

#: Thu, 01 Jan 2026 00:00:00 GMT
NEW_YEAR = 1_767_225_600.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": " 12 "}, 12),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}, 30),
        ({"retry-after": "Wed, 31 Dec 2025 23:00:00 GMT"}, 0),
        ({"retry-after": "999999999"}, 86_400),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_reads_when_to_ask_again(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers, NEW_YEAR) == seconds


def test_waits_for_the_limit_that_is_used_up_where_nothing_else_is_said() -> None:
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "30000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert read_retry_after(headers, NEW_YEAR) == 360


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("1s", 1), ("6m0s", 360), ("20ms", 0.02), ("1h2m3.5s", 3_723.5), ("1d", 86_400), ("4", 4)],
)
def test_reads_durations_as_they_are_written(stated: str, seconds: float) -> None:
    quotas = read_quotas(
        {
            "x-ratelimit-limit-tokens": "100",
            "x-ratelimit-remaining-tokens": "40",
            "x-ratelimit-reset-tokens": stated,
        }
    )
    assert quotas == {"tokens": Quota(limit=100, remaining=40, reset=seconds)}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit-tokens": "100"},
        {
            "x-ratelimit-limit-tokens": "many",
            "x-ratelimit-remaining-tokens": "1",
            "x-ratelimit-reset-tokens": "1s",
        },
        {
            "x-ratelimit-limit-tokens": "100",
            "x-ratelimit-remaining-tokens": "1",
            "x-ratelimit-reset-tokens": "a while",
        },
    ],
    ids=str,
)
def test_leaves_out_a_limit_that_is_not_stated_completely(headers: dict[str, str]) -> None:
    assert read_quotas(headers) == {}
