"""How a revision runs its SQL file."""

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

SCRIPTS = Path(__file__).parent / "sql"


def run_script(name: str) -> None:
    """Run a file of many statements in the transaction of the migration."""
    # asyncpg runs many statements at once only without SQLAlchemy's preparing them.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("Migrations run on a connection, not as SQL on paper.")
    await_only(driver.execute((SCRIPTS / name).read_text(encoding="utf-8")))
