"""What the pages name is there, and every page can be reached."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, named, spans

#: Folders of the repository whose files pages speak of.
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
_PATH = re.compile(r"[\w-][\w.-]*(/[\w.{},*-]+)*/?")
_SOURCE = re.compile(r".+/.+\.(py|sql|md|toml|svg|json|lock)")


def _is_path(span: str) -> bool:
    """Tell whether a code span names a file or folder of this repository."""
    if not _PATH.fullmatch(span) or "/" not in span:
        return False
    return span.split("/", maxsplit=1)[0] in FOLDERS or bool(_SOURCE.fullmatch(span))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    missing = [
        span
        for span in spans(page)
        if _is_path(span) and not (ROOT / span).exists() and not any(ROOT.glob(span))
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [link for link in links(page) if not _resolves(page, link)]
    assert broken == []


def _resolves(page: Path, link: str) -> bool:
    if "://" in link:
        return link.startswith("https://")
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or anchor in anchors(target)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        waiting += [path for path in targets if path.suffix == ".md" and path not in reached]
    assert sorted(map(named, set(PAGES) - reached)) == []


@pytest.mark.parametrize("table", ["Follow one upload", "Follow one question"])
def test_the_walkthroughs_name_a_place_for_every_step(table: str) -> None:
    section = (ROOT / "README.md").read_text().split(f"### {table}")[1].split("\n#")[0]
    steps = [line.split("|") for line in section.splitlines() if re.match(r"\| \d", line)]
    assert [int(step[1]) for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) >= 6
    for step in steps:
        paths = re.findall(r"`([^`]+)`", step[3])
        assert paths
        assert all((ROOT / path).is_file() for path in paths), step


@pytest.mark.parametrize(
    ("span", "is_path"),
    [
        ("gateway/app.py", True),
        ("gatway/app.py", True),
        ("workers/", True),
        (".ragline/logs", False),
        ("ragline up", False),
        ("/api/v2/upload", False),
        ("rank/similarity", False),
    ],
)
def test_a_path_is_told_from_other_code(span: str, *, is_path: bool) -> None:
    assert _is_path(span) is is_path


@pytest.mark.parametrize(
    "link", ["nowhere.md", "docs/README.md#nowhere", "../outside.md", "http://example.org"]
)
def test_a_link_that_leads_nowhere_is_noticed(link: str) -> None:
    assert not _resolves(ROOT / "README.md", link)
