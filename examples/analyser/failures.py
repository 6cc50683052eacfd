"""What can go wrong.

    AnalyserError
    ├── CannotAnalyse     the file: it is told to the server as the result's `error`
    └── NoResult          no result could be fetched, made or posted: the file stays as it is
        ├── ServerAway    the server does not answer, or answers with a fault of its own: it may be tried again
        ├── Refused       the server says no: a wrong id, a wrong token
        └── KeyIsOver     the address opens nothing any more: there may be a newer one

A message never holds a token nor a download key.
"""


class AnalyserError(Exception):
    """The common parent; the message is one line."""


class CannotAnalyse(AnalyserError):
    """The file cannot be analysed."""


class NoResult(AnalyserError):
    """There is no result, and the file is not the reason."""


class ServerAway(NoResult):
    """The server cannot be reached or has a fault; `after_s` is how long it asks to be left alone."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Refused(NoResult):
    """The server says no, and would say so again."""


class KeyIsOver(NoResult):
    """The download key was rotated out, has run out or was revoked."""
