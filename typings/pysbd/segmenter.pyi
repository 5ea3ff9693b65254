from pysbd.processor import Processor

class Segmenter:
    def __init__(
        self,
        language: str = ...,
        clean: bool = ...,
        doc_type: str | None = ...,
        char_span: bool = ...,
    ) -> None: ...
    def processor(self, text: str) -> Processor: ...
    def segment(self, text: str) -> list[str]: ...
