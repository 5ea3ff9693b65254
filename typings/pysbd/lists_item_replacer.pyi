from pysbd.utils import Rule

class ListItemReplacer:
    ROMAN_NUMERALS: list[str]
    LATIN_NUMERALS: list[str]
    SpaceBetweenListItemsFirstRule: Rule
    SpaceBetweenListItemsSecondRule: Rule
    SpaceBetweenListItemsThirdRule: Rule
    def __init__(self, text: str) -> None: ...
    def replace_parens(self) -> str: ...
