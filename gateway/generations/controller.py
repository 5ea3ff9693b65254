"""`/api/v2/admin/generations`: building, promoting and dropping ways to index, for operators."""

from typing import Annotated

from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from msgspec import Meta

from gateway.auth.guards import may_operate
from gateway.dependencies import Given
from gateway.generations.schemas import (
    BuildLimits,
    GenerationList,
    GenerationShown,
    NewGeneration,
    Promotion,
)
from gateway.generations.service import Builder
from gateway.problems import documented

#: What a column of type integer takes.
Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class GenerationsController(Controller):
    """Shows generations and takes orders about them."""

    path = "/api/v2/admin/generations"
    tags = ("admin",)
    guards = (may_operate,)

    @get(
        operation_id="listGenerations",
        summary="List generations",
        responses=documented(401, 403),
    )
    async def list_generations(self, builder: Given[Builder]) -> GenerationList:
        """Return every generation there ever was, oldest first, with its progress."""
        return GenerationList(data=[GenerationShown.of(one) for one in await builder.all()])

    @get(
        "/{generation_id:int}",
        operation_id="getGeneration",
        summary="Read a generation",
        responses=documented(401, 403, 404),
    )
    async def read(
        self, generation_id: FromPath[Number], builder: Given[Builder]
    ) -> GenerationShown:
        """Return a generation with its progress."""
        return GenerationShown.of(await builder.follow(generation_id))

    @post(
        operation_id="buildGeneration",
        summary="Build a generation",
        status_code=HTTP_202_ACCEPTED,
        responses=documented(401, 403, 409, 413, 422, 502),
    )
    async def build(
        self, data: JSONBody[NewGeneration], builder: Given[Builder]
    ) -> GenerationShown:
        """Begin to index every document in another way, beside the active one.

        Nothing is parsed again. Questions are answered from the active one until this is promoted.
        """
        made = await builder.build(
            strategy=data.chunking,
            embedding_model=data.embedding_model,
            max_rate=data.max_rate,
            token_budget=data.token_budget,
        )
        return GenerationShown.of(made)

    @post(
        "/{generation_id:int}/pause",
        operation_id="pauseGeneration",
        summary="Pause a build",
        status_code=HTTP_200_OK,
        responses=documented(401, 403, 404, 409),
    )
    async def pause(
        self, generation_id: FromPath[Number], builder: Given[Builder]
    ) -> GenerationShown:
        """Let a build wait; what is in work is finished."""
        return GenerationShown.of(await builder.pause(generation_id))

    @post(
        "/{generation_id:int}/resume",
        operation_id="resumeGeneration",
        summary="Resume a build",
        status_code=HTTP_200_OK,
        responses=documented(401, 403, 404, 409, 413, 422),
    )
    async def resume(
        self, generation_id: FromPath[Number], data: JSONBody[BuildLimits], builder: Given[Builder]
    ) -> GenerationShown:
        """Let a build go on where it was, with other limits where these are given."""
        followed = await builder.resume(
            generation_id, max_rate=data.max_rate, token_budget=data.token_budget
        )
        return GenerationShown.of(followed)

    @post(
        "/{generation_id:int}/promote",
        operation_id="promoteGeneration",
        summary="Promote a generation",
        status_code=HTTP_202_ACCEPTED,
        responses=documented(401, 403, 404, 409, 413, 422),
    )
    async def promote(
        self, generation_id: FromPath[Number], data: JSONBody[Promotion], builder: Given[Builder]
    ) -> GenerationShown:
        """Answer questions from this generation as soon as it has every document.

        Questions in flight end on the generation they began with. `problem` says why it was not
        promoted.
        """
        followed = await builder.promote(generation_id, accept_missing=data.accept_missing)
        return GenerationShown.of(followed)

    @post(
        "/rollback",
        operation_id="rollBackGeneration",
        summary="Roll back to the generation before",
        status_code=HTTP_200_OK,
        responses=documented(401, 403, 409),
    )
    async def roll_back(self, builder: Given[Builder]) -> GenerationShown:
        """Answer from the generation again that was active before; it was fed all the time."""
        return GenerationShown.of(await builder.roll_back())

    @delete(
        "/{generation_id:int}",
        operation_id="dropGeneration",
        summary="Drop a generation",
        status_code=HTTP_200_OK,
        responses=documented(401, 403, 404, 409),
    )
    async def drop(
        self, generation_id: FromPath[Number], builder: Given[Builder]
    ) -> GenerationShown:
        """Feed and read a generation no more; its table goes when nobody can be reading it.

        Refused for the active one.
        """
        return GenerationShown.of(await builder.drop(generation_id))
