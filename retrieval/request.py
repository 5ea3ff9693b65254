"""What is asked of a retrieval; a turn keeps it in its row."""

from typing import Annotated, Literal

import msgspec

from contracts.ids import DocumentId

#: Bounds of what a request may ask for.
MOST_CHUNKS = 50
MOST_DOCUMENTS = 100
MOST_METADATA = 16

Scalar = str | int | float | bool | None
ChunkCount = Annotated[int, msgspec.Meta(ge=1, le=MOST_CHUNKS)]
#: How many chunks before and after one are read with it.
MOST_NEIGHBOURS = 10
NeighbourCount = Annotated[int, msgspec.Meta(ge=0, le=MOST_NEIGHBOURS)]
#: The ways to look: by the meaning of the question, by its words.
Leg = Literal["vector", "lexical"]
Legs = Annotated[tuple[Leg, ...], msgspec.Meta(min_length=1, max_length=2)]
BOTH_LEGS: Legs = ("vector", "lexical")
#: Cosine similarity.
Threshold = Annotated[float, msgspec.Meta(ge=-1, le=1)]


class Filters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Restricts a retrieval; every filter that is given must hold."""

    #: Only these documents.
    document_ids: (
        Annotated[tuple[DocumentId, ...], msgspec.Meta(max_length=MOST_DOCUMENTS)] | None
    ) = None
    #: Only documents of this knowledge base.
    knowledge_base: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    #: Only documents whose metadata has all of these values.
    metadata: Annotated[dict[str, Scalar], msgspec.Meta(max_length=MOST_METADATA)] | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much may be found, and where; what is not said follows the settings."""

    max_chunks: ChunkCount | None = None
    threshold: Threshold | None = None
    neighbours: NeighbourCount | None = None
    legs: Legs = BOTH_LEGS
    filters: Filters = Filters()
