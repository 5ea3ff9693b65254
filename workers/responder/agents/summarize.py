"""The agent that reads whole documents: notes of every part, merged, then the summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from contracts.errors import AgentLimitReached, DocumentNotReady
from providers.chat.protocol import ChatModel
from runtime.metrics import CITATIONS_DROPPED
from store import Store
from store.turns import Answer
from workers.responder.agents.answering import Speech
from workers.responder.agents.completing import complete, require_model
from workers.responder.agents.limits import Limits
from workers.responder.agents.numbering import numbered
from workers.responder.agents.pages import PageStarts
from workers.responder.agents.protocol import Question
from workers.responder.agents.reading import read_documents
from workers.responder.agents.run import Run
from workers.responder.agents.together import together
from workers.responder.core import Passage, PromptText
from workers.responder.core.summarizing import (
    PART_CHARACTERS,
    Notes,
    checked_notes,
    merging_prompt,
    parts_of_notes,
    parts_of_passages,
    reading_prompt,
    summary_of_notes,
    summary_of_passages,
)

#: A part is 24,000 characters: the token budget ends before the steps do.
_MOST_STEPS = 2_000
#: Delivery takes a try for stuck after 900 s; the summary itself needs some of them.
_SECONDS = 600.0
_AT_ONCE = 4
#: Of the notes of one part; 300 words, or the thoughts of a model that thinks first.
_NOTE_TOKENS = 4_000
_NOTE_SECONDS = 120.0
#: Numbers of citations have four digits.
_MOST_PASSAGES = 9_999
#: Characters a token at the least, so that what is allowed to begin also ends.
_CHARACTERS_PER_TOKEN = 3


class SummarizeAgent:
    """Maps and reduces over all chunks of the documents, in their order."""

    name = "summarize"

    def __init__(
        self, store: Store, pages: PageStarts, models: Sequence[ChatModel], *, tokens: int
    ) -> None:
        self.limits = Limits(steps=_MOST_STEPS, tokens=tokens, seconds=_SECONDS)
        self._store = store
        self._pages = pages
        self._models = models

    async def answer(self, question: Question, run: Run) -> Answer:
        """Return the whole summary; what it was made of is cited by chunks.

        Raises ``ModelRequired``, ``DocumentNotReady``, ``AgentLimitReached`` for documents that are
        too long, and what the models raise: a part that cannot be read leaves no summary.
        """
        able = require_model(self._models, "The agent `summarize`")
        started = run.clock.monotonic()
        document_ids = question.wanted.filters.document_ids
        if not document_ids:
            raise DocumentNotReady("Say what to summarize: give document_ids.")
        async with run.working():
            documents = await read_documents(self._store, question.tenant_id, document_ids)
            self._require_room(sum(len(one.text) for one in documents.chunks))
            passages = await numbered(self._pages, question.tenant_id, documents.chunks)
            prompt, sources = await _Reading(question.text, able, run).read(passages)
        speech = Speech(question, sources, run, started=started)
        finished = await speech.tell(able, prompt)
        return speech.close(finished, generation_id=documents.generation_id, timings={})

    def _require_room(self, characters: int) -> None:
        tokens = characters // _CHARACTERS_PER_TOKEN
        if tokens > self.limits.tokens:
            raise AgentLimitReached(
                f"These documents have about {tokens:,} tokens, and a summary may use "
                f"{self.limits.tokens:,}; choose fewer, or raise AGENT_TOKEN_BUDGET."
            )


@dataclass(frozen=True)
class _Reading:
    """The way from passages to the prompt of their summary."""

    wish: str
    models: Sequence[ChatModel]
    run: Run

    async def read(self, passages: Sequence[Passage]) -> tuple[PromptText, Sequence[Passage]]:
        """Return the prompt, and the passages that it knows the numbers of."""
        if len(passages) > _MOST_PASSAGES:
            raise AgentLimitReached(
                f"These documents have {len(passages):,} chunks, and a summary can cite "
                f"{_MOST_PASSAGES:,}; choose fewer documents."
            )
        parts = parts_of_passages(passages)
        if len(parts) == 1:
            return summary_of_passages(self.wish, passages), passages
        works = [partial(self._note, place, parts) for place in range(len(parts))]
        notes = await self._short_enough(await together(works, most=_AT_ONCE))
        cited = frozenset(chain.from_iterable(one.numbers for one in notes))
        sources = [passage for passage in passages if passage.index in cited]
        return summary_of_notes(self.wish, notes), sources

    async def _note(self, place: int, parts: Sequence[Sequence[Passage]]) -> Notes:
        part = parts[place]
        names = ", ".join(dict.fromkeys(passage.filename for passage in part))
        given = f"{names}: part {place + 1} of {len(parts)}"
        allowed = [passage.index for passage in part]
        return await self._noted("read", given, reading_prompt(self.wish, part), allowed)

    async def _short_enough(self, notes: Sequence[Notes]) -> Sequence[Notes]:
        """Return the notes, merged until one call can read them all; each round halves them."""
        while sum(len(one.text) for one in notes) > PART_CHARACTERS and len(notes) > 1:
            works = [partial(self._merge, group) for group in parts_of_notes(notes)]
            notes = await together(works, most=_AT_ONCE)
        return notes

    async def _merge(self, notes: Sequence[Notes]) -> Notes:
        if len(notes) == 1:
            return notes[0]
        allowed = list(chain.from_iterable(one.numbers for one in notes))
        given = f"the notes of {len(notes)} parts"
        return await self._noted("merge", given, merging_prompt(self.wish, notes), allowed)

    async def _noted(
        self, kind: str, given: str, prompt: PromptText, allowed: Sequence[int]
    ) -> Notes:
        with self.run.step(kind, given) as doing:
            doing.result = "There is no summary without it."
            said = await complete(self.models, prompt, tokens=_NOTE_TOKENS, seconds=_NOTE_SECONDS)
            notes = checked_notes(said, allowed)
            CITATIONS_DROPPED.inc(notes.dropped)
            doing.result = f"{len(notes.text.split()):,} words noted."
        return notes
