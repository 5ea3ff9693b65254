# ruff: noqa: RUF001 -- the rules quote signs that look alike
"""The English golden rules that pysbd took over from Pragmatic Segmenter (both MIT).

Each line is a rule: the sentences that its text has. The text is the sentences with one blank
between them.
"""

import pytest

from workers.chunker.core import split_sentences

GOLDEN_RULES: list[list[str]] = [
    # plain ends
    ["Hello World.", "My name is Jonas."],
    ["What is your name?", "My name is Jonas."],
    ["There it is!", "I found it."],
    ["Hello!!", "Long time no see."],
    ["Hello??", "Who is there?"],
    ["Hello!?", "Is that you?"],
    ["Hello?!", "Is that you?"],
    # initials and abbreviations
    ["My name is Jonas E. Smith."],
    ["Please turn to p. 55."],
    ["Were Jane and co. at the party?"],
    ["They closed the deal with Pitt, Briggs & Co. at noon."],
    ["Let's ask Jane and co.", "They should know."],
    ["They closed the deal with Pitt, Briggs & Co.", "It closed yesterday."],
    ["I can see Mt. Fuji from here."],
    ["St. Michael's Church is on 5th st. near the light."],
    ["That is JFK Jr.'s book."],
    ["I visited the U.S.A. last year."],
    ["I live in the E.U.", "How about you?"],
    ["I live in the U.S.", "How about you?"],
    ["I work for the U.S. Government in Virginia."],
    ["I have lived in the U.S. for 20 years."],
    ["We make a good team, you and I.", "Did you see Albert I. Jones yesterday?"],
    ["She works at Yahoo! in the accounting department."],
    # numbers and addresses
    ["She has $100.00 in her bag."],
    ["She has $100.00.", "It is in her bag."],
    ["You can find it at N°. 1026.253.553.", "That is where the treasure is."],
    ["Her email is Jane.Doe@example.com.", "I sent her an email."],
    [
        "The site is: https://www.example.50.com/new-site/awesome_content.html.",
        "Please check it out.",
    ],
    # quotations and parentheses
    [
        (
            "He teaches science (He previously worked for 5 years as an engineer.) "
            "at the local University."
        )
    ],
    ["She turned to him, 'This is great.' she said."],
    ['She turned to him, "This is great." she said.'],
    ['She turned to him, "This is great."', "She held the book out to show him."],
    ['"Bohr [...] used the analogy of parallel stairways [...]" (Smith 55).'],
    # lists
    ["1.) The first item", "2.) The second item"],
    ["1.) The first item.", "2.) The second item."],
    ["1) The first item", "2) The second item"],
    ["1) The first item.", "2) The second item."],
    ["1. The first item", "2. The second item"],
    ["1. The first item.", "2. The second item."],
    ["• 9. The first item", "• 10. The second item"],
    ["⁃9. The first item", "⁃10. The second item"],
    ["a. The first item", "b. The second item", "c. The third list item"],
    # ellipses
    [
        (
            "Thoreau argues that by simplifying one’s life, "
            "“the laws of the universe will appear less complex. . . .”"
        )
    ],
    [
        (
            "If words are left off at the end of a sentence, and that is all that is omitted, "
            "indicate the omission with ellipsis marks (preceded and followed by a space) "
            "and then indicate the end of the sentence with a period . . . ."
        ),
        "Next sentence.",
    ],
    ["I never meant that....", "She left the store."],
    [
        (
            "I wasn’t really ... well, what I mean...see . . . what I'm saying, "
            "the thing is . . . I didn’t mean it."
        )
    ],
    [
        (
            "One further habit which was somewhat weakened . . . "
            "was that of combining words into self-interpreting compounds."
        ),
        ". . . The practice was not abandoned. . . .",
    ],
]

#: The one that pysbd does not keep either: a time of day before a title.
MISSED_RULE = [
    "At 5 a.m. Mr. Smith went to the bank.",
    "He left the bank at 6 P.M.",
    "Mr. Smith then went to the store.",
]


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def test_there_are_forty_eight_rules() -> None:
    assert len([*GOLDEN_RULES, MISSED_RULE]) == 48


@pytest.mark.parametrize("rule", GOLDEN_RULES, ids=lambda rule: rule[0][:40])
def test_keeps_the_golden_rule(rule: list[str]) -> None:
    assert sentences_of(" ".join(rule)) == rule


@pytest.mark.parametrize("rule", GOLDEN_RULES, ids=lambda rule: rule[0][:40])
def test_keeps_the_golden_rule_where_its_text_is_one_paragraph_of_several(rule: list[str]) -> None:
    text = "\n\n".join(["Something before.", " ".join(rule), "Something after."])
    assert sentences_of(text) == ["Something before.", *rule, "Something after."]


def test_splits_the_missed_rule_once_too_often() -> None:
    assert sentences_of(" ".join(MISSED_RULE)) == [
        "At 5 a.m.",
        "Mr. Smith went to the bank.",
        *MISSED_RULE[1:],
    ]
