"""The one error of the embedded servers."""


class EmbeddedServerError(Exception):
    """An embedded server cannot start or stay up; the message is one sentence a person can act on."""
