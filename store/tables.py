"""The names of what each generation has of its own."""


def chunks_table(generation: int) -> str:
    """Return the name of a generation's table of chunks."""
    return f"chunks_g{generation:d}"


def words_table(generation: int) -> str:
    """Return the name of the table of its chunks' words."""
    return f"words_g{generation:d}"


def tenant_index(generation: int) -> str:
    """Return how the names of its indexes on vectors begin; the tenant, in hex, follows."""
    return f"{chunks_table(generation)}_hnsw_"
