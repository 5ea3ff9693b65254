"""The first user of a machine, and where its clients find the way in."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from cli.local.secrets import read_private, write_private
from gateway.auth.passwords import Passwords
from store import Store

FIRST_EMAIL = "admin@localhost.localdomain"


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to log in on this machine."""

    email: str
    #: None when what was kept of it is lost.
    password: str | None
    #: Whether the user was created just now.
    is_new: bool


async def ensure_first_user(dsn: str, folder: Path, url: str) -> Access:
    """Create the user at the first start; keep how to log in where only the owner may read it."""
    path = folder / "connection.json"
    kept = read_private(path) or {}
    password = kept.get("password") or secrets.token_urlsafe(12)
    # Before the user exists: killed in between, the next start creates it with this password.
    write_private(path, {"url": url, "email": FIRST_EMAIL, "password": password})
    is_new, is_known = False, True
    passwords = Passwords()
    store = await Store.connect(dsn, pool_size=2, application="ragline-up")
    try:
        async with store.system() as tx:
            user = await tx.accounts.by_email(FIRST_EMAIL)
            if user is None:
                await tx.accounts.register(
                    tenant_name="first",
                    email=FIRST_EMAIL,
                    password_hash=await passwords.hash(password),
                    # Nobody else operates this machine; an operator is admin of its tenant, too.
                    role="operator",
                )
                is_new = True
            elif "password" not in kept:
                is_known = await passwords.fits(password, user.password_hash)
    finally:
        passwords.close()
        await store.close()
    if not is_known:
        write_private(path, {"url": url, "email": FIRST_EMAIL})
    return Access(email=FIRST_EMAIL, password=password if is_known else None, is_new=is_new)
