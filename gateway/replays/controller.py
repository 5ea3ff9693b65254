"""`/api/v2/admin/replays`: what the workers read again, for operators."""

from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from gateway.auth.guards import may_operate
from gateway.dependencies import Given
from gateway.paging import DEFAULT_LIMIT, Limit
from gateway.problems import documented
from gateway.replays.schemas import PlannedReplay, ReplayList, ReplayShown, WantedReplay
from gateway.replays.service import ReplayDesk


class ReplaysController(Controller):
    """Plans, runs and shows replays."""

    path = "/api/v2/admin/replays"
    tags = ("admin",)
    guards = (may_operate,)

    @get(operation_id="listReplays", summary="List replays", responses=documented(401, 403, 422))
    async def list_replays(
        self, replay_desk: Given[ReplayDesk], limit: Limit = DEFAULT_LIMIT
    ) -> ReplayList:
        """Return the newest replays, newest first."""
        found = await replay_desk.newest(limit=limit)
        return ReplayList(data=[ReplayShown.of(replay) for replay in found])

    @get(
        "/{replay_id:str}",
        operation_id="getReplay",
        summary="Read a replay",
        responses=documented(401, 403, 404),
    )
    async def read(self, replay_id: FromPath[str], replay_desk: Given[ReplayDesk]) -> ReplayShown:
        """Return a replay, and how far it is handed to the workers."""
        return ReplayShown.of(await replay_desk.read(replay_id))

    @post(
        "/plan",
        operation_id="planReplay",
        summary="Plan a replay",
        status_code=HTTP_200_OK,
        responses=documented(401, 403, 413, 422),
    )
    async def plan(
        self, data: JSONBody[WantedReplay], replay_desk: Given[ReplayDesk]
    ) -> PlannedReplay:
        """Say what would be read again, how many records and how long; changes nothing."""
        return PlannedReplay.of(await replay_desk.plan(data.choice()))

    @post(
        operation_id="runReplay",
        summary="Run a replay",
        status_code=HTTP_202_ACCEPTED,
        responses=documented(401, 403, 409, 413, 422),
    )
    async def run(
        self, data: JSONBody[WantedReplay], replay_desk: Given[ReplayDesk]
    ) -> ReplayShown:
        """Let the workers read records again.

        A whole group is reset, and refused while it has members; some records of it are read
        again behind live work.
        """
        return ReplayShown.of(await replay_desk.run(data.choice()))

    @post(
        "/rebuild",
        operation_id="rebuildFromLog",
        summary="Rebuild from the log",
        status_code=HTTP_202_ACCEPTED,
        responses=documented(401, 403, 409),
    )
    async def rebuild(self, replay_desk: Given[ReplayDesk]) -> ReplayShown:
        """Bring back everything that is derived from documents, from the log and the blobs.

        Nothing is parsed or embedded again; what is whole stays as it is.
        """
        return ReplayShown.of(await replay_desk.rebuild())
