"""pysbd, imported in one place.

Its sources hold escapes that Python warns about whenever it compiles them, and where warnings are
errors that would end the import.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pysbd import Segmenter
    from pysbd.abbreviation_replacer import AbbreviationReplacer
    from pysbd.exclamation_words import ExclamationWords
    from pysbd.lang.english import English
    from pysbd.lists_item_replacer import ListItemReplacer
    from pysbd.processor import Processor
    from pysbd.utils import Rule, Text

__all__ = [
    "AbbreviationReplacer",
    "English",
    "ExclamationWords",
    "ListItemReplacer",
    "Processor",
    "Rule",
    "Segmenter",
    "Text",
]
