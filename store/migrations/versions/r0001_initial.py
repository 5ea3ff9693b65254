"""Everything the first version remembers."""

from store.migrations.scripts import run_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0001_initial.sql")
