"""A caller who may see a span of footage only: a token or a share link with `begin_us` and `end_us` (caller.py).

How it is kept, for tokens and share links alike:

    check_rule   refuses what has no row with `has_window`, and calls `bound_window`: from then on whoever looks for
                 footage finds that of the window alone (app/archive/limits.py), whatever a view does
    the view     says what it shows: `check_window(begin_us, end_us)`, `check_instant(at_us)`, or `check_timeless()`;
                 what is not wholly within is 403 and names the window
    afterwards   `refuse_unchecked`: an answer of a view that has said nothing does not go out
"""

import json

from flask import Response, request

from app.access.caller import Caller
from app.archive.limits import LAST_US, Window, limits, set_limits, windows
from app.archive.spans import Stretch
from app.errors import Forbidden, Loc
from app.instants import utc_text

CHECKED = "playback.window_checked"


def bound_window(caller: Caller) -> None:
    """Bound what the current request may see to the caller's window and span of footage; all for who has none."""
    set_limits(caller.begin_us, caller.end_us)
    if caller.span is not None:
        set_limits(*caller.span, is_wide=True)


def check_window(begin_us: int, end_us: int, loc: Loc = ("query", "start")) -> None:
    """Raise Forbidden unless [begin_us, end_us) lies within what the caller may see."""
    request.environ[CHECKED] = True
    window = limits()
    if window is None or (window.begin_us <= begin_us and end_us <= window.end_us):
        return
    raise Forbidden(f"you may see footage {_words(window)} only: ask for a range within it", loc=loc, kind="window")


def check_instant(at_us: int, loc: Loc = ("query", "at")) -> None:
    """Raise Forbidden for an instant that the caller may not see."""
    check_window(at_us, at_us + 1, loc)


def check_file(start_us: int, loc: Loc) -> None:
    """Raise Forbidden for a file that begins where the caller may not see anything.

    One at the begin of a span begins with the key frame before it: what it has there is cut when it is looked for.
    """
    request.environ[CHECKED] = True
    for window in windows():
        if not window.is_wide and not window.begin_us <= start_us < window.end_us:
            raise Forbidden(f"you may see footage {_words(window)} only", loc=loc, kind="window")


def check_timeless() -> None:
    """Say that the answer tells of no instant, and shows nothing that was recorded."""
    request.environ[CHECKED] = True


def refuse_unchecked(response: Response) -> Response:
    """Hold back the answer of a view that has not said what it shows, where the caller may see a span only."""
    window = limits()
    if window is None or response.status_code >= 400 or request.environ.get(CHECKED):
        return response
    response.close()
    error = Forbidden(f"you may see footage {_words(window)} only, and this is not bounded by it", kind="window")
    return Response(json.dumps({"detail": error.detail}) + "\n", 403, content_type="application/json")


def _words(window: Stretch | Window) -> str:
    """Return `from ... to ...`."""
    end = "on" if window.end_us >= LAST_US else f"to {utc_text(window.end_us)}"
    return f"from {utc_text(window.begin_us)} {end}"
