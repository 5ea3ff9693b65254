"""What operators get told about generations, and send."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.generations.service import Followed
from store.builds import Build
from store.generations import GenerationState

#: What is happening to a generation now.
Step = Literal["starting", "building", "paused", "budget spent", "built", "promoting", "at rest"]

Strategy = Annotated[str, Meta(pattern=r"^sentence_([1-9]|[1-4][0-9]|50)$")]
Rate = Annotated[float, Meta(gt=0, le=10_000)]
Tokens = Annotated[int, Meta(ge=0)]


class NewGeneration(msgspec.Struct, frozen=True, kw_only=True):
    """How to index; what is not said follows the settings."""

    #: `sentence_N` with N from 1 to 50.
    chunking: Strategy | None = None
    embedding_model: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    #: Most documents a second.
    max_rate: Rate | None = None
    #: Most tokens that embedding may cost; the build waits when they are spent.
    token_budget: Tokens | None = None


class BuildLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a build that goes on; what is not said stays as it is."""

    max_rate: Rate | None = None
    token_budget: Tokens | None = None


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """How to promote."""

    #: Also when documents are missing whose work was given up.
    accept_missing: bool = False


class BuildLag(msgspec.Struct, frozen=True, kw_only=True):
    """Records that a build's workers have not completed."""

    chunker: int
    embedder: int


class GenerationShown(msgspec.Struct, frozen=True, kw_only=True):
    """A way to index, and how far it is."""

    generation_id: int
    chunking: str
    embedding_model: str
    dimensions: int
    state: GenerationState
    step: Step
    #: Documents that are in it, of those that are parsed and not deleted.
    documents: int
    documents_total: int
    #: Documents whose work was given up; see the dead letters.
    failed: int
    chunks: int
    #: What its embedding has cost, in tokens.
    tokens: int
    #: During the last minute; null where nothing is built.
    documents_per_second: float | None
    #: Until it has all documents, at that rate; null where that cannot be told.
    eta_seconds: float | None
    lag: BuildLag | None
    max_rate: float | None
    token_budget: int | None
    #: Why it was not promoted.
    problem: str | None
    created_at: datetime
    built_at: datetime | None
    activated_at: datetime | None
    retired_at: datetime | None
    dropped_at: datetime | None

    @classmethod
    def of(cls, followed: Followed) -> "GenerationShown":
        """Return a generation as it is shown."""
        build, progress, lag = followed.build, followed.progress, followed.lag
        rate = progress.last_minute / 60 if build.has_workers else None
        left = max(0, progress.documents_total - progress.documents - progress.failed)
        return cls(
            generation_id=build.generation_id,
            chunking=build.strategy,
            embedding_model=build.embedding_model,
            dimensions=build.dimensions,
            state=build.state,
            step=_step(followed),
            documents=progress.documents,
            documents_total=progress.documents_total,
            failed=progress.failed,
            chunks=progress.chunks,
            tokens=progress.tokens,
            documents_per_second=rate,
            eta_seconds=left / rate if rate else None,
            lag=None if lag is None else BuildLag(chunker=lag.chunker, embedder=lag.embedder),
            max_rate=build.max_rate,
            token_budget=build.token_budget,
            problem=build.problem,
            created_at=build.created_at,
            built_at=build.built_at,
            activated_at=build.activated_at,
            retired_at=build.retired_at,
            dropped_at=build.dropped_at,
        )


class GenerationList(msgspec.Struct, frozen=True, kw_only=True):
    """Every generation, oldest first."""

    data: list[GenerationShown]


def _step(followed: Followed) -> Step:
    build = followed.build
    if build.state != "dropped" and build.promote_asked_at is not None and build.built_at:
        return "promoting"
    if build.state != "building":
        return "at rest"
    return "built" if build.built_at is not None else _building(build, followed.progress.tokens)


def _building(build: Build, tokens: int) -> Step:
    if build.paused_at is not None:
        return "paused"
    if build.token_budget is not None and tokens >= build.token_budget:
        return "budget spent"
    return "starting" if build.topic_ready_at is None else "building"
