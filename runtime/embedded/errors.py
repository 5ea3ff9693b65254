"""The one error of the embedded servers."""


class EmbeddedServerError(Exception):
    """An embedded server cannot run; the message is one sentence a person can act on."""
