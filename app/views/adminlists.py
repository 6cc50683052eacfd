"""What the lists of the administration pages share: reading rows, in order and by words, and saying what was refused.

Flask-Admin knows databases of its own accord (`contrib.sqla`); this does not use it. Its sessions would stay open while
a page is written, begin writing in the middle of a reading transaction, and change rows past the functions that check,
audit and wake. Here rows are read within one context of the main app and become plain values.
"""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

from flask import Flask, flash
from flask_admin.form import BaseForm
from flask_admin.model import BaseModelView
from sqlalchemy import String, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute
from wtforms import Field
from wtforms.csrf.core import CSRF

from app.access import csrf
from app.access.finding import find_caller
from app.archive.paging import AnySelect
from app.auth import actor
from app.errors import PlaybackError
from app.extensions import AnySession, db, writing
from app.personalulti import CONTROLS, MAX_ID
from app.views.adminasking import Refused, ask

LAST_PAGE = 100_000
NUMBER = re.compile(r"[0-9]{1,10}")
T = TypeVar("T")


class FormToken(CSRF):
    """The token of all our forms; it was checked before a form is looked at (app/access/csrf.py)."""

    def generate_csrf_token(self, csrf_token_field: Field) -> str:
        """Return the token of this browser."""
        return csrf.token()

    def validate_csrf_token(self, form: Any, field: Field) -> None:
        """Take it: without the right one the request has not come here."""


class CheckedForm(BaseForm):
    """A form with the token."""

    class Meta(BaseForm.Meta):
        """How the token is made."""

        csrf = True
        csrf_class = FormToken


