"""Plans that were made a moment ago: a player asks for one movie in many byte ranges.

Only what cannot grow any more is kept, and only for seconds: a file that goes missing must become a gap soon.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from flask import current_app

from app.archive.catalogue import catalogue
from app.archive.limits import windows
from app.playback.asked import Asked
from app.playback.footage import Footage
from app.playback.progressive import Movie

KEPT_S = 5.0
SETTLED_US = 60_000_000  # a range that ended longer ago holds no open segment


class Planned(NamedTuple):
    """A plan, what it was made of, and when it is to be forgotten."""

    footage: Footage
    movie: Movie
    until_s: float


_kept: OrderedDict[tuple[object, ...], Planned] = OrderedDict()
_lock = threading.Lock()


def find_plan(source_id: int, asked: Asked) -> Planned | None:
    """Return the plan of the same range, or None."""
    now_s = time.monotonic()
    with _lock:
        for key in [key for key, planned in _kept.items() if planned.until_s < now_s]:
            del _kept[key]
        return _kept.get(_key(source_id, asked))


def keep_plan(source_id: int, asked: Asked, footage: Footage, movie: Movie, now_us: int) -> None:
    """Keep a plan for a moment, unless its range may still grow."""
    if asked.rev is None and asked.end_us > now_us - SETTLED_US:
        return
    with _lock:
        _kept[_key(source_id, asked)] = Planned(footage, movie, time.monotonic() + KEPT_S)
        while len(_kept) > current_app.config["PLAYBACK"].KEPT_PLANS:
            _kept.popitem(last=False)


def forget_plans() -> None:
    """Forget all plans."""
    with _lock:
        _kept.clear()


def on_loss(source_id: int) -> Callable[[], None]:
    """Return what is to be called when a file of a source is lost while it is sent: what was known is worth nothing."""
    kept = catalogue()

    def forget() -> None:
        kept.forget_looks(source_id)
        forget_plans()

    return forget


def _key(source_id: int, asked: Asked) -> tuple[object, ...]:
    return source_id, asked.begin_us, asked.end_us, asked.gaps, asked.rev, asked.run, windows()
