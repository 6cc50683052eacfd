"""The names of copies: `<tag made safe>/<begin>-source<id>-<record id>.mp4`, and beside it the same with `.json`."""

import re
import unicodedata
from datetime import UTC, datetime

from app.transfer.addresses import Root

MAX_NAME_BYTES = 200
_UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
# What Windows, and so a share, takes for a device whatever follows the first dot.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


def safe_name(name: str) -> str:
    """Return a tag's name as a folder's name that every kind of target takes."""
    text = "".join(
        "_" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else character
        for character in _UNSAFE.sub("_", unicodedata.normalize("NFC", name))
    )
    text = text.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip(" .")
    return f"{text}_" if not text or _DEVICES.fullmatch(text) else text


def file_name(begin_us: int, source_id: int, record_id: str) -> str:
    """Return the name of a record's copy."""
    begin_utc = datetime.fromtimestamp(begin_us // 1_000_000, UTC)
    return f"{begin_utc:%Y%m%dT%H%M%SZ}-source{source_id}-{record_id}.mp4"


def part_name(name: str) -> str:
    """Return the hidden name that a file has until it is whole and verified."""
    return f".{name}.part"


def description_name(name: str) -> str:
    """Return the name of the description beside a copy."""
    return f"{name.removesuffix('.mp4')}.json"


def copy_location(root: Root, record_id: str) -> str:
    """Return where a record's copy will be at another server of this kind."""
    return root.address(("api", "v1", "copy", record_id, "video")) + "/"
