"""The words of chunks, also of those that are there already."""

from store.migrations.scripts import run_script
from store.migrations.words import fill_words

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the script of this revision, and count the words of every chunk."""
    run_script("0006_words.sql")
    fill_words()
