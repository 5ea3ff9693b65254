"""Changes of the schema: plain SQL files, run in order by Alembic."""
