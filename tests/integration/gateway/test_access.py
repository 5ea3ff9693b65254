"""Every endpoint does what its row of the table says, for every kind of caller."""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.routes import HTTPRoute

from gateway.auth.access import ACCESS, Access, Caller
from gateway.dependencies import PROVIDED
from gateway.openapi import openapi_document
from gateway.routes import CONTROLLERS
from runtime.settings import Settings
from tests.integration.gateway.callers import Callers, callers_of
from tests.integration.gateway.serving import PASSWORD, Client, Gateway, running_gateway

EXTERNAL_KEY = "key of another system, long enough"
#: What a path names: nothing has these ids, so that nothing is changed or waited for.
NOTHING = {"generation_id": "999999", "replay_id": "none"}
NOBODYS = "00000000-0000-4000-8000-000000000001"

Endpoint = tuple[str, str]


@pytest.fixture(scope="module")
def callers(gateway: Gateway, settings_of: Callable[..., Settings]) -> Iterator[Callers]:
    with closing(gateway.register()) as first:
        settings = settings_of(
            external_rag_api_key=EXTERNAL_KEY, external_rag_tenant=first.user["tenant_id"]
        )
        with running_gateway(settings) as running, closing(Client(running.url)) as admin:
            admin.email = first.email
            admin.log_in()
            with callers_of(running, admin, EXTERNAL_KEY) as callers:
                yield callers


def test_every_endpoint_has_a_row() -> None:
    described = {
        (method.upper(), path)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }
    assert described == set(ACCESS)


def test_no_endpoint_hides_from_the_description() -> None:
    nothing = {name: Provide(partial(object), sync_to_thread=False) for name in PROVIDED}
    app = Litestar(route_handlers=CONTROLLERS, dependencies=nothing, openapi_config=None)
    served = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS"}
    }
    assert served == set(ACCESS)


@pytest.mark.parametrize("endpoint", ACCESS, ids=" ".join)
def test_who_may_call_it(callers: Callers, endpoint: Endpoint) -> None:
    answers = {caller: call(client, endpoint) for caller, client in callers.items()}
    refused = {
        caller: answer.status_code if answer.status_code in {401, 403} else None
        for caller, answer in answers.items()
    }
    assert refused == {caller: ACCESS[endpoint].refusal(caller) for caller in Caller}
    assert {answer.status_code for answer in answers.values() if answer.is_server_error} == set()


def test_a_caller_that_a_row_leaves_out_is_found(callers: Callers) -> None:
    wrong = Access(callers=frozenset({Caller.admin}), whose=None)
    answer = call(callers[Caller.viewer], ("GET", "/api/v2/documents"))
    assert answer.status_code != wrong.refusal(Caller.viewer)


def call(client: httpx.Client, endpoint: Endpoint) -> httpx.Response:
    """Call it with a body that gets past the guards and begins nothing, where it wants one."""
    method, path = endpoint
    where = re.sub(r"{(\w+)}", lambda found: NOTHING.get(found[1], NOBODYS), path)
    if endpoint == ("POST", "/api/v2/auth/users"):
        new = {"email": f"{secrets.token_hex(6)}@example.org", "password": PASSWORD}
        return client.post(where, json=new)
    return client.request(method, where, json={} if method == "POST" else None)
