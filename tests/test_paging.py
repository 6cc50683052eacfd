"""Lists in pages, in order, and only in part; and lists that are whole without a limit."""

from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from app.extensions import writing
from app.models import Group, Record, Source, Tag
from app.models.types import new_uuid
from app.views.account import AccountsQuery
from app.views.audit import AuditQuery
from app.views.cinema import CinemaQuery
from app.views.comments import CommentsQuery
from app.views.files import FilesQuery
from app.views.group import GroupsQuery
from app.views.pins import PinsQuery
from app.views.recommend import RecommendationsQuery
from app.views.record import RecordsQuery
from app.views.retention import RulesQuery
from app.views.shares import SharesQuery
from app.views.source import SourcesQuery
from app.views.tag import TagsQuery
from app.views.tokens import TokensQuery
from app.views.violations import ViolationsQuery
from tests.test_api import API, add_group, add_picture_source, add_source, locs, start
from tests.test_docs import ROOT, rows, words

S = 1_000_000


def add_records(app: Flask, spans: list[tuple[int, int | None, int]], tag_name: str = "t") -> list[str]:
    """Add a tag with records (begin_us, end_us, source_id) and the sources; return the records' ids."""
    tag_id, ids = new_uuid(), [new_uuid() for _ in spans]
    with app.app_context(), writing() as session:
        session.add(Tag(id=tag_id, name=tag_name))
        for source_id in sorted({source_id for _, _, source_id in spans}):
            if session.get(Source, source_id) is None:
                session.add(Source(id=source_id, model="Source", uri_rtsp="rtsp://u:secret@127.0.0.1:1/x"))
        session.flush()
        rows = [
            {"id": record_id, "tag_id": tag_id, "begin_us": begin_us, "end_us": end_us, "source_id": source_id}
            for record_id, (begin_us, end_us, source_id) in zip(ids, spans, strict=True)
        ]
        session.execute(insert(Record), rows)
    return ids


def walk(client: FlaskClient, path: str) -> list[Any]:
    """Return the pages from this address on, by the addresses that each names."""
    pages = []
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.json
        pages.append(answer.json)
        link = answer.headers.get("Link", "")
        assert link.startswith("</") == link.endswith('>; rel="next"') == bool(link)
        path = link.partition(">")[0].removeprefix("<")
    return pages


def flat(pages: list[list[Any]], key: str = "id") -> list[Any]:
    return [item[key] for page in pages for item in page]


def test_pages_of_sources_are_the_whole_list(database_client: FlaskClient) -> None:
    client = database_client
    for _ in range(7):
        add_source(client)
    whole = client.get(f"{API}/source")
    assert "Link" not in whole.headers
    pages = walk(client, f"{API}/source?limit=3")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [source for page in pages for source in page] == whole.json
    assert flat(walk(client, f"{API}/source?limit=2&sort=-id")) == [7, 6, 5, 4, 3, 2, 1]
    assert [len(page) for page in walk(client, f"{API}/source/?limit=7")] == [7]


def test_rows_of_the_same_instant_are_neither_repeated_nor_left_out(database_app: Flask) -> None:
    spans = [(0, 5, source_id) for source_id in (3, 1, 2)] + [(0, 6, 2), (10, 11, 1)]
    ids = add_records(database_app, spans)
    client = database_app.test_client()
    forth = flat(walk(client, f"{API}/record?tag_name=t&limit=1"))
    assert sorted(forth) == sorted(ids)
    assert forth == flat([client.get(f"{API}/record?tag_name=t").json])
    assert flat(walk(client, f"{API}/record?tag_name=t&limit=2&sort=-begin")) == forth[::-1]
    tag_pages = walk(client, f"{API}/tag?name=t&limit=2")
    assert [record["id"] for page in tag_pages for record in page["records"]] == forth
    assert {page["name"] for page in tag_pages} == {"t"}


def test_a_page_begins_where_the_last_one_ended_though_rows_are_added_before_and_after(client: FlaskClient) -> None:
    for name in ("b", "d", "f"):
        add_group(client, name)
    first = client.get(f"{API}/group?sort=name&limit=2")
    assert flat([first.json], "name") == ["b", "d"]
    for name in ("a", "c", "e"):
        add_group(client, name)
    rest = walk(client, first.headers["Link"][1:].partition(">")[0])
    assert flat(rest, "name") == ["e", "f"]


