import hashlib
from dataclasses import replace

import pytest

from evaluation import EvaluationFailed, Leg, Options, Split, evaluate
from evaluation.dataset import Dataset, Question, Reference, SourceDocument
from evaluation.results import Evaluation, Measured, Way
from tests.fixtures.searching import Served
from tests.unit.evaluation.served import Memory

TEXT = """Backups are kept for ninety days.
The key is in the blue drawer.
Nobody knows who painted the dome.
"""
OTHER = "Apples are kept in the cellar.\n"


def document(name: str, text: str) -> SourceDocument:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return SourceDocument(name=name, filename=f"{name}.md", text=text, sha256=digest)


def quoting(name: str, quote: str) -> Reference:
    return Reference(document=name, quote=quote, place="questions.csv, line 2")


def asking(text: str, *references: Reference) -> Question:
    return Question(question_id=text, text=text, references=references)


def dataset(*questions: Question) -> Dataset:
    documents = (document("handbook", TEXT), document("other", OTHER))
    return Dataset(name="tests", documents=documents, questions=questions)


@pytest.fixture
def memory() -> Memory:
    return Memory(
        Served("renamed.md", TEXT.encode(), "ours"), Served("other.md", OTHER.encode(), "ours")
    )


OURS = Options(knowledge_base="ours")
ONCE = replace(OURS, legs=(Leg.hybrid,), only_shipped=True)


def way_of(evaluation: Evaluation, *, threshold: bool, neighbours: bool) -> Measured:
    way = Way(Leg.hybrid, threshold, neighbours)
    return next(one for one in evaluation.measured if one.way == way)


@pytest.mark.asyncio
async def test_measures_what_the_context_has_of_the_answer(memory: Memory) -> None:
    # The first line is the only one with a word of the question: 33 characters, 30 of them right.
    quote = "Backups are kept for ninety da"
    asked = dataset(asking("backups?", quoting("handbook", quote)))

    evaluation = await evaluate(memory, asked, replace(OURS, legs=(Leg.hybrid,)))

    alone = way_of(evaluation, threshold=True, neighbours=False)
    assert alone.recall == 1
    assert alone.precision == pytest.approx(30 / 33)
    assert alone.iou == pytest.approx(30 / 33)
    assert (alone.ndcg, alone.mrr) == (1, 1)
    assert (alone.p50_ms, alone.p95_ms) == (4, 4)
    widened = way_of(evaluation, threshold=True, neighbours=True)
    assert widened.characters == len("\n".join(TEXT.splitlines()[:2]))
    assert widened.precision == pytest.approx(30 / widened.characters)


@pytest.mark.asyncio
async def test_counts_no_more_characters_than_the_budget(memory: Memory) -> None:
    asked = dataset(asking("backups?", quoting("handbook", "kept for ninety days.")))

    evaluation = await evaluate(memory, asked, replace(ONCE, neighbours=0, context_characters=16))

    (measured,) = evaluation.measured
    assert measured.characters == 16
    assert measured.recall == pytest.approx(4 / 21)  # "kept"


@pytest.mark.asyncio
async def test_what_is_under_the_threshold_is_ranked_but_is_no_context(memory: Memory) -> None:
    asked = dataset(asking("Is the drawer not brown?", quoting("handbook", "blue drawer")))

    evaluation = await evaluate(memory, asked, replace(OURS, legs=(Leg.hybrid,), threshold=0.7))

    strict = way_of(evaluation, threshold=True, neighbours=False)
    assert (strict.recall, strict.without_context, strict.mrr) == (0, 1, 1)
    assert (strict.precision, strict.iou) == (0, 0)
    loose = way_of(evaluation, threshold=False, neighbours=False)
    assert (loose.recall, loose.without_context) == (1, 0)
    assert evaluation.threshold == 0.7


@pytest.mark.asyncio
async def test_asks_in_every_way(memory: Memory) -> None:
    asked = dataset(asking("backups?", quoting("handbook", "ninety days")))

    evaluation = await evaluate(memory, asked, OURS)

    assert len({one.way for one in evaluation.measured}) == 12
    bodies = [body for body in memory.searches if body["max_results"] == 5]
    assert len(bodies) == 12
    assert {tuple(body["legs"]) for body in bodies} == {
        ("vector",),
        ("lexical",),
        ("vector", "lexical"),
    }
    assert {body.get("threshold") for body in bodies} == {None, -1}
    assert {body.get("neighbours") for body in bodies} == {None, 0}
    assert all(body["filters"] == {"knowledge_base": "ours"} for body in memory.searches)
    # Neighbours change no ranking, so it is asked for once with them and without.
    assert len([body for body in memory.searches if body["max_results"] == 10]) == 6


@pytest.mark.asyncio
async def test_asks_some_questions_at_a_time(memory: Memory) -> None:
    questions = (asking(f"backups {n}?", quoting("handbook", "ninety days")) for n in range(20))
    heard: list[int] = []

    evaluation = await evaluate(
        memory, dataset(*questions), replace(ONCE, concurrency=3), told=heard.append
    )

    assert memory.most_at_once == 3
    assert heard == list(range(1, 21))
    names = [one.question for one in evaluation.measured[0].questions]
    assert names == [f"backups {n}?" for n in range(20)]


