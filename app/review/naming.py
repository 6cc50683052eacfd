"""Violations in the words of others: a code or a name of the list, whatever its capitals, spaces and dots.

Analysers and people write `КУРЕНИЕ`, `курение.` or `Курение` with a no-break space behind it and mean one row.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from app.extensions import AnySession
from app.models import BasisViolation

BETWEEN = re.compile(r"[\W_]+")


def normalised(text: str) -> str:
    """Return a text without what two people write differently: capitals, ё for е, signs, and widths of spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return BETWEEN.sub(" ", folded).strip()


@dataclass(frozen=True, slots=True)
class Names:
    """The list as it is now: ids by what a violation may be called."""

    ids: dict[str, int]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, str, str, str]]) -> "Names":
        """Return the names of rows (id, code, name, context).

        A code wins over a name. A name that several rows have is none of them, but with the context behind it.
        """
        found = [
            (row_id, normalised(code), normalised(name), normalised(context)) for row_id, code, name, context in rows
        ]
        whole = [(f"{name} {context}".strip(), row_id) for row_id, _, name, context in found]
        ids: dict[str, int] = {}
        for names in (whole, [(name, row_id) for row_id, _, name, _ in found]):
            counts = Counter(name for name, _ in names)
            ids |= {name: row_id for name, row_id in names if counts[name] == 1}
        ids |= {code: row_id for row_id, code, _, _ in found}
        ids.pop("", None)
        return cls(ids)

    @classmethod
    def read(cls, session: AnySession) -> "Names":
        """Read the list, some sixty rows, without those that were taken out of it."""
        columns = (BasisViolation.id, BasisViolation.code, BasisViolation.violations, BasisViolation.context)
        found = select(*columns).where(BasisViolation.removed_us.is_(None)).order_by(BasisViolation.id.desc())
        return cls.of(session.execute(found))

    def find(self, text: str | None) -> int | None:
        """Return the id of the violation that a text names; None where it names none of the list."""
        return None if text is None else self.ids.get(normalised(text))
