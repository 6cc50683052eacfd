"""Lists in pages: each page begins behind the last row of the one before, found by its sort key (keyset paging).

Unlike a page found by counting rows, it costs the same wherever it is, and neither repeats nor leaves out a row when
others are added meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, asc, desc, tuple_
from sqlalchemy.orm import InstrumentedAttribute

AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Order:
    """Columns to sort by, from the most to the least important: never null, and together unique."""

    columns: tuple[InstrumentedAttribute[Any], ...]
    is_descending: bool = False

    def key(self, row: Any) -> list[Any]:
        """Return the sort key of a row."""
        return [getattr(row, column.key) for column in self.columns]


@dataclass(frozen=True, slots=True)
class Page:
    """What is wanted of a list: its order, at most so many rows (None: all), and those behind this sort key."""

    order: Order
    limit: int | None = None
    after: Sequence[Any] | None = None

    def of(self, query: AnySelect) -> AnySelect:
        """Return the query in order; with one row more than the limit, which tells whether there is a next page."""
        columns = self.order.columns
        if self.after is not None:
            key, bound = tuple_(*columns), tuple_(*self.after)
            query = query.where(key < bound if self.order.is_descending else key > bound)
        query = query.order_by(*((desc if self.order.is_descending else asc)(column) for column in columns))
        return query if self.limit is None else query.limit(self.limit + 1)