@pytest.mark.asyncio
async def test_asks_the_questions_of_one_half(memory: Memory) -> None:
    questions = [asking(f"backups {n}?", quoting("handbook", "ninety days")) for n in range(20)]
    expected = [one.text for one in questions if one.half is Split.held_out]

    evaluation = await evaluate(memory, dataset(*questions), ONCE, split=Split.held_out)

    assert 0 < len(expected) < 20
    assert [one.question for one in evaluation.measured[0].questions] == expected
    alone = dataset(next(one for one in questions if one.half is Split.fitted))
    with pytest.raises(EvaluationFailed, match="The held-out half of tests has no question"):
        await evaluate(memory, alone, ONCE, split=Split.held_out)


@pytest.mark.asyncio
async def test_what_cannot_be_located_counts_as_not_found_and_is_named(memory: Memory) -> None:
    asked = dataset(
        asking(
            "backups?",
            quoting("handbook", "kept for ninety days."),
            quoting("handbook", "kept for eleven days."),
        )
    )

    evaluation = await evaluate(memory, asked, ONCE)

    (missing,) = evaluation.unlocated
    assert missing.quote == "kept for eleven days."
    assert missing.place == "questions.csv, line 2"
    assert evaluation.references == 2
    assert evaluation.measured[0].recall == 0.5


@pytest.mark.asyncio
async def test_what_a_document_answers_that_failed_counts_as_not_found(memory: Memory) -> None:
    for served in memory.documents.values():
        served.status = "failed" if served.filename == "renamed.md" else "indexed"
    asked = dataset(asking("apples?", quoting("other", "cellar"), quoting("handbook", "ninety")))

    evaluation = await evaluate(memory, asked, ONCE)

    assert evaluation.missing_documents == ["handbook"]
    assert len(evaluation.unlocated) == 1
    assert evaluation.measured[0].recall == 0.5


@pytest.mark.asyncio
async def test_documents_may_be_what_answers(memory: Memory) -> None:
    asked = dataset(
        asking(
            "kept for days in the cellar?",
            Reference(document="handbook", relevance=1, place=""),
            Reference(document="other", relevance=3, place=""),
        )
    )

    evaluation = await evaluate(memory, asked, replace(ONCE, chunks=1, neighbours=0))

    (measured,) = evaluation.measured
    assert (measured.recall, measured.precision, measured.iou) == (0.5, 1, None)
    # Two chunks of the handbook are behind that of the other: a document counts once.
    assert (measured.ndcg, measured.mrr) == (1, 1)


@pytest.mark.asyncio
async def test_finds_a_document_without_a_file_by_its_name(memory: Memory) -> None:
    named = SourceDocument(name="a/other.md", filename="other.md")
    asked = Dataset(
        name="mine", documents=(named,), questions=(asking("apples?", quoting("a/other.md", "in")),)
    )

    assert (await evaluate(memory, asked, ONCE)).measured[0].recall == 1

    more = Served("other.md", b"Pears.", "ours")
    memory.documents[more.document_id] = more
    with pytest.raises(EvaluationFailed, match=r"2 documents named 'other\.md'"):
        await evaluate(memory, asked, ONCE)
    with pytest.raises(EvaluationFailed, match="neither a file beside the questions nor"):
        await evaluate(memory, asked, replace(ONCE, knowledge_base="theirs"))


@pytest.mark.asyncio
async def test_says_when_no_document_is_there(memory: Memory) -> None:
    asked = dataset(asking("apples?", quoting("other", "cellar")))

    with pytest.raises(EvaluationFailed, match="None of the 2 documents"):
        await evaluate(memory, asked, replace(ONCE, knowledge_base="theirs"))


@pytest.mark.asyncio
async def test_reads_documents_of_many_pages(memory: Memory) -> None:
    text = "\n".join(f"Line {number} is kept." for number in range(250))
    long = Served("long.md", text.encode(), "ours")
    memory.documents[long.document_id] = long
    asked = Dataset(
        name="tests",
        documents=(document("long", text),),
        questions=(asking("line 249", quoting("long", "Line 249 is kept.")),),
    )

    assert (await evaluate(memory, asked, ONCE)).unlocated == []


@pytest.mark.asyncio
async def test_says_when_the_server_is_of_another_version() -> None:
    class Other(Memory):
        async def post(self, _path: str, body: dict[str, object]) -> bytes:  # noqa: ARG002
            return b'{"results": [{"document_id": "a"}]}'

    memory = Other(Served("other.md", OTHER.encode(), "ours"))
    asked = dataset(asking("apples?", quoting("other", "cellar")))
    with pytest.raises(EvaluationFailed, match="use the same version on both sides"):
        await evaluate(memory, asked, ONCE)
