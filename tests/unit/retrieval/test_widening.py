"""What is read of a chunk: its neighbours, within a budget, and never twice."""

from hypothesis import given
from hypothesis import strategies as st

from retrieval.widening import Context, beside, widen
from tests.unit.retrieval.given import GAP, LENGTH, found, neighbours, place

#: What one neighbour adds to a context.
STEP = LENGTH + GAP


def ordinals(context: Context) -> list[int]:
    return [piece.char_start // STEP for piece in context.pieces]


def test_looks_beside_the_chunks_and_not_before_the_first() -> None:
    assert beside([found(0), found(2), found(1, 2)], 1) == {
        place(1),
        place(3),
        place(0, 2),
        place(2, 2),
    }
    assert beside([found(5)], 0) == set()


def test_chunks_that_touch_are_one_context_at_the_place_of_the_better_one() -> None:
    contexts = widen(
        [found(7), found(2), found(4, similarity=0.9)], neighbours(1, 3, 5, 6, 8), most=1, room=1000
    )
    assert [ordinals(context) for context in contexts] == [[1, 2, 3, 4, 5, 6, 7, 8]]
    assert contexts[0].similarity == 0.9
    assert contexts[0].filename == "1.txt"


def test_chunks_that_do_not_touch_are_contexts_of_their_own_best_first() -> None:
    contexts = widen([found(9), found(2)], neighbours(1, 3, 8, 10), most=1, room=1000)
    assert [ordinals(context) for context in contexts] == [[8, 9, 10], [1, 2, 3]]


def test_a_context_is_of_one_document() -> None:
    contexts = widen(
        [found(1), found(2, 2)], neighbours(2) | neighbours(1, document=2), most=2, room=999
    )
    assert [(context.filename, ordinals(context)) for context in contexts] == [
        ("1.txt", [1, 2]),
        ("2.txt", [1, 2]),
    ]


def test_the_text_is_as_long_as_its_span_and_each_piece_stands_at_its_place() -> None:
    [context] = widen([found(3)], neighbours(2, 4), most=1, room=1000)
    assert len(context.text) == context.char_end - context.char_start
    for piece in context.pieces:
        start = piece.char_start - context.char_start
        assert context.text[start : start + len(piece.text)] == piece.text
    assert (context.page_first, context.page_last) == (3, 5)


def test_neighbours_follow_while_there_is_room_the_nearest_of_the_better_first() -> None:
    chunks = [found(5), found(15)]
    beside_them = neighbours(3, 4, 6, 7, 13, 14, 16, 17)
    room = 2 * LENGTH + 3 * STEP
    contexts = widen(chunks, beside_them, most=2, room=room)
    assert [ordinals(context) for context in contexts] == [[4, 5, 6], [15, 16]]
    assert sum(len(context.text) for context in contexts) == room
    assert [ordinals(one) for one in widen(chunks, beside_them, most=2, room=room - 1)] == [
        [4, 5, 6],
        [15],
    ]


def test_chunks_are_whole_whatever_the_budget() -> None:
    contexts = widen([found(9, text="y" * 500), found(1)], neighbours(0, 2, 8), most=1, room=100)
    assert [context.text for context in contexts] == ["y" * 500, found(1).text]


def test_a_neighbour_beyond_a_missing_one_is_no_neighbour() -> None:
    [context] = widen([found(5)], neighbours(3, 7), most=2, room=1000)
    assert ordinals(context) == [5]


@given(
    st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=6),
    st.integers(0, 4),
    st.integers(0, 600),
)
def test_contexts_hold_every_chunk_once_and_keep_the_budget(
    chosen: list[int], most: int, room: int
) -> None:
    chunks = [found(ordinal) for ordinal in chosen]
    around = {one: neighbours(one.ordinal)[place(one.ordinal)] for one in beside(chunks, most)}
    contexts = widen(chunks, around, most=most, room=room)
    read = [ordinal for context in contexts for ordinal in ordinals(context)]
    assert len(read) == len(set(read))
    assert set(chosen) <= set(read)
    longest = max(room, len(chosen) * STEP)
    assert sum(len(context.text) for context in contexts) <= longest
    for context in contexts:
        assert ordinals(context) == list(range(ordinals(context)[0], ordinals(context)[-1] + 1))
