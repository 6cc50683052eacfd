"""Names of files as people send them, cleaned: text to be shown, never a part of a path."""

import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from urllib.parse import quote

LONGEST, LONGEST_ENDING = 255, 16
UNNAMED = "upload"
LONGEST_BYTES = 200  # most file systems take 255, of which browsers want some for a number
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
FORBIDDEN = re.compile(r'[<>:"/\\|?*%]')
DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|(?:COM|LPT)[0-9¹²³])\s*(?:\.|$)", re.IGNORECASE)
ENCODED_WORD = re.compile(r"=\?[^?\s]{1,40}\?[BbQq]\?[^?]*\?=")
TURNING = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")  # they hide an ending


def clean_name(given: str | None) -> str:
    """Return what is shown of a name: without folders, control characters and what turns text; UNNAMED for nothing.

    A name that is too long keeps its ending.
    """
    text = _decoded_words(given or "").replace("\\", "/").rpartition("/")[2]
    text = "".join(
        character for character in text if unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp", "Cn")
        and character not in TURNING
    )  # fmt: skip
    text = text.strip()
    if text in ("", ".", ".."):
        return UNNAMED
    if len(text) <= LONGEST:
        return text
    stem, dot, ending = text.rpartition(".")
    if not dot or not stem or len(ending) > LONGEST_ENDING:
        return text[:LONGEST]
    return f"{stem[: LONGEST - len(ending) - 1]}.{ending}"


def download_name(wished: str, ending: str) -> str | None:
    """Return what a downloaded file is called: a name that any system takes, with this ending; None for nothing.

    Windows takes no device's name, none of FORBIDDEN, and neither a dot nor a blank at the end; elsewhere a dot in
    front hides a file. Characters without a shape may turn a name around, or hide a part of it.
    """
    text = "".join(letter for letter in wished if unicodedata.category(letter) not in UNSEEN)
    text = FORBIDDEN.sub("_", " ".join(text.split())).removesuffix(ending).strip(" .")
    text = text.encode("utf-8", "replace")[:LONGEST_BYTES].decode("utf-8", "ignore").rstrip(" .")
    if not text:
        return None
    return f"{'_' if DEVICE.match(text) else ''}{text}{ending}"


def attachment(name: str) -> str:
    """Return the header Content-Disposition of a file of any name (RFC 6266 §4, RFC 8187 §3.2)."""
    return f"attachment; {_named(name)}"


def inline(name: str) -> str:
    """Return the header Content-Disposition of what a browser may show, and what it is called when it is saved."""
    return f"inline; {_named(name)}"


def _named(name: str) -> str:
    name = name.replace("\\", "/").rpartition("/")[2] or "file"
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"%' else "_" for letter in name)
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def _decoded_words(text: str) -> str:
    """Return a name with its encoded words read (RFC 2047 §2), which some programs put where RFC 7578 has UTF-8."""
    if ENCODED_WORD.search(text) is None:
        return text
    try:
        pieces = decode_header(text)
        return "".join(
            piece.decode(charset or "ascii", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in pieces
        )
    except (HeaderParseError, LookupError, ValueError):
        return text
