import pytest

from cli.terminal import one_line, printable, say_json


def test_takes_the_power_from_control_characters() -> None:
    assert printable("a\x1b[2Jb\x07c\x9bd\x7f\r\ne\tf") == "a[2Jbcd\ne\tf"


def test_shortens_a_text_to_one_line() -> None:
    assert one_line("one\n\n two  three", most=8) == "one two…"
    assert one_line("one\n two") == "one two"


def test_prints_a_json_document_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say_json(b'{\n "a":\n "\xe2\x82\xac"}')

    assert capsys.readouterr().out == '{"a":"€"}\n'
