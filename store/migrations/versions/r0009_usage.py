"""What tenants used, in a book of its own."""

from store.migrations.scripts import run_script

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0009_usage.sql")
