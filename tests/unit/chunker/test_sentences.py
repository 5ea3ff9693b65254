# ruff: noqa: RUF001 -- the ends of sentences in other scripts look alike
"""Where sentences end, beyond the golden rules."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.chunker.core import split_sentences
from workers.chunker.core.library import Segmenter
from workers.chunker.core.processor import split_line
from workers.chunker.core.rules import MARKERS

WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        """
        the a cat he said and I never I'm The Cat He She They A It We What however . ? ! , ; :
        Mr. Mrs. Dr. St. Jr. etc. no. No. fig. vs. approx. p. pp. Inc. Co. e.g. i.e. Ph.D. U.S.
        U.S.A. a.m. P.M. Jan. end. end? end! end.” “So 'so said.' "Yes." (yes.) [1] [2, 3] end.[4]
        1. 2. 3. 10. 1) 2) (a) (b) a) b) a. b. ii. iii) 3.14 $1.50 x.5 www.site.com me@site.org
        a.pdf Yahoo! Yum! !! ?! ... .... . . . -- - » « Fin.
        """,
    )
)
TOKENS = st.lists(WORDS, min_size=1, max_size=40).map(" ".join)


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def stripped(sentences: Sequence[str]) -> list[str]:
    return [sentence.strip() for sentence in sentences if sentence.strip()]


@pytest.mark.timeout(120)
@settings(max_examples=600, deadline=None, derandomize=True)
@given(TOKENS)
def test_splits_a_line_as_pysbd_does(line: str) -> None:
    pysbd = Segmenter(language="en", clean=False)
    assert stripped(split_line(line)) == stripped(pysbd.processor(line).process())


@pytest.mark.parametrize(
    "sentences",
    [
        ["你好吗？", "我很好！", "他走了。"],
        ["我们明天一起去看《摔跤吧！爸爸》好吗？", "好！"],
        ["これはペンです。", "それはマーカーです。"],
        ["彼は「本当？はい。」と言った。", "終わり。"],
        ["這是第一句．", "這是第二句。"],
    ],
)
def test_ends_sentences_of_chinese_and_japanese_without_blanks(sentences: list[str]) -> None:
    assert sentences_of("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["كيف حالك؟", "أنا بخير."],
        ["यह पहला वाक्य है।", "यह दूसरा है।"],
        ["یہ پہلا جملہ ہے۔", "یہ دوسرا ہے۔"],
        ["Սա առաջինն է։", "Սա երկրորդն է։"],
        ["ይህ የመጀመሪያው ነው።", "ይህ ሁለተኛው ነው።"],
        ["Это первое предложение.", "Это второе."],
    ],
)
def test_ends_sentences_of_other_scripts(sentences: list[str]) -> None:
    assert sentences_of(" ".join(sentences)) == sentences


@pytest.mark.parametrize("marker", MARKERS)
def test_keeps_the_signs_that_pysbd_uses_itself(marker: str) -> None:
    sentences = [f"One {marker} sign.", f"Two&{marker}& signs {marker}{marker}{marker}."]
    assert sentences_of(" ".join(sentences)) == sentences


def test_takes_a_quotation_as_part_of_its_sentence() -> None:
    sentences = ["He said “It is late. We must go.” and left.", "Nobody followed."]
    assert sentences_of(" ".join(sentences)) == sentences


def test_keeps_dotted_names_whole() -> None:
    sentences = ["Call os.a.b.c before e.g.x or 1.a.2 is read.", "Then stop."]
    assert sentences_of(" ".join(sentences)) == sentences


def test_finds_sentences_with_other_blanks_than_pysbd_returns() -> None:
    text = "It waits\u00a0.\u2003.\t. Then\u2003it  goes.\u3000And\tends."
    assert "".join("".join(sentences_of(text)).split()) == "".join(text.split())
    assert sentences_of(text)[-1] == "And\tends."


def test_reads_each_paragraph_by_itself() -> None:
    first, second = "a. One b. Two. He said “no.", "Yes.” 1. One 2. Two c. Three."
    shift = len(first) + 2
    assert split_sentences(f"{first}\n\n{second}") == [
        *split_sentences(first),
        *((start + shift, end + shift) for start, end in split_sentences(second)),
    ]
