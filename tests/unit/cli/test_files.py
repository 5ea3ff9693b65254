from pathlib import Path

import pytest

from cli.files import find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.pdf", "a.md", "notes.TXT", "tool.exe", ".hidden.txt", "sub/c.docx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "d.txt").write_text("d")
    return tmp_path


def names(folder: Path, files: list[Path]) -> list[str]:
    return [str(file.relative_to(folder)) for file in files]


def test_finds_what_can_be_parsed_in_order_and_leaves_out_what_is_hidden(folder: Path) -> None:
    found = find_files([folder], every_kind=False)

    assert names(folder, found.files) == ["a.md", "b.pdf", "notes.TXT", "sub/c.docx"]
    assert found.skipped == 1
    assert found.size == sum(len(name) for name in names(folder, found.files))


def test_takes_files_of_every_kind_when_told(folder: Path) -> None:
    found = find_files([folder], every_kind=True)

    assert "tool.exe" in names(folder, found.files)
    assert found.skipped == 0


def test_takes_a_named_file_of_whatever_kind(folder: Path) -> None:
    found = find_files([folder / "tool.exe", folder / ".hidden.txt"], every_kind=False)

    assert names(folder, found.files) == ["tool.exe", ".hidden.txt"]


def test_takes_a_file_once_that_is_named_twice(folder: Path) -> None:
    found = find_files([folder / "b.pdf", folder], every_kind=False)

    assert names(folder, found.files).count("b.pdf") == 1


def test_does_not_follow_a_link_to_a_folder_above(folder: Path) -> None:
    (folder / "sub" / "loop").symlink_to(folder, target_is_directory=True)

    assert len(find_files([folder], every_kind=False).files) == 4


def test_passes_over_what_is_no_file(folder: Path) -> None:
    (folder / "gone.txt").symlink_to(folder / "nowhere.txt")

    assert "gone.txt" not in names(folder, find_files([folder], every_kind=False).files)
