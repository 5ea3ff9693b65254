"""What is needed to keep the steps of an answer, long conversations, and reports of workers."""

from store.migrations.scripts import run_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0004_steps.sql")