class ListView(BaseModelView):
    """A list of rows; read-only unless a kind says what it can do and how."""

    # What a kind says: its table, the word in its address, its columns, and those that words are looked for in.
    table: ClassVar[type[Any]]
    word: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    searched: ClassVar[tuple[str, ...]] = ()

    form_base_class = CheckedForm
    page_size = 50
    can_set_page_size = True
    can_view_details = True
    can_create = can_edit = can_delete = False

    def __init__(self, main: Flask, place: str) -> None:
        self._main = main
        super().__init__(self.table, self.title, endpoint=f"{place}_{self.word}", url=f"/{place}/{self.word}")

    # What a kind may say otherwise.

    def select_rows(self) -> AnySelect:
        """Return the query of all rows that the list shows."""
        return select(self.table)

    def shown(self, session: AnySession, row: Any) -> dict[str, Any]:
        """Return what is shown of a row, by column; never a secret."""
        raise NotImplementedError

    def create(self, values: dict[str, Any]) -> None:
        """Make a row of the form's values. Raises PlaybackError, Refused."""
        raise NotImplementedError

    def change(self, row_id: Any, values: dict[str, Any]) -> None:
        """Change a row. Raises PlaybackError, Refused."""
        raise NotImplementedError

    def remove(self, row_id: Any) -> None:
        """Delete a row. Raises PlaybackError, Refused."""
        raise NotImplementedError

    # What kinds use.

    def within(self, work: Callable[[AnySession], T]) -> T:
        """Return what `work` reads; its transaction ends with it."""
        with self._main.app_context():
            return work(db.session)

    def write(self, work: Callable[[AnySession, str], object]) -> None:
        """Do `work` in a write transaction, with the name of whose act it is."""
        with self._main.app_context():
            who = actor()
            with writing() as session:
                work(session, who)

    def ask(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        """Ask the API. Raises Refused."""
        return ask(self._main, method, path, values)

    # What Flask-Admin asks for.

    def is_accessible(self) -> bool:
        """Tell whether the caller may come in: as everywhere, and asked here once more."""
        with self._main.app_context():
            found = find_caller()
            return found is not None and found.has_role("admin")

    def get_pk_value(self, model: Any) -> Any:
        """Return the id of a row."""
        return model.id

    def scaffold_list_columns(self) -> list[str]:
        """Return the columns that the kind says: those of the details, too, where it says none for them."""
        return list(self.column_list or ())

    def scaffold_sortable_columns(self) -> dict[str, str]:
        """Return the columns of the table among those shown."""
        return {name: name for name in self.column_list or () if self._column(name) is not None}

    def init_search(self) -> bool:
        """Tell whether words can be looked for."""
        return bool(self.searched)

    def search_placeholder(self) -> str:
        """Return where words are looked for."""
        return ", ".join(self.searched)

    def scaffold_filters(self, name: Any) -> None:
        """Offer none."""

    def is_valid_filter(self, filter: Any) -> bool:
        """Take none."""
        return False

    def scaffold_form(self) -> type[Any]:
        """Return a form without fields, of lists that are not edited."""
        return CheckedForm

    def scaffold_list_form(self, widget: Any = None, validators: Any = None) -> type[Any]:
        """Return the same: rows are not edited within the list."""
        return CheckedForm

    def get_list(
        self, page: int | None, sort_field: Any, sort_desc: Any, search: str | None, filters: Any, page_size: Any = None
    ) -> tuple[int, list[Any]]:
        """Return how many rows there are, and those of a page."""
        size = page_size or self.page_size
        first = min(max(page or 0, 0), LAST_PAGE) * size
        query = self._found(self.select_rows(), search)
        ordered = self._ordered(query, sort_field, is_descending=bool(sort_desc)).limit(size).offset(first)

        def read(session: AnySession) -> tuple[int, list[Any]]:
            count = session.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
            return count or 0, [self._plain(session, row) for row in session.scalars(ordered)]

        return self.within(read)

    def _found(self, query: AnySelect, search: str | None) -> AnySelect:
        """Return the query of the rows that have every one of the words, in whichever of the columns."""
        columns = [getattr(self.table, name) for name in self.searched]
        words = CONTROLS.sub(" ", search or "")[:255].split()
        return query.where(and_(True, *(or_(*(c.icontains(word, autoescape=True) for c in columns)) for word in words)))

    def _column(self, name: str | None) -> InstrumentedAttribute[Any] | None:
        """Return what a column of the list shows of the table: itself, or the instant of that name."""
        column: InstrumentedAttribute[Any] | None = getattr(
            self.table, f"{name}_us", getattr(self.table, str(name), None)
        )
        return column

    def _ordered(self, query: AnySelect, name: str | None, *, is_descending: bool) -> AnySelect:
        """Return the query in order: of texts by the alphabet, ё beside е, capitals beside small letters."""
        wanted = self._column(name) if name in self._sortable_columns else None
        key: InstrumentedAttribute[Any] = self.table.id if wanted is None else wanted
        is_text = isinstance(key.type, String) and name != "id"
        sorted_by = func.replace(func.lower(key), "ё", "е") if is_text else key
        return query.order_by(sorted_by.desc() if is_descending else sorted_by, self.table.id)

    def _plain(self, session: AnySession, row: Any) -> SimpleNamespace:
        return SimpleNamespace(**{"id": row.id, **self.shown(session, row)})

    def get_one(self, id: Any) -> Any:
        """Return a row, None where there is none."""
        is_number = self.table.id.type.python_type is int
        if is_number and not (NUMBER.fullmatch(str(id)) and int(id) <= MAX_ID):
            return None
        wanted = int(id) if is_number else CONTROLS.sub("", str(id))

        def read(session: AnySession) -> Any:
            row = session.scalar(self.select_rows().where(self.table.id == wanted))
            return None if row is None else self._plain(session, row)

        return self.within(read)

    def create_model(self, form: Any) -> Any:
        """Make a row; tell whether it was."""
        return self._tried(form, lambda: self.create(self._values(form)))

    def update_model(self, form: Any, model: Any) -> bool:
        """Change a row; tell whether it was."""
        return self._tried(form, lambda: self.change(model.id, self._values(form)))

    def delete_model(self, model: Any) -> bool:
        """Delete a row; tell whether it was."""
        return self._tried(None, lambda: self.remove(model.id))

    def _values(self, form: Any) -> dict[str, Any]:
        return {name: value for name, value in form.data.items() if name != "csrf_token"}

    def _tried(self, form: Any, work: Callable[[], None]) -> bool:
        """Do it; where it is refused say why, at the field it is about."""
        try:
            work()
        except PlaybackError as error:
            details = error.detail
        except Refused as error:
            details = error.details
        else:
            return True
        for entry in details:
            fields = [str(part) for part in entry["loc"] if form is not None and str(part) in form]
            if fields:
                form[fields[-1]].errors = [*form[fields[-1]].errors, entry["msg"]]
            else:
                flash(entry["msg"], "error")
        return False
