class Rule:
    pattern: str
    replacement: str
    def __init__(self, pattern: str, replacement: str) -> None: ...

class Text(str):
    def apply(self, *rules: Rule) -> str: ...
