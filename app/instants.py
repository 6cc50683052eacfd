"""Instants as text. Apart from what views share, so that a process that answers nobody loads no pydantic for it."""

from datetime import UTC, datetime, timedelta

EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)


def utc_text(instant_us: int | None) -> str | None:
    """Return an instant as `2026-11-20T22:44:05.123456Z`, always with six decimals; None for None."""
    if instant_us is None:
        return None
    instant_utc = EPOCH_UTC + timedelta(microseconds=instant_us)
    return instant_utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
