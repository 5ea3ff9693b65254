"""What every question passes, be it searched for or answered."""

from collections.abc import Sequence

from contracts.ids import DocumentId
from gateway.refusals import InvalidRequest, MessageTooLong, NotFound
from runtime.settings import Settings
from store import Transaction


def checked_question(text: str, settings: Settings, *, field: str) -> str:
    """Return the question; ``MessageTooLong`` or ``InvalidRequest`` when it is none."""
    if len(text.encode("utf-8", "surrogatepass")) > settings.max_message_bytes:
        raise MessageTooLong(
            f"The question is longer than {settings.max_message_bytes:,} bytes; shorten it, or "
            "upload the text as a document."
        )
    if not text.strip():
        raise InvalidRequest("The question is empty.", field=field)
    # PostgreSQL cannot store the one, UTF-8 not the other.
    if "\x00" in text or (not text.isascii() and _has_surrogate(text)):
        raise InvalidRequest("The question has characters that are not text.", field=field)
    return text


async def require_documents(tx: Transaction, document_ids: Sequence[DocumentId]) -> None:
    """Raise ``NotFound`` unless the tenant has all of these documents."""
    for document_id in document_ids:
        if await tx.documents.get(document_id) is None:
            raise NotFound(f"There is no document {document_id}.")


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
