"""What the lists share: their parameters, cursors, the address of the next page, and ETags.

Without `limit` a list is whole, as the contract has it. With it a page comes, and in `Link: <...>; rel="next"`
(RFC 8288) the address of the next one. Its cursor is the sort key of the last row, signed together with the list, its
order and its filters: none can be made up, nor used for another question.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import urlencode

from flask import Response, request
from flask_restx import Namespace
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from app.access.signatures import signing
from app.archive.paging import Order, Page
from app.errors import Invalid
from app.personalulti import check_characters, read_query
from app.playback.conditions import Validators, is_unchanged

MAX_LIMIT = 1000
SCHEMA_KEYS = ("type", "format", "enum", "minimum", "maximum")
Row = TypeVar("Row")
Words = Annotated[str, StringConstraints(max_length=255), BeforeValidator(check_characters)]


class ListQuery(BaseModel):
    """What may be asked of any list. Each list adds its `sort` and its filters, and its orders by the words of sort."""

    ORDERS: ClassVar[Mapping[str, Order]] = {}

    sort: str
    limit: int | None = Field(None, ge=1, le=MAX_LIMIT, description="At most so many; the header Link leads on")
    cursor: str | None = Field(None, max_length=3000, description="From the address in the header Link, with limit")

    @property
    def order(self) -> Order:
        """Return the order asked for."""
        return Order(self.ORDERS[self.sort.removeprefix("-")].columns, is_descending=self.sort.startswith("-"))

    @property
    def page(self) -> Page:
        """Return the page asked for. Raises Invalid for a cursor that is not of this very list, order and filters."""
        if self.cursor is None:
            return Page(self.order, self.limit)
        if self.limit is None:
            raise Invalid("a cursor needs limit beside it", loc=("query", "limit"), kind="missing")
        try:
            after = self._signer().loads(self.cursor)
        except BadData:
            raise Invalid(
                "this cursor is none of this list with this sort and these filters: begin without one",
                loc=("query", "cursor"),
                kind="cursor",
            ) from None
        return Page(self.order, self.limit, after)

    def next_page(self, key: list[Any]) -> str:
        """Return the address of the page behind the row of this sort key."""
        given = {**request.args.to_dict(), "limit": str(self.limit), "cursor": self._signer().dumps(key)}
        return f"{request.script_root}{request.path}?{urlencode(given)}"

    def _signer(self) -> URLSafeSerializer:
        asked = self.model_dump(mode="json", exclude={"limit", "cursor"})
        salt = f"cursor|{type(self).__module__}.{type(self).__name__}|{json.dumps(asked, sort_keys=True)}"
        return signing(salt)


Asked = TypeVar("Asked", bound=ListQuery)


def ask_list(model: type[Asked]) -> Asked:
    """Return the checked parameters of a list. Raises Invalid."""
    return read_query().checked(model)


def cut(asked: ListQuery, rows: Sequence[Row]) -> tuple[Sequence[Row], str | None]:
    """Return the rows of the page, and the address of the next one where there is one."""
    if asked.limit is None or len(rows) <= asked.limit:
        return rows, None
    shown = rows[: asked.limit]
    return shown, asked.next_page(asked.order.key(shown[-1]))


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as it is sent: its JSON, its strong tag, and the address of the next page where there is one."""

    body: bytes
    has: Validators
    next_page: str | None = None

    @classmethod
    def of(cls, body: bytes, next_page: str | None = None) -> "Listed":
        """Return a list of this JSON."""
        digest = hashlib.blake2b(body, digest_size=16)
        digest.update((next_page or "").encode())
        return cls(body + b"\n", Validators(digest.hexdigest()), next_page)

    def answer(self) -> Response:
        """Return the list, or 304 where the client has it already (RFC 9110 §13.1.2)."""
        headers = {**self.has.headers, "Cache-Control": "private, no-cache"}
        if self.next_page is not None:
            headers["Link"] = f'<{self.next_page}>; rel="next"'
        if is_unchanged(request.headers, self.has):
            return Response(status=304, headers=headers)
        return Response(self.body, headers=headers, content_type="application/json")


def answer_bytes(body: bytes, next_page: str | None = None) -> Response:
    """Return JSON with an ETag, or 304."""
    return Listed.of(body, next_page).answer()


def query_parameters(namespace: Namespace, model: type[BaseModel]) -> Callable[[Any], Any]:
    """Describe each parameter of `model` in the documentation of a GET."""
    schema = model.model_json_schema()

    def describe(function: Any) -> Any:
        for name, field in schema["properties"].items():
            kinds = [field, *(part for part in field.get("anyOf", []) if part.get("type") != "null")]
            told = {key: kind[key] for kind in kinds for key in SCHEMA_KEYS if key in kind}
            text = field.get("description", "")
            is_needed = name in schema.get("required", ())
            function = namespace.param(name, text, _in="query", required=is_needed, **told)(function)
        return function

    return describe
