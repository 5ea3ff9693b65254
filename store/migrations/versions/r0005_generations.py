"""Generations that are built beside the active one, promoted and dropped."""

from store.migrations.scripts import run_script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0005_generations.sql")
