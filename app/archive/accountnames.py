"""Names of accounts: any script, yet no two that a reader, the log or the database could take for one another."""

import unicodedata

from app.errors import Invalid
from app.models.types import folded_name

MAX_LENGTH = 64
MAX_KEY = 255
ALPHABETS = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"}  # whose letters look like one another's
RESERVED = {"terminal", "retention", "anyone", "network", "share", "token", "system", "recorder", "worker", "me"}
FORBIDDEN = "()<>\"'\\/:;,|`"  # of the names that the log gives to what is no account, and of what quotes names


def checked_name(text: str, loc: tuple[str, ...] = ("body", "name")) -> str:
    """Return a name as it is stored: composed, without spaces around it. Raises Invalid, which says what is wrong."""
    name = unicodedata.normalize("NFC", text.strip())
    problem = _problem(name)
    if problem is not None:
        raise Invalid(problem, loc=loc, kind="account_name")
    return name


def name_key(text: str) -> str | None:
    """Return what is the same for all spellings of a name (UAX #15, NFKC, without case); None for what is no name."""
    name = unicodedata.normalize("NFC", text[: MAX_LENGTH * 4].strip())
    return None if len(text) > MAX_LENGTH * 4 or _problem(name) is not None else folded_name(name)


def _problem(name: str) -> str | None:
    if not 1 <= len(name) <= MAX_LENGTH or len(folded_name(name)) > MAX_KEY:
        return f"a name has 1 to {MAX_LENGTH} characters"
    for letter in name:
        if letter in FORBIDDEN or (letter != " " and unicodedata.category(letter)[0] in "CZ"):
            return f"the character U+{ord(letter):04X} must not be in a name: use letters, digits, . - _ @ and spaces"
    if "  " in name or not any(unicodedata.category(letter)[0] in "LN" for letter in name):
        return "a name has a letter or a digit, and no two spaces together"
    for word in name.split(" "):
        if len(mixed := _alphabets(word)) > 1:
            return f"{word!r} mixes {' and '.join(sorted(mixed))} letters, as names that imitate others do"
    if folded_name(name).split(" ")[0] in RESERVED:
        return f"{name!r} is what the log calls a part of the service: choose another name"
    return None


def _alphabets(word: str) -> set[str]:
    letters = (letter for letter in unicodedata.normalize("NFKC", word) if letter.isalpha())
    return {unicodedata.name(letter, "").split(" ")[0] for letter in letters} & ALPHABETS
