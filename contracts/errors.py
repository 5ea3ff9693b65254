"""Everything that can go wrong with an event or a request, as one tree.

    RaglineError
    ├── Retryable                  try again later; nothing is wrong with the input
    │   ├── ProviderBusy           429 of a provider; carries retry_after (seconds)
    │   ├── ProviderUnavailable    a provider is down, slow or broke off
    │   ├── StoreUnavailable       PostgreSQL cannot be reached
    │   ├── BlobsUnavailable       the blob store cannot be reached
    │   └── BrokerUnavailable      Kafka cannot be reached
    └── Rejected                   trying again cannot help
        ├── UndecodableEvent       a record that is no event of ours (poison)
        ├── UnreadableDocument     corrupt, or not what it says it is
        ├── EncryptedDocument      needs a password
        ├── EmptyDocument          no text in it
        ├── DocumentTooLarge       over a limit of size, pages or expansion
        ├── ParsingTimedOut        parsing took longer than its limit
        ├── UnsupportedMediaType   no parser for this kind of file
        ├── MissingBlob            the stored file is gone
        ├── ProviderRefused        a provider refused the request (4xx, content policy)
        ├── ProviderUnauthorized   a provider does not accept the key
        ├── AnswerFailed           the model did not give a whole answer
        ├── ModelRequired          the agent needs a chat model, and none is configured
        ├── DocumentNotReady       a document that is to be read is not indexed
        ├── AgentLimitReached      an agent used all steps, tokens or time that it may
        ├── EventTooLarge          Kafka takes no record of this size
        ├── Stalled                nothing moved it any more, and trying again did not help
        └── Misconfigured          a setting is wrong or missing

Only ``runtime.delivery`` and ``gateway.errors`` judge these; anything else raised is a bug.
"""

from typing import ClassVar


class RaglineError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])

    @property
    def message(self) -> str:
        """The sentence for a person: what happened and what to do."""
        return str(self)


class Retryable(RaglineError):
    """It did not work this time; the same event may be tried again."""

    code = "temporarily_unavailable"

    def __init__(self, message: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        #: Seconds the other side asked to wait, where it did.
        self.retry_after = retry_after


class ProviderBusy(Retryable):
    """The provider is limiting our requests; the work waits and goes on by itself."""

    code = "provider_busy"


class ProviderUnavailable(Retryable):
    """The provider cannot be reached or broke off; the work waits and goes on by itself."""

    code = "provider_unavailable"


class StoreUnavailable(Retryable):
    """The database cannot be reached; try again in a moment."""

    code = "store_unavailable"


class BlobsUnavailable(Retryable):
    """The blob store cannot be reached; try again in a moment."""

    code = "blobs_unavailable"


class BrokerUnavailable(Retryable):
    """Kafka cannot be reached; what was accepted is kept and published later."""

    code = "broker_unavailable"


class Rejected(RaglineError):
    """It cannot work, however often it is tried."""

    code = "rejected"


class UndecodableEvent(Rejected):
    """The record is not an event that this version understands."""

    code = "undecodable_event"


class UnreadableDocument(Rejected):
    """The file is damaged or not what its name says; upload an intact copy."""

    code = "unreadable_document"


class EncryptedDocument(Rejected):
    """The file is protected by a password; remove the protection and upload it again."""

    code = "encrypted_document"


class EmptyDocument(Rejected):
    """The file has no text; if it is a scan, run OCR on it and upload the result."""

    code = "empty_document"


class DocumentTooLarge(Rejected):
    """The file is larger than a limit allows; split it and upload the parts."""

    code = "document_too_large"


class ParsingTimedOut(Rejected):
    """Parsing the file took longer than its limit; split the file and upload the parts."""

    code = "parsing_timed_out"


class UnsupportedMediaType(Rejected):
    """Files of this kind cannot be parsed; upload PDF, Office, HTML, Markdown, CSV or text."""

    code = "unsupported_media_type"


class MissingBlob(Rejected):
    """The stored file is gone; upload it again."""

    code = "missing_blob"


class ProviderRefused(Rejected):
    """The provider refused the request; its reason is in the message."""

    code = "provider_refused"


class ProviderUnauthorized(Rejected):
    """The provider does not accept the configured API key; correct it and upload or ask again."""

    code = "provider_unauthorized"


class AnswerFailed(Rejected):
    """The model did not give a whole answer; ask again."""

    code = "answer_failed"


class ModelRequired(Rejected):
    """This needs a chat model, and none is configured; set a provider's key, or ask `answer`."""

    code = "model_required"


class DocumentNotReady(Rejected):
    """The document is not indexed yet; ask again when its job has ended well."""

    code = "document_not_ready"


class AgentLimitReached(Rejected):
    """The agent used all the steps, tokens or time that it may; ask for less."""

    code = "agent_limit_reached"


class EventTooLarge(Rejected):
    """Kafka takes no record this large; send less metadata, or have its limit raised."""

    code = "event_too_large"


class Stalled(Rejected):
    """The work stopped, and nothing that is known says why; upload the file or ask again."""

    code = "stalled"


class Misconfigured(Rejected):
    """A setting is wrong or missing."""

    code = "misconfigured"
