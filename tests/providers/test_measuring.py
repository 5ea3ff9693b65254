"""What is measured of a provider's calls."""

import pytest
from prometheus_client import REGISTRY

from contracts.errors import ProviderBusy
from providers.measuring import measured


class Asked:
    @measured("example", "count")
    async def count(self, words: str) -> int:
        if not words:
            raise ProviderBusy
        return len(words.split())


def sample(name: str, **labels: str) -> float:
    return (
        REGISTRY.get_sample_value(name, {"provider": "example", "operation": "count", **labels})
        or 0
    )


@pytest.mark.asyncio
async def test_a_call_is_timed_and_its_answer_kept() -> None:
    before = sample("ragline_provider_seconds_count")
    assert await Asked().count("two words") == 2
    assert sample("ragline_provider_seconds_count") == before + 1


@pytest.mark.asyncio
async def test_a_failure_is_counted_by_its_code_and_raised() -> None:
    before = sample("ragline_provider_errors_total", code="provider_busy")
    with pytest.raises(ProviderBusy):
        await Asked().count("")
    assert sample("ragline_provider_errors_total", code="provider_busy") == before + 1
