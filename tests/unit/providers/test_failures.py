"""What the body of an error says."""

import pytest

from contracts.errors import ProviderUnavailable
from providers.failures import Failure, judge, stated_error


@pytest.mark.parametrize(
    ("body", "codes", "reason"),
    [
        (
            {"error": {"message": "no", "type": "a", "code": "b", "param": None}},
            {"a", "b"},
            "no",
        ),
        ({"message": "no", "type": "a", "code": None}, {"a"}, "no"),
        ({"type": "error", "error": {"type": "a", "message": "no"}}, {"a"}, "no"),
        (
            {"error": {"type": "a", "message": "no", "details": {"error_code": "c"}}},
            {"a", "c"},
            "no",
        ),
        ({"error": {"message": "no", "code": 429}}, {"429"}, "no"),
        ("plain words", set(), "plain words"),
        ({"error": "only words"}, set(), ""),
        ({"detail": [{"msg": "other"}]}, set(), ""),
        ([1, 2], set(), ""),
        (None, set(), ""),
        (b"bytes", set(), ""),
    ],
    ids=str,
)
def test_reads_either_vendor_and_survives_the_rest(
    body: object, codes: set[str], reason: str
) -> None:
    assert stated_error(body) == (codes, reason)


def test_an_endless_reason_is_shortened() -> None:
    failure = Failure(
        provider="P",
        key_setting="KEY",
        status=500,
        codes=frozenset(),
        reason="very " * 10_000,
    )
    error = judge(failure)
    assert isinstance(error, ProviderUnavailable)
    assert len(error.message) < 700
