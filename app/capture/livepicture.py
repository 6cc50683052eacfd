"""Pictures of a camera's picture address for viewers: fetched as often as they want them, and no more often."""

import threading
import time
from collections.abc import Generator

from app.archive.shots import LEAST_DELAY_S, Shot, Wish
from app.capture.networks import Networks
from app.capture.picture import Picture, PictureAddress, PictureClient, PictureRefused
from app.errors import CameraSilent

READ_TIMEOUT_S = 3.0
PATIENCE_S = 3.0  # a camera that refuses pictures for so long has failed


def picture_shots(
    policy: Networks, address: PictureAddress, wish: Wish, limit_s: float
) -> Generator[Shot | None, None, None]:
    """Yield the camera's pictures as JPEG; None for one that is the same as before.

    Raises CameraSilent where the first has not come within limit_s, or none has for PATIENCE_S.
    """
    client = PictureClient(policy, address, READ_TIMEOUT_S)
    try:
        begun_s = time.monotonic()
        last = _first(client, limit_s)
        yield last.jpeg, last.taken_us
        came_s = time.monotonic()
        while _slept_until_due(wish, begun_s):
            begun_s = time.monotonic()
            try:
                fresh = client.fetch()
            except PictureRefused as error:
                if time.monotonic() - came_s > PATIENCE_S:
                    raise error.verdict.silence() from None
                wish.wait(0.2)
                continue
            came_s = time.monotonic()
            yield None if fresh.jpeg == last.jpeg else (fresh.jpeg, fresh.taken_us)
            last = fresh
    finally:
        client.close()


def _slept_until_due(wish: Wish, begun_s: float) -> bool:
    """Sleep until the next picture is wanted; tell whether it is."""
    while not wish.is_over:
        left_s = begun_s + max(wish.delay_s, LEAST_DELAY_S) - time.monotonic()
        if left_s <= 0:
            return True
        wish.wait(min(left_s, 1.0))
    return False


def _first(client: PictureClient, limit_s: float) -> Picture:
    """Fetch a picture in a thread of its own: only so can a limit be kept, whatever the camera does meanwhile."""
    found: list[Picture | PictureRefused] = []

    def fetch() -> None:
        try:
            found.append(client.fetch())
        except PictureRefused as error:
            found.append(error)

    thread = threading.Thread(target=fetch, name="first-picture", daemon=True)
    thread.start()
    thread.join(max(limit_s, 0.1))
    if not found:
        message = "the camera's picture address does not answer in time: check address and network"
        raise CameraSilent(message, reason="no_answer")
    if isinstance(found[0], PictureRefused):
        raise found[0].verdict.silence()
    return found[0]
