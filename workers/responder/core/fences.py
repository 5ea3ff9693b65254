"""Fences: what stands between two of our tags is data, and cannot leave its place."""

import re

#: The tags of our prompts.
_NAMES = "passages?|conversation|question|notes"
#: What may stand between `<` and a name without a reader noticing it.
_UNSEEN = r"\s/\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
#: `<` where it would begin or end a fence: text may say it, the fence alone may mean it.
_TAG = re.compile(rf"<(?=[{_UNSEEN}]*(?:{_NAMES})\b)", re.IGNORECASE)
_ESCAPED = "&lt;"


def escape(text: str) -> str:
    """Return ``text`` with every tag of a fence in it made into text; all else is as it was."""
    return _TAG.sub(_ESCAPED, text)


def fenced(name: str, text: str) -> str:
    """Return ``text`` as the data between the tags of this name."""
    return f"<{name}>\n{escape(text)}\n</{name}>"
