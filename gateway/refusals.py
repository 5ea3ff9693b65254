"""What the gateway refuses, and says so: one error a reason, with a sentence a person can act on.

Rejected
├── NotAuthenticated     401  no token or key
├── InvalidToken         401  forged, for somebody else, or not understood
├── TokenExpired         401  was good once
├── BadCredentials       401  e-mail and password do not fit
├── Forbidden            403  known, but not allowed
├── RegistrationClosed   403
├── NotFound             404  also for what belongs to another tenant
├── UploadStalled        408
├── UploadTooLarge       413
├── MessageTooLong       413
├── ExpectedForm         415
├── MalformedForm        400
├── InvalidRequest       422  names the field
│   ├── MissingFile
│   ├── EmptyFile
│   └── InvalidFilename
├── IdempotencyKeyReused 422
├── DeadLetterSettled    409
├── DeadLetterObsolete   409
├── RedrivenTooOften     409
├── GenerationConflict   409  not in the state that this needs
├── ReplayConflict       409  something else is in its way
├── DocumentBusy         409
├── RateLimited          429  with Retry-After
├── AnswerPending        504  says where the answer will be
└── ClientGone           499  nobody is there to read an answer
"""

from contracts.errors import Rejected


class NotAuthenticated(Rejected):
    """Send a token or an API key: `Authorization: Bearer …`."""

    code = "not_authenticated"


class InvalidToken(Rejected):
    """The token or API key is not valid; log in again."""

    code = "invalid_token"


class TokenExpired(Rejected):
    """The token has expired; refresh it or log in again."""

    code = "token_expired"


class BadCredentials(Rejected):
    """E-mail and password do not belong together."""

    code = "bad_credentials"


class Forbidden(Rejected):
    """Your role does not allow this; ask an admin of your tenant."""

    code = "forbidden"


class RegistrationClosed(Rejected):
    """Registration is closed here; ask an admin to add you."""

    code = "registration_closed"


class NotFound(Rejected):
    """There is no such thing here."""

    code = "not_found"


class UploadStalled(Rejected):
    """The upload stopped sending; send the file again."""

    code = "upload_stalled"


class UploadTooLarge(Rejected):
    """The file is larger than this server accepts; split it and upload the parts."""

    code = "upload_too_large"


class MessageTooLong(Rejected):
    """The question is longer than this server accepts; shorten it."""

    code = "message_too_long"


class ExpectedForm(Rejected):
    """Send the file as multipart/form-data, in a field named `file`."""

    code = "expected_form"


class MalformedForm(Rejected):
    """The form data is damaged or was cut off; send it again."""

    code = "malformed_form"


class InvalidRequest(Rejected):
    """A value of the request is wrong."""

    code = "invalid_request"

    def __init__(self, message: str | None = None, *, field: str) -> None:
        super().__init__(message)
        #: Name of the wrong field, parameter or header.
        self.field = field


class MissingFile(InvalidRequest):
    """There is no file in the form; send it in a field named `file`."""

    code = "missing_file"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, field="file")


class EmptyFile(InvalidRequest):
    """The file is empty."""

    code = "empty_file"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, field="file")


class InvalidFilename(InvalidRequest):
    """The file needs a name of letters or digits, such as `report.pdf`."""

    code = "invalid_filename"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, field="file")


class IdempotencyKeyReused(Rejected):
    """This Idempotency-Key was used for another request; take a new one."""

    code = "idempotency_key_reused"


class DeadLetterSettled(Rejected):
    """This dead letter was redriven or discarded already."""

    code = "dead_letter_settled"


class DeadLetterObsolete(Rejected):
    """Its document was deleted or uploaded again since; discard it."""

    code = "dead_letter_obsolete"


class GenerationConflict(Rejected):
    """The generation is not in a state in which this can be done."""

    code = "generation_conflict"


class DocumentBusy(Rejected):
    """The document is being processed; wait until its job has ended."""

    code = "document_busy"


class ReplayConflict(Rejected):
    """Something is in the way of this replay."""

    code = "replay_conflict"


class RedrivenTooOften(Rejected):
    """It failed again after three redrives; look at its reason, or force it."""

    code = "redriven_too_often"


class RateLimited(Rejected):
    """Too many requests; wait and try again."""

    code = "rate_limited"

    def __init__(self, message: str | None = None, *, retry_after: float) -> None:
        super().__init__(message)
        #: Seconds until the next request is accepted.
        self.retry_after = retry_after


class AnswerPending(Rejected):
    """The answer takes longer than a request waits; read it later."""

    code = "answer_pending"


class ClientGone(Rejected):
    """The client left before its request was complete."""

    code = "client_gone"
