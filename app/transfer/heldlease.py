"""A lease in the hands of the thread that sends: its progress written down now and then, its end in any case."""

import logging
import time

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import writing
from app.models.types import now_us
from app.transfer.leasing import beat, end_lease
from app.transfer.pumping import Gone

log = logging.getLogger(__name__)

BEAT_S = 5.0


class HeldLease:
    """One place among those who download a file. Each call that writes has a transaction of its own."""

    def __init__(self, app: Flask, lease_id: str, file_id: int) -> None:
        """Take over a lease that was begun just now."""
        self._app, self._lease_id, self._file_id = app, lease_id, file_id
        self._sent_bytes, self._moved_us = 0, now_us()
        self._written_s = time.monotonic()
        self._is_over = False

    def tell(self, sent_bytes: int) -> None:
        """Take note of progress. Raises Gone where the lease was ended by others: revoked, or not seen for 60 s."""
        self._sent_bytes, self._moved_us = sent_bytes, now_us()
        if time.monotonic() - self._written_s < BEAT_S:
            return
        self._written_s = time.monotonic()
        try:
            with self._app.app_context(), writing() as session:
                is_ours = beat(session, self._lease_id, self._sent_bytes, self._moved_us)
        except SQLAlchemyError as error:  # the next beat is soon, and the lease counts for 60 s
            log.warning("the progress of a download cannot be written down: %s", type(error).__name__)
            return
        if not is_ours:
            log.info("a download of file %d is cut off: its lease was ended", self._file_id)
            raise Gone("the lease was ended")

    def end(self) -> None:
        """Give the place back. May be called again."""
        if self._is_over:
            return
        self._is_over = True
        try:
            with self._app.app_context(), writing() as session:
                end_lease(session, self._lease_id, self._sent_bytes, self._moved_us, now_us())
        except SQLAlchemyError as error:
            log.warning("a place to download is given back in 60 s only: %s", type(error).__name__)
