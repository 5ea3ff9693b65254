import asyncio
import secrets
import uuid

import asyncpg
import pytest

from contracts.ids import UserId
from store import Store
from store.users import EmailTaken, User
from tests.integration.store.given import a_user

pytestmark = pytest.mark.asyncio


def _address() -> str:
    return f"Ann.{secrets.token_hex(6)}@Example.org"


async def _register(store: Store, email: str) -> User:
    async with store.system() as system:
        return await system.accounts.register("Acme", email, "hash")


async def test_registers_a_tenant_with_its_admin(store: Store) -> None:
    email = _address()
    made = await _register(store, email)
    assert (made.email, made.role, made.password_hash, made.disabled) == (
        email,
        "admin",
        "hash",
        False,
    )
    async with store.system() as system:
        assert await system.accounts.by_id(made.user_id) == made
        assert await system.accounts.by_email(email.upper()) == made
        assert await system.accounts.by_email("nobody@example.org") is None
        assert await system.accounts.by_id(UserId(uuid.uuid4())) is None


async def test_an_address_belongs_to_one_user_in_whatever_case(store: Store) -> None:
    email = _address()
    await _register(store, email)
    with pytest.raises(EmailTaken) as taken:
        await _register(store, email.lower())
    assert taken.value.code == "email_taken"
    user = await a_user(store)

    async def add() -> None:
        async with store.tenant(user.tenant_id) as tx:
            await tx.users.add(email.upper(), "hash", "member")

    with pytest.raises(EmailTaken):
        await add()


