"""What operators let the workers read again."""

from store.migrations.scripts import run_script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0008_replays.sql")
