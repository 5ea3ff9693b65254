"""Dead letters say which job they belong to."""

from store.migrations.scripts import run_script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision."""
    run_script("0007_letters_of_a_job.sql")
