"""Every error has its status, its code and a sentence."""

import inspect
from collections.abc import Iterator

import pytest

from contracts import errors as contract_errors
from contracts.errors import RaglineError, Retryable
from gateway import errors, refusals
from gateway.refusals import InvalidRequest, RateLimited


def every_error() -> Iterator[type[RaglineError]]:
    for module in (contract_errors, refusals):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, RaglineError) and kind is not RaglineError:
                yield kind


def make(kind: type[RaglineError]) -> RaglineError:
    if issubclass(kind, RateLimited):
        return kind(retry_after=7)
    if kind is InvalidRequest:
        return InvalidRequest("It is wrong.", field="name")
    return kind()


@pytest.mark.parametrize("kind", sorted(set(every_error()), key=lambda kind: kind.__name__))
def test_every_error_is_answered_with_a_status_and_a_sentence(kind: type[RaglineError]) -> None:
    problem = errors.problem_of(make(kind))
    assert 400 <= problem.status < 600
    assert problem.detail.endswith((".", "…`."))
    assert problem.code == kind.code
    assert problem.type.endswith(kind.code)
    assert (problem.status == 503) == issubclass(kind, Retryable)


def test_codes_are_not_shared_between_refusals() -> None:
    codes = [kind.code for kind in set(every_error())]
    assert len(codes) == len(set(codes))


def test_a_wrong_value_is_named() -> None:
    [field] = errors.problem_of(InvalidRequest("It is wrong.", field="name")).errors
    assert (field.field, field.message) == ("name", "It is wrong.")
