"""Users, sessions and API keys: what the endpoints do."""

from contracts.ids import new_id
from gateway.auth.keys import KEY_PREFIX, REFRESH_PREFIX, Secret, digest, new_secret
from gateway.auth.passwords import Passwords
from gateway.auth.schemas import Credentials, NewUser, Session
from gateway.auth.tokens import Tokens
from gateway.principal import Credential, Principal
from gateway.refusals import (
    BadCredentials,
    Forbidden,
    InvalidRequest,
    InvalidToken,
    NotFound,
    RegistrationClosed,
)
from store import Store
from store.api_keys import ApiKey
from store.users import User

DAY_SECONDS = 86_400


class Accounts:
    """Registers users, logs them in, and keeps their API keys."""

    def __init__(
        self, *, store: Store, tokens: Tokens, passwords: Passwords, refresh_token_days: int
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._passwords = passwords
        self._refresh_seconds = refresh_token_days * DAY_SECONDS

    async def register(self, new: NewUser, *, is_open: bool) -> User:
        """Create a tenant with its admin; ``RegistrationClosed`` or the store's ``EmailTaken``."""
        if not is_open:
            raise RegistrationClosed
        if new.role is not None:
            raise InvalidRequest(
                "The first user of a tenant is its admin; leave `role` out.", field="role"
            )
        password_hash = await self._passwords.hash(new.password)
        async with self._store.system() as tx:
            return await tx.accounts.register(
                tenant_name=new.tenant_name or new.email.rpartition("@")[2],
                email=new.email.lower(),
                password_hash=password_hash,
            )

    async def add(self, new: NewUser, admin: Principal) -> User:
        """Add a user to the admin's tenant; ``Forbidden`` for whoever has not logged in as one."""
        if not admin.is_admin:
            raise Forbidden("Only an admin adds users to a tenant.")
        if admin.credential is not Credential.token:
            # Else a leaked key could make an admin, who makes further keys.
            raise Forbidden("Users are added with a token: log in with e-mail and password.")
        if new.tenant_name is not None:
            raise InvalidRequest(
                "You add a user to your own tenant; leave `tenant_name` out.", field="tenant_name"
            )
        password_hash = await self._passwords.hash(new.password)
        async with self._store.tenant(admin.tenant_id) as tx:
            return await tx.users.add(new.email.lower(), password_hash, new.role or "member")

    async def log_in(self, credentials: Credentials) -> Session:
        """Return a session; ``BadCredentials`` alike for a wrong password and no such user."""
        async with self._store.system() as tx:
            user = await tx.accounts.by_email(credentials.email.lower())
        known = user.password_hash if user and not user.disabled else None
        if not await self._passwords.fits(credentials.password, known) or user is None:
            raise BadCredentials
        refresh = new_secret(REFRESH_PREFIX)
        async with self._store.system() as tx:
            await tx.accounts.save_token(
                refresh.digest,
                family_id=new_id(),
                user=user,
                expires_seconds=self._refresh_seconds,
            )
        return self._session(user, refresh)

    async def refresh(self, token: str) -> Session:
        """Return the next session; a token that was used already ends its whole family."""
        following = new_secret(REFRESH_PREFIX)
        async with self._store.system() as tx:
            user = await tx.accounts.rotate_token(
                digest(token), following.digest, expires_seconds=self._refresh_seconds
            )
        if user is None or user.disabled:
            raise InvalidToken("The refresh token is not valid any more; log in again.")
        return self._session(user, following)

    async def log_out(self, token: str) -> None:
        """End the session that this refresh token belongs to, if there is one."""
        async with self._store.system() as tx:
            await tx.accounts.revoke_family(digest(token))

    async def create_key(self, name: str, owner: Principal) -> tuple[ApiKey, Secret]:
        """Return a new API key of the caller, with its secret."""
        secret = new_secret(KEY_PREFIX)
        async with self._store.tenant(owner.tenant_id) as tx:
            key = await tx.api_keys.create(
                new_id(), owner.user_id, name, secret.digest, secret.prefix
            )
        return key, secret

    async def revoke_key(self, key: ApiKey, caller: Principal) -> None:
        """End an API key at once."""
        async with self._store.tenant(caller.tenant_id) as tx:
            if not await tx.api_keys.revoke(key.key_id):
                raise NotFound("There is no such API key.")

    def _session(self, user: User, refresh: Secret) -> Session:
        return Session(
            access_token=self._tokens.issue(user),
            expires_in=self._tokens.lifetime_seconds,
            refresh_token=refresh.text,
        )
