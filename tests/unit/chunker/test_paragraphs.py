# ruff: noqa: RUF001 -- bullets and quotation marks of other scripts look alike
"""Which newlines end a sentence, and which only wrap a line."""

import pytest

from workers.chunker.core import split_sentences


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


WRAPPED = """\
The harbour of Port Ellery was dredged in 1911 after Dr.
Okoro found that ships of more than 4.5 m could not enter.
Mrs. Alder, who kept the records, wrote that the work had
cost twice what the council planned. The engineer came in
May and stayed."""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_joins_the_lines_of_a_wrapped_paragraph(newline: str) -> None:
    text = WRAPPED.replace("\n", newline)
    joined = [" ".join(sentence.split()) for sentence in sentences_of(text)]
    assert len(joined) == 3
    assert " ".join(joined) == " ".join(text.split())
    assert joined[0].endswith("could not enter.")
    assert joined[2] == "The engineer came in May and stayed."


def test_keeps_the_newlines_of_a_wrapped_sentence_in_its_text() -> None:
    assert sentences_of(WRAPPED)[2] == "The engineer came in\nMay and stayed."


def test_ends_a_sentence_at_a_blank_line() -> None:
    text = "a line that has no end and is long enough\n \t\nto be taken for a wrapped line"
    assert len(sentences_of(text)) == 2


def test_ends_a_paragraph_where_a_line_is_short_without_a_blank_line_between() -> None:
    text = (
        "A paragraph of a page begins here and goes on to the end\n"
        "of its second line, and ends.\n"
        "Another one begins on the line below, which is indented by\n"
        "nothing at all"
    )
    assert sentences_of(text) == [
        text[: text.index("Another") - 1],
        text[text.index("Another") :],
    ]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["# The harbour", "It was dredged."], id="heading"),
        pytest.param(["## 1.2. The harbour", "It was dredged."], id="numbered heading"),
        pytest.param(
            ["The harbour of Port Ellery", "==========", "It was dredged."], id="underlined"
        ),
        pytest.param(
            ["- the first of the items on this list", "- the second of them"], id="dashes"
        ),
        pytest.param(
            ["• the first of the items on this list", "• the second of them"], id="bullets"
        ),
        pytest.param(
            ["1. the first of the items on this list", "2. the second of them"], id="numbers"
        ),
        pytest.param(
            ["9) the first of the items on this list", "10) the second of them"], id="parentheses"
        ),
        pytest.param(
            ["a. the first of the items on this list", "b. the second of them"], id="letters"
        ),
        pytest.param(
            ["| year | ships in the harbour |", "|------|------|", "| 1911 | twelve of them |"],
            id="table of Markdown",
        ),
        pytest.param(
            ["year    ships in the harbour", "1911    twelve of them at once"], id="columns"
        ),
        pytest.param(["> as he said on that long evening", "> and never again"], id="quotation"),
        pytest.param(["Tyger Tyger, burning bright,", "In the forests of the night;"], id="verse"),
        pytest.param(["Port Ellery", "12 Long Street", "Kent"], id="address"),
        pytest.param(["Milk", "eggs", "bread"], id="short words"),
        pytest.param(
            ["2031-05-01 INFO the server has started", "2031-05-02 INFO the server has stopped"],
            id="log",
        ),
    ],
)
def test_leaves_lines_apart_that_are_not_wrapped(lines: list[str]) -> None:
    assert sentences_of("\n".join(lines)) == lines


def test_joins_the_wrapped_lines_of_a_list_item() -> None:
    items = [
        "- the first of the items on this list is so long that it\n  goes on below",
        "- the second is not",
    ]
    assert sentences_of("\n".join(items)) == items


def test_keeps_a_numbered_list_across_lines() -> None:
    items = [f"{number}. Item with a text" for number in range(8, 13)]
    assert sentences_of("\n".join(items)) == items


@pytest.mark.parametrize(
    "label", ["1.", "10.", "1.1.", "3.2.1.", "a.", "iv.", "• 9.", "- 1.", "## 2.", "(b)", "**4.**"]
)
def test_keeps_a_label_with_what_it_labels(label: str) -> None:
    text = f"{label} Scope of the work. It is wide."
    assert sentences_of(text) == [f"{label} Scope of the work.", "It is wide."]


def test_joins_the_wrapped_lines_of_chinese() -> None:
    text = (
        "港口在一九一一年疏浚，因为医生发现超过四米半的船只无法\n"
        "进入。记录员写道，工程费用是议会计划的两倍。工程师五月到来\n"
        "并留了下来。"
    )
    assert [sentence.replace("\n", "") for sentence in sentences_of(text)] == [
        "港口在一九一一年疏浚，因为医生发现超过四米半的船只无法进入。",
        "记录员写道，工程费用是议会计划的两倍。",
        "工程师五月到来并留了下来。",
    ]