def test_groups_and_tags_sort_by_name_and_creation(database_client: FlaskClient) -> None:
    client = database_client
    add_source(client)
    for name in ("zebra", "Öl \U0001f3a5", "ant"):
        add_group(client, name, {"id": 1})
        start(client, f"tag {name}", name)
    client.put(f"{API}/record?tag_name=tag ant")
    for path, names in (
        ("group", ["zebra", "Öl \U0001f3a5", "ant"]),
        ("tags", ["tag zebra", "tag Öl \U0001f3a5", "tag ant"]),
    ):
        assert flat(walk(client, f"{API}/{path}?sort=created&limit=1"), "name") == names
        assert flat(walk(client, f"{API}/{path}?sort=-created&limit=2"), "name") == names[::-1]
        by_name = flat([client.get(f"{API}/{path}?sort=name").json], "name")
        assert sorted(by_name) == sorted(names)
        assert flat(walk(client, f"{API}/{path}?sort=name&limit=1"), "name") == by_name
    listed = {tag["name"]: tag for tag in client.get(f"{API}/tags").json}
    assert set(listed["tag ant"]) == {"id", "created_utc", "name", "is_recording"}
    assert {name: tag["is_recording"] for name, tag in listed.items()} == {
        "tag zebra": True,
        "tag Öl \U0001f3a5": True,
        "tag ant": False,
    }
    assert flat([client.get(f"{API}/tags?is_recording=false").json], "name") == ["tag ant"]
    assert flat([client.get(f"{API}/tags?q=ZEB").json], "name") == ["tag zebra"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("model=PictureSource", [3]),
        ("model=Source&status=online", [2]),
        ("status=unknown", [1, 3]),
        ("q=door", [1, 2]),
        ("q=100%25", [1]),
        ("q=_", [2]),
        ("q=/", []),
        ("q=", [1, 2, 3]),
        ("q=door&sort=-id", [2, 1]),
    ],
)
def test_sources_are_filtered(app: Flask, query: str, ids: list[int]) -> None:
    client = app.test_client()
    for text in ("Front DOOR 100%", "back door _x"):
        add_source(client, description=text)
    add_picture_source(client)
    with app.app_context(), writing() as session:
        session.execute(update(Source).where(Source.id == 2).values(status="online"))
    assert flat([client.get(f"{API}/source?{query}").json]) == ids
    assert flat(walk(client, f"{API}/source?{query}&limit=1")) == ids


def test_records_are_filtered(database_app: Flask) -> None:
    spans = [(0, 10 * S, 1), (5 * S, 25 * S, 2), (20 * S, 30 * S, 1), (40 * S, None, 2)]
    ids = add_records(database_app, spans)
    client = database_app.test_client()
    for query, numbers in (
        ("", [0, 1, 2, 3]),
        ("source_id=2", [1, 3]),
        ("is_open=true", [3]),
        ("is_open=false", [0, 1, 2]),
        ("start=1970-01-01T00:00:20Z", [1, 2, 3]),
        ("end=20", [0, 1]),
        ("start=10&end=20", [1]),
        ("start=10&end=20&source_id=1", []),
    ):
        found = flat([client.get(f"{API}/record?tag_name=t&{query}").json])
        assert [ids.index(record_id) for record_id in found] == numbers, query
        assert flat(walk(client, f"{API}/record?tag_name=t&{query}&limit=1")) == found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/source?limit=0", "limit"),
        ("/source?limit=1001", "limit"),
        ("/source?limit=x", "limit"),
        ("/source?sort=name", "sort"),
        ("/source?sort=--id", "sort"),
        ("/source?model=Camera", "model"),
        ("/source?status=on", "status"),
        ("/source?q=%00", "q"),
        (f"/source?q={'x' * 256}", "q"),
        ("/source?limit=1&cursor=WzFd", "cursor"),
        ("/source?limit=1&cursor=", "cursor"),
        ("/source?cursor=x", "limit"),
        ("/group?model=x", "model"),
        ("/tags?is_recording=perhaps", "is_recording"),
        ("/record?tag_name=t&source_id=x", "source_id"),
        ("/record?tag_name=t&source_id=99999999999", "source_id"),
        ("/record?tag_name=t&is_open=2", "is_open"),
        ("/record?tag_name=t&start=yesterday", "start"),
        ("/record?tag_name=t&start=5&end=5", "start"),
        ("/tag?name=t&limit=-1", "limit"),
        ("/record?tag_name=t&limit=1&cursor=%F0%9F%8E%A5", "cursor"),
    ],
)
def test_a_wrong_question_is_told_by_name(app: Flask, path: str, name: str) -> None:
    add_records(app, [(0, 1, 1)])
    answer = app.test_client().get(API + path)
    assert answer.status_code == 422
    assert locs(answer) == [["query", name]]


