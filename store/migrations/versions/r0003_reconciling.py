"""What is needed to find jobs and questions that nothing moves any more."""

from store.migrations.scripts import run_script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0003_reconciling.sql")
