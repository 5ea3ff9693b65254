from typing import Any

from pypdfium2 import PdfTextPage

FPDF_ERR_PASSWORD: int
FPDF_ERR_SECURITY: int

def FPDFText_GetUnicode(text_page: PdfTextPage, index: int) -> int: ...
def FPDFText_GetCharOrigin(text_page: PdfTextPage, index: int, x: Any, y: Any) -> int: ...
