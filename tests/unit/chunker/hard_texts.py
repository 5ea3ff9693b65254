# ruff: noqa: RUF001 -- hard texts are made of signs that look alike
"""Texts on which splitters lose characters, shift offsets, or hang."""

from typing import Final

from workers.chunker.core.rules import MARKERS

HARD_TEXTS: Final[dict[str, str]] = {
    "empty": "",
    "blanks": " \n\t\r\n\u00a0\u2003\f \u2028",
    "one character": "a",
    "one full stop": ".",
    "only ends": "... !!! ??? . . . ?! 。。",
    "abbreviations": "Dr. A. B. Smith, Ph.D., of Hall & Co. (est. 1911) met Mrs. V. at 6 p.m. etc.",
    "list in a line": "a. one b. two c. three 1. one 2. two 1) one 2) two (i) one (ii) two",
    "numbers across lines": "1. one\n2. two\n\n10. ten\n11. eleven",
    "Chinese": "你好吗？我很好。“真的吗？”他问。《三国演义》。第1.5章！",
    "Japanese": "これはペンです。「本当？はい。」と言った。（笑）ｗｗｗ！？",
    "Korean": "안녕하세요. 만나서 반갑습니다! 3.5점입니다.",
    "Arabic": "مرحبا بالعالم. كيف حالك؟ أنا بخير، شكرا! ٣.٥ كيلومتر.",
    "Hebrew and Latin": "שלום עולם. Hello world. מה שלומך? טוב!",
    "Hindi": "नमस्ते दुनिया। आप कैसे हैं? मैं ठीक हूँ।",
    "emoji": "Well done! 👩‍👩‍👧‍👦 🇫🇷🇩🇪 👍🏽. Next?\u200d❤️‍🔥! ok",
    "Windows newlines": "One line.\r\nAnother line\r\ngoes on here.\r\n\r\nLast.",
    "all newlines": "a.\nb\r\nc\rd\ve\ff\x1cg\x85h\u2028i\u2029j.",
    "no punctuation": "word " * 500,
    "no blank": "x" * 20_000,
    "markers": f"A {MARKERS} b. {' '.join(MARKERS)} End. &✂& &ᓴ&. &⎋& ƪƪƪ ♟♟♟♟♟♟♟.",
    "many references": "..[111 111 111 111 111 111 111 111 111 111]",
    "long number": "Rok bud." + "2027777983834843834843042003200220012000199919981997" * 8,
    "open reference": "......[289852000000260698,289852000000260744 " * 20,
    "quotations": "'Twas “said ‘so.’ He” (and \"[so.] on.\") «Ça va?» -- yes. -- 'a' 'b.' C",
    "backslashes": r"C:\dir\file.txt (a\.b) [\] \( \) “\.” \r\n \1 \g<0>. End\.",
    "null and controls": "a\x00b.\x00 C\x01. \x1b[0m D\x7f.",
    "zero width": "\ufeffStart.\u200b Next\u00ad word\u2060. \u200eEnd.",
    "combining": "e\u0301. A\u030a! \u0301" + "z\u0301\u0323" * 30,
    "private use": "\ue000 and \ue001. \uf8ff Next.",
    "table": "| a | b |\n|---|---|\n| 1. x | 2. y! |\n| | |",
    "very long blank": "a" + " " * 20_000 + "b.\n" + "\n" * 9_000 + "C.",
    "parentheses only": "(" * 3_000 + "a." + ")" * 3_000,
    "quotes only": "“. " * 2_000,
    "dotted": "a.b.c.d." * 2_000,
    "html": "<p>One. Two.</p><br/>Three<b>. Four</b>&nbsp;Five. <!-- a. B -->",
    "tabs": "a\tb\tc.\nd\te\tf.\n\tIndented. Line.",
}
