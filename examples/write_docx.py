#!/usr/bin/env python3
"""Writes ``night-kitchen.docx``; the same text always gives the same bytes."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

#: Paragraphs apart by a blank line; a heading begins with ``#``.
TEXT = """\
# The Night Kitchen of Tarnfell Observatory

The night kitchen feeds observers from sunset to sunrise. It has run since 1971 and has never
closed on a clear night. The cook is paid from the kitchen box, into which every observer puts 6
crowns for a meal.

# What is cooked

Barley soup is served at 23:30 and pancakes at 04:00. On nights below minus ten degrees there is
also plum broth, from a recipe that Ilse Varga brought from Transylvania. Coffee ends at two
o'clock, because shaking hands ruin exposures; after that there is rose-hip tea.

# Rules of the kitchen

The stove burns nothing: it is heated by induction, because open flames are forbidden on the site.
The kitchen window has a blackout curtain of green felt, and whoever opens it says 'light' aloud
first. Cups hang on numbered hooks, one hook for each member.

Leftovers go to the warden's pigs at Gill Bridge. Fish may not be fried here since the evening of
the herring in 1999, when its smell stayed in the spectrograph room for a month.

# Stores

The storeroom holds food for twelve people for nine days, in case the fell is snowed in. The
longest such stay so far was six days, in February 2010. Stocks are counted on the last Sunday of
each month by Marta Oyelaran, who is the kitchen keeper until 2027.
"""

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_KIND = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_NEVER = (2024, 1, 1, 0, 0, 0)


def write(target: Path) -> None:
    """Write the document."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in _entries().items():
            entry = zipfile.ZipInfo(name, date_time=_NEVER)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _XML + content)


def _entries() -> dict[str, str]:
    body = "".join(_paragraph(" ".join(text.split())) for text in TEXT.split("\n\n"))
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_KIND}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
        "</Relationships>",
        "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
    }


def _paragraph(text: str) -> str:
    is_heading = text.startswith("# ")
    look = "<w:rPr><w:b/><w:sz w:val='32'/></w:rPr>" if is_heading else ""
    words = escape(text.removeprefix("# "))
    return f'<w:p><w:r>{look}<w:t xml:space="preserve">{words}</w:t></w:r></w:p>'


if __name__ == "__main__":
    write(Path(__file__).parent / "documents" / "night-kitchen.docx")
