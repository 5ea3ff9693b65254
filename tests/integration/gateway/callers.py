"""A client for every kind of caller that endpoints tell apart."""

import asyncio
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import httpx

from gateway.auth.access import Caller
from gateway.auth.passwords import Passwords
from store import Store
from tests.integration.gateway.serving import PASSWORD, Client, Gateway

Callers = dict[Caller, httpx.Client]


@contextmanager
def callers_of(gateway: Gateway, admin: Client, external_key: str) -> Iterator[Callers]:
    """Yield a client for each kind of caller, in the tenant of this admin where it is in one."""
    key = admin.post("/api/v2/auth/api-keys", json={"name": "all"}).json()["key"]
    with ExitStack() as exits:

        def bearing(credential: str) -> httpx.Client:
            client = exits.enter_context(gateway.anonymous())
            client.headers["Authorization"] = f"Bearer {credential}"
            return client

        yield {
            Caller.nobody: exits.enter_context(gateway.anonymous()),
            Caller.external: bearing(external_key),
            Caller.viewer: admin.add_user("viewer"),
            Caller.member: admin.add_user("member"),
            Caller.admin: admin,
            Caller.operator: exits.enter_context(closing(new_operator(gateway))),
            Caller.admin_key: bearing(key),
        }


def new_operator(gateway: Gateway) -> Client:
    """Return an operator of the installation, logged in."""
    client = Client(gateway.url)
    client.email = f"{secrets.token_hex(6)}@example.org"
    assert gateway.settings.database_url
    registering = _register_operator(gateway.settings.database_url.get_secret_value(), client.email)
    # In a thread of its own, so that it also works where an event loop is running already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, registering).result()
    client.log_in()
    return client


async def _register_operator(database: str, email: str) -> None:
    passwords = Passwords()
    store = await Store.connect(database)
    password_hash = await passwords.hash(PASSWORD)
    async with store.system() as tx:
        await tx.accounts.register("operations", email, password_hash, role="operator")
    await store.close()
    passwords.close()
