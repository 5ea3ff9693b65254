"""What the workers gave up, for operators to look at and to redrive."""

from store.migrations.scripts import run_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0002_dead_letters.sql")