def test_a_cursor_is_good_for_its_own_question_only(app: Flask) -> None:
    client = app.test_client()
    add_records(app, [(0, 1, 1), (2, 3, 2)])
    add_records(app, [(0, 1, 1), (2, 3, 2)], "u")
    given = client.get(f"{API}/record?tag_name=t&limit=1").headers["Link"]
    cursor = given.partition("cursor=")[2].partition(">")[0]
    assert client.get(f"{API}/record?tag_name=t&limit=9&cursor={cursor}").status_code == 200
    forged = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for other in (
        f"/record?tag_name=u&limit=1&cursor={cursor}",
        f"/record?tag_name=t&limit=1&sort=-begin&cursor={cursor}",
        f"/record?tag_name=t&limit=1&source_id=1&cursor={cursor}",
        f"/tag?name=t&limit=1&cursor={cursor}",
        f"/source?limit=1&cursor={cursor}",
        f"/record?tag_name=t&limit=1&cursor={forged}",
    ):
        answer = client.get(API + other)
        assert (answer.status_code, locs(answer)) == (422, [["query", "cursor"]]), other
    app.config["SECRET_KEY"] = "another key, of enough characters"
    assert client.get(f"{API}/record?tag_name=t&limit=1&cursor={cursor}").status_code == 422


def test_the_longest_names_lead_to_the_next_page(app: Flask) -> None:
    client = app.test_client()
    with app.app_context(), writing() as session:
        session.add_all(Group(name=chr(0x1F300 + number) * 254 + "x", model="Source") for number in range(3))
    pages = walk(client, f"{API}/group?sort=name&limit=1")
    assert len(flat(pages)) == 3


def test_the_whole_list_is_what_it_was_with_unknown_parameters(client: FlaskClient) -> None:
    add_source(client)
    assert client.get(f"{API}/source?foo=bar").json == client.get(f"{API}/source").json


def test_a_group_is_renamed_and_keeps_its_model(database_client: FlaskClient) -> None:
    client = database_client
    group_id, other = add_group(client, "old"), add_group(client, "taken")
    change, path = client.put, f"{API}/group/{group_id}/"
    renamed = client.patch(path, json={"name": "  new  "})
    assert renamed.json == {**renamed.json, "id": group_id, "name": "new"}
    assert set(renamed.json) == {"id", "created_utc", "name"}
    assert change(path, json={"name": "new", "model": "Source"}).json == renamed.json
    assert change(path).json == renamed.json
    taken = change(path, json={"name": "taken"})
    assert (taken.status_code, locs(taken)) == (409, [["body", "name"]])
    refused = change(path, json={"model": "PictureSource", "name": "x"})
    assert (refused.status_code, locs(refused)) == (422, [["body", "model"]])
    assert (change(path, json={"name": None}).status_code, change(path, json={"name": ""}).status_code) == (422, 422)
    assert change(f"{API}/group/{new_uuid()}/", json={"name": "x"}).status_code == 404
    assert [group["name"] for group in client.get(f"{API}/group").json] == ["new", "taken"]
    assert client.get(f"{API}/group/{other}/").json["name"] == "taken"


def test_the_orders_and_filters_in_the_document_are_those_of_the_code() -> None:
    models = {"`/source`": SourcesQuery, "`/group`": GroupsQuery, "`/record?": RecordsQuery, "`/tags`": TagsQuery}
    models |= {"`/pins`": PinsQuery, "`/retention`": RulesQuery, "`/audit`": AuditQuery, "`/account`": AccountsQuery}
    models |= {"`/share`": SharesQuery}
    models["`/token`"] = TokensQuery
    models |= {"`/comments/`": CommentsQuery, "`/recommend/`": RecommendationsQuery}
    models |= {"`/files/`": FilesQuery, "`/violations/`": ViolationsQuery, "`/cinema/`": CinemaQuery}
    table = rows(ROOT / "docs" / "api.md", "list")
    assert len(table) == len(models)
    for cells in table:
        [model] = [model for begin, model in models.items() if cells[0].startswith(begin)]
        assert [word.removeprefix("-") for word in words(cells[1])] == list(model.ORDERS)
        assert set(words(cells[2])) == set(model.model_fields) - {"sort", "limit", "cursor", "tag_name"}
        assert set(get_args(model.model_fields["sort"].annotation)) == {
            minus + name for name in model.ORDERS for minus in ("", "-")
        }
        assert model.model_fields["sort"].default == words(cells[1])[0]
