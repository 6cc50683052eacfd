"""Whether what a request demands of the body holds, in the order of RFC 9110 §13.2.2.

    If-Match, else If-Unmodified-Since        fails -> 412
    If-None-Match, else If-Modified-Since     fails -> 304
    If-Range                                  fails -> the range is ignored

A condition by date is ignored where the date has not the form of §5.6.7 or the body has none.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate

from werkzeug.datastructures import Headers

# RFC 9110 §5.6.7: IMF-fixdate, then the two obsolete forms, of RFC 850 and of asctime.
DATE_FORMS = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
TAG = re.compile(r'(?P<weak>W/)?"(?P<opaque>[\x21\x23-\x7e\x80-\xff]*)"')


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one state of a body from another: a strong tag without its quotes; a time in seconds, or None.

    `is_date_strong` says that the bytes never change without `modified_s` (§8.8.2.2). Those of a film do: a file
    that is lost makes it shorter, and no file newer.
    """

    etag: str
    modified_s: int | None = None
    is_date_strong: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """ETag and Last-Modified, as far as there are such."""
        headers = {"ETag": f'"{self.etag}"'}
        if self.modified_s is not None:
            headers["Last-Modified"] = formatdate(self.modified_s, usegmt=True)
        return headers


def validators(etag: str, modified_us: int | None, now_us: int, *, is_date_strong: bool = False) -> Validators:
    """Return the validators of a body; its time in full seconds, rounded up but never in the future (§8.8.2.1)."""
    if modified_us is None:
        return Validators(etag)
    modified_s = min(-(-modified_us // 1_000_000), now_us // 1_000_000)
    # Within one second a body may change twice: its date is none to join two halves by until that second is over.
    is_settled = now_us - modified_us >= 1_000_000
    return Validators(etag, max(modified_s, 0), is_date_strong and is_settled)


def failed_precondition(headers: Headers, has: Validators) -> str | None:
    """Return the name of the condition for which the request is to be answered with 412, or None."""
    if "If-Match" in headers:
        return None if _names(headers["If-Match"], has.etag, is_weak_enough=False) else "If-Match"
    since_s = parse_date(headers.get("If-Unmodified-Since"))
    if since_s is not None and has.modified_s is not None and has.modified_s > since_s:
        return "If-Unmodified-Since"
    return None


def is_unchanged(headers: Headers, has: Validators) -> bool:
    """Tell whether the client has these bytes already: 304."""
    if "If-None-Match" in headers:
        return _names(headers["If-None-Match"], has.etag, is_weak_enough=True)
    since_s = parse_date(headers.get("If-Modified-Since"))
    return since_s is not None and has.modified_s is not None and has.modified_s <= since_s


def is_same_for_ranges(headers: Headers, has: Validators) -> bool:
    """Tell whether a range may be joined to what the client has: no If-Range, or a strong one that holds (§13.1.5)."""
    condition = headers.get("If-Range")
    if condition is None:
        return True
    tag = TAG.fullmatch(condition.strip())
    if tag:
        return not tag["weak"] and tag["opaque"] == has.etag
    return has.is_date_strong and parse_date(condition) == has.modified_s


def _names(text: str, etag: str, *, is_weak_enough: bool) -> bool:
    """Tell whether a list of entity tags, or `*`, names this one (§8.8.3.2)."""
    if text.strip() == "*":
        return True
    return any(tag["opaque"] == etag and (is_weak_enough or not tag["weak"]) for tag in TAG.finditer(text))


def parse_date(text: str | None) -> int | None:
    """Return an HTTP-date in seconds since the epoch, or None where it is none."""
    for form in DATE_FORMS if text else ():
        with contextlib.suppress(ValueError):
            return int(datetime.strptime((text or "").strip(), form).replace(tzinfo=UTC).timestamp())
    return None
