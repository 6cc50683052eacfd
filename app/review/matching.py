"""Which violation of the base list a text means: the name of one, or its code."""

from collections.abc import Iterable

from sqlalchemy import select

from app.extensions import AnySession
from app.models import BasisViolation


class Matcher:
    """The base list as it is now; spaces (of any kind) and capitals do not tell names apart."""

    def __init__(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """`rows` are id, code and name of each violation."""
        self._by_code: dict[str, int] = {}
        self._by_name: dict[str, int | None] = {}
        for violation_id, code, name in rows:
            self._by_code[plain(code)] = violation_id
            known = self._by_name.setdefault(plain(name), violation_id)
            if known != violation_id:
                self._by_name[plain(name)] = None  # two are called so: which is meant nobody knows

    def find(self, text: str) -> int | None:
        """Return the id of the violation with this code or, where only one is called so, with this name."""
        words = plain(text)
        return self._by_code.get(words) or self._by_name.get(words)


def matcher(session: AnySession) -> Matcher:
    """Return what finds violations of the base list by what they are called."""
    rows = session.execute(select(BasisViolation.id, BasisViolation.code, BasisViolation.violations))
    return Matcher(row._tuple() for row in rows)


def plain(text: str) -> str:
    """Return a name without what does not tell it from others."""
    return " ".join(text.split()).casefold()
