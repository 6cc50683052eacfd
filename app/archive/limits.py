"""The window of footage that the current request may see: beside it there is nothing, whoever looks.

It is the request's own (a token or a share link with begin and end), set before its view runs and never changed. What
finds footage asks for it here: so no view, no plan and no neighbour of a range can tell of what lies outside.
"""

from flask import has_request_context, request

from app.archive.spans import Stretch

LAST_US = 253_402_300_800_000_000  # the end of the year 9999: nothing is recorded later
KEY = "playback.limits"  # no client can set a key of the environment without HTTP_ in front


def limits() -> Stretch | None:
    """Return the window of the current request; None where all may be seen, as outside of any request."""
    return request.environ.get(KEY) if has_request_context() else None


def set_limits(begin_us: int | None, end_us: int | None) -> None:
    """Bound what the current request may see; None for an end that is open, both for no bound."""
    if begin_us is not None or end_us is not None:
        request.environ[KEY] = Stretch(begin_us or 0, LAST_US if end_us is None else end_us)


def seen(instant_us: int | None) -> int | None:
    """Return an instant that the current request may be told of, None for one outside of its window."""
    window = limits()
    if window is None or instant_us is None:
        return instant_us
    return instant_us if window.begin_us <= instant_us <= window.end_us else None


def seen_part(begin_us: int, end_us: int | None) -> tuple[int, int | None]:
    """Return the part of a stretch that the current request may be told of; an end of None is still to come."""
    window = limits()
    if window is None:
        return begin_us, end_us
    end_us = window.end_us if end_us is None and window.end_us < LAST_US else end_us
    return max(begin_us, window.begin_us), None if end_us is None else min(end_us, window.end_us)
