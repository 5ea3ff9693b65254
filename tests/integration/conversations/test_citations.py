"""A model that invents what it cites: nothing of it reaches anybody as a citation."""

import pytest

from runtime.metrics import CITATIONS_DROPPED
from tests.integration.conversations.conftest import HANDBOOK, QUESTION, ScriptedModel, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What it says, and why it is no citation of the handbook, whose passages are one page each.
INVENTED = (
    "“Backups are kept for ninety years and never deleted.” [1] ",  # no page says so
    "Flights are first class [7]. ",  # it was given no such passage
    "See the annex [0][2024]. ",
    "“Lunch is served from noon.” [1] ",  # another page says so
)
TRUE = "“Backups are kept for thirty days.” [1] And then they are deleted [1]."


async def test_invented_quotes_and_numbers_are_dropped_and_counted(world: World) -> None:
    dropped = CITATIONS_DROPPED._value.get()  # noqa: SLF001 - nothing else tells it
    document = {"document_ids": [str(await world.index(None, HANDBOOK[:1], filename="a.txt"))]}
    answer = "".join((*INVENTED, TRUE))
    async with world.responder([ScriptedModel(answer)]), world.gateway() as gateway:
        events = await gateway.events(
            "POST", "/chat", message=QUESTION, stream=True, threshold=-1, **document
        )
        turn = events[-1].data
        stored = (await gateway.client.get(f"/chat/{turn['turn_id']}")).json()
    told = [event.data for event in events if event.name == "citation"]
    assert turn["answer"] == answer, "the text stays as the model wrote it"
    assert [source["index"] for source in turn["sources"]] == [1]
    assert told == turn["citations"] == stored["citations"]
    assert [(one["index"], one["quote"]) for one in told] == [
        (1, "Backups are kept for thirty days.")
    ]
    assert CITATIONS_DROPPED._value.get() - dropped == 5  # noqa: SLF001 - as above


async def test_every_citation_stands_at_its_span(world: World) -> None:
    pages = ("Page one says nothing of it.", " ".join(HANDBOOK), "Page three ends it. Or not?")
    document = str(await world.index(None, pages, filename="three.txt"))
    parsed = "\n\n".join(pages)
    says = (
        "It is kept thirty days [1]. Canteen [2]. Nothing [3]. Or “Page three ends it.” [1][2][3]"
    )
    async with world.responder([ScriptedModel(says)]), world.gateway() as gateway:
        turn = (await gateway.ask(document_ids=[document], threshold=-1)).json()
    assert turn["citations"]
    for citation in turn["citations"]:
        assert parsed[citation["char_start"] : citation["char_end"]] == citation["quote"]
        assert citation["quote"] in pages[citation["page"] - 1]
