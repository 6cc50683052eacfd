"""The window of footage that the current request may see: beside it there is nothing, whoever looks.

It is the request's own (a token or a share link with begin and end), set before its view runs and never changed. What
finds footage asks for it here: so no view, no plan and no neighbour of a range can tell of what lies outside.
"""

from typing import NamedTuple

from flask import has_request_context, request

from app.archive.spans import Stretch


class Window(NamedTuple):
    """A span of footage that may be seen; what lies at its edges is left out.

    One that `is_wide` holds all that is needed to show each picture of it: pictures before it, as far as a decoder
    wants them, and the rest of a fragment behind it. So the span of an address is as whole as without any bound.
    """

    begin_us: int
    end_us: int
    is_wide: bool = False


LAST_US = 253_402_300_800_000_000  # the end of the year 9999: nothing is recorded later
KEY = "playback.limits"  # no client can set a key of the environment without HTTP_ in front


def windows() -> tuple[Window, ...]:
    """Return the windows that bound the current request, all of them at once; none where all may be seen."""
    found: tuple[Window, ...] = request.environ.get(KEY, ()) if has_request_context() else ()
    return found


def limits() -> Stretch | None:
    """Return what lies in all windows of the current request; None where all may be seen, as outside of any request."""
    found = windows()
    if not found:
        return None
    return Stretch(max(window.begin_us for window in found), min(window.end_us for window in found))


def set_limits(begin_us: int | None, end_us: int | None, *, is_wide: bool = False) -> None:
    """Bound what the current request may see, further than it was; None for an end that is open, both for no bound."""
    if begin_us is not None or end_us is not None:
        window = Window(begin_us or 0, LAST_US if end_us is None else end_us, is_wide)
        request.environ[KEY] = (*windows(), window)


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
