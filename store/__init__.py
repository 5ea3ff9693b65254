"""What we remember: PostgreSQL with pgvector; the only place with SQL."""

from store.store import Store
from store.transactions import SystemTransaction, Transaction

__all__ = ["Store", "SystemTransaction", "Transaction"]
