"""How a command fails: each failure is one sentence that says what to do.

CommandFailed
├── ApiProblem    the API answered with an error
├── Unreachable   nothing answers at the address
└── BrokenOff     the connection broke after it was made

``cli.running`` turns each into one line and exit status 1.
"""


class CommandFailed(Exception):
    """A command cannot go on; the message is for a person."""


class ApiProblem(CommandFailed):
    """The API refused; ``code`` is the stable code of its answer."""

    def __init__(
        self, detail: str, *, status: int, code: str, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        #: Seconds that the API asks to wait, where it does.
        self.retry_after = retry_after


class Unreachable(CommandFailed):
    """Nothing answers at the address."""


class BrokenOff(CommandFailed):
    """The connection broke while a request or its answer was on the way."""