async def test_of_many_registrations_at_once_one_succeeds(store: Store) -> None:
    email = _address()
    done = await asyncio.gather(
        *(_register(store, email) for _ in range(6)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["EmailTaken"] * 5 + ["User"]


async def test_an_admin_adds_members_who_are_listed_without_their_hashes(store: Store) -> None:
    admin = await a_user(store)
    async with store.tenant(admin.tenant_id) as tx:
        member = await tx.users.add(_address(), "their hash", "viewer")
        listed = await tx.users.list()
    assert (member.role, member.tenant_id, member.password_hash) == (
        "viewer",
        admin.tenant_id,
        "their hash",
    )
    assert [user.user_id for user in listed] == [admin.user_id, member.user_id]
    assert not any(hasattr(user, "password_hash") for user in listed)
    async with store.system() as system:
        assert await system.accounts.by_email(member.email) == member


async def test_users_of_a_deleted_tenant_and_disabled_users_are_disabled(
    store: Store, database: str
) -> None:
    one, other = await a_user(store), await a_user(store)
    key = secrets.token_bytes(32)
    async with store.tenant(one.tenant_id) as tx:
        await tx.api_keys.create(uuid.uuid4(), one.user_id, "key", key, "rk_")
    await _as_operator(database, "UPDATE tenants SET deleted_at = now()", one)
    await _as_operator(database, "UPDATE users SET disabled_at = now()", other)
    async with store.system() as system:
        for user in (one, other):
            found = await system.accounts.by_id(user.user_id)
            assert found is not None
            assert found.disabled
        assert await system.accounts.key_owner(key) is None


async def _as_operator(database: str, statement: str, user: User) -> None:
    """Change a row as nobody but the owner of the tables may, with their policy lifted."""
    connection = await asyncpg.connect(database)
    table = statement.split()[1]
    async with connection.transaction():
        await connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        await connection.execute(f"{statement} WHERE tenant_id = '{user.tenant_id}'")
        await connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    await connection.close()


async def _logged_in(store: Store, user: User, expires_seconds: float = 60) -> bytes:
    token = secrets.token_bytes(32)
    async with store.system() as system:
        await system.accounts.save_token(
            token, family_id=uuid.uuid4(), user=user, expires_seconds=expires_seconds
        )
    return token


async def _rotate(store: Store, token: bytes) -> tuple[User | None, bytes]:
    following = secrets.token_bytes(32)
    async with store.system() as system:
        user = await system.accounts.rotate_token(token, following, expires_seconds=60)
    return user, following


async def test_a_refresh_token_is_good_for_one_rotation_after_the_other(store: Store) -> None:
    user = await a_user(store)
    token = await _logged_in(store, user)
    for _ in range(3):
        found, token = await _rotate(store, token)
        assert found == user


async def test_a_used_token_ends_its_login_and_no_other(store: Store) -> None:
    user = await a_user(store)
    stolen, elsewhere = await _logged_in(store, user), await _logged_in(store, user)
    _, newest = await _rotate(store, stolen)
    assert (await _rotate(store, stolen))[0] is None
    assert (await _rotate(store, newest))[0] is None
    assert (await _rotate(store, elsewhere))[0] == user


async def test_a_token_used_at_once_leaves_nothing_valid(store: Store) -> None:
    user = await a_user(store)
    token = await _logged_in(store, user)
    done = await asyncio.gather(*(_rotate(store, token) for _ in range(6)))
    assert sum(found is not None for found, _ in done) == 1
    for _, following in done:
        assert (await _rotate(store, following))[0] is None


async def test_expired_and_unknown_tokens_are_refused(store: Store) -> None:
    user = await a_user(store)
    assert (await _rotate(store, await _logged_in(store, user, expires_seconds=-1)))[0] is None
    assert (await _rotate(store, secrets.token_bytes(32)))[0] is None


async def test_logging_out_ends_the_login(store: Store) -> None:
    user = await a_user(store)
    token = await _logged_in(store, user)
    async with store.system() as system:
        await system.accounts.revoke_family(token)
        await system.accounts.revoke_family(secrets.token_bytes(32))
    assert (await _rotate(store, token))[0] is None


async def test_old_refresh_tokens_are_dropped(store: Store) -> None:
    user = await a_user(store)
    old, fresh = await _logged_in(store, user, -90_000), await _logged_in(store, user)
    async with store.system() as system:
        assert await system.housekeeping.drop_old_refresh_tokens() == 1
        known = await system.connection.rows("SELECT token_hash FROM refresh_tokens")
    hashes = {row["token_hash"] for row in known}
    assert fresh in hashes
    assert old not in hashes


async def test_an_api_key_leads_to_its_owner_until_it_is_revoked(store: Store) -> None:
    user = await a_user(store)
    secret, key_id = secrets.token_bytes(32), uuid.uuid4()
    async with store.tenant(user.tenant_id) as tx:
        made = await tx.api_keys.create(key_id, user.user_id, "CI", secret, "rk_ab")
        assert await tx.api_keys.get(key_id) == made
    assert (made.name, made.prefix, made.last_used_at, made.revoked_at) == (
        "CI",
        "rk_ab",
        None,
        None,
    )
    async with store.system() as system:
        assert await system.accounts.key_owner(secret) == (user, made)
        assert await system.accounts.key_owner(b"other") is None
    async with store.tenant(user.tenant_id) as tx:
        assert await tx.api_keys.revoke(key_id)
        assert not await tx.api_keys.revoke(key_id)
        revoked = await tx.api_keys.get(key_id)
    assert revoked is not None
    assert revoked.revoked_at is not None
    async with store.system() as system:
        assert await system.accounts.key_owner(secret) is None


async def test_the_last_use_of_a_key_is_noted_once_a_minute(store: Store) -> None:
    user = await a_user(store)
    secret, key_id = secrets.token_bytes(32), uuid.uuid4()
    async with store.tenant(user.tenant_id) as tx:
        await tx.api_keys.create(key_id, user.user_id, "CI", secret, "rk_ab")
    used = []
    for _ in range(2):
        async with store.system() as system:
            await system.accounts.key_owner(secret)
        async with store.tenant(user.tenant_id) as tx:
            key = await tx.api_keys.get(key_id)
        assert key is not None
        used.append(key.last_used_at)
    assert used[0] is not None
    assert used[0] == used[1]


async def test_keys_are_listed_newest_first_page_by_page_and_by_user(store: Store) -> None:
    user = await a_user(store)
    async with store.tenant(user.tenant_id) as tx:
        colleague = await tx.users.add(_address(), "hash", "member")
    made = []
    for owner in (user, colleague, user):
        async with store.tenant(user.tenant_id) as tx:
            key = await tx.api_keys.create(
                uuid.uuid4(), owner.user_id, "k", secrets.token_bytes(32), "rk_"
            )
        made.append(key)
    async with store.tenant(user.tenant_id) as tx:
        first = await tx.api_keys.list(limit=2)
        rest = await tx.api_keys.list(limit=2, after=first[-1].key_id)
        theirs = await tx.api_keys.list(limit=9, user_id=colleague.user_id)
    assert first + rest == made[::-1]
    assert theirs == [made[1]]
