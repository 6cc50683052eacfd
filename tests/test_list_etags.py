"""A list that has not changed is not sent again; one that has, by whichever process, is."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text, update

from app import create_app
from app.archive.keptsources import state_of_all
from app.extensions import db, writing
from app.models import Source
from app.views.objects import source_object
from instance.config import TestingConfig
from tests.test_api import API, add_group, add_picture_source, add_source, start

LISTS = (
    "/source",
    "/group",
    "/record?tag_name=t",
    "/tag?name=t",
    "/tags",
    "/tag/begin",
    "/record/open",
    "/source?limit=1",
)


@pytest.mark.parametrize("path", LISTS)
def test_an_unchanged_list_is_a_304_without_a_body(client: FlaskClient, path: str) -> None:
    sources = add_source(client), add_source(client)
    add_group(client, "g", *sources)
    start(client, "t", "g")
    whole = client.get(API + path)
    etag = whole.headers["ETag"]
    assert whole.status_code == 200
    for told in (etag, f'W/{etag}, "other"', "*"):
        again = client.get(API + path, headers={"If-None-Match": told})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers.get("Link") == whole.headers.get("Link")
    assert client.get(API + path, headers={"If-None-Match": '"other"'}).data == whole.data
    assert client.head(API + path).headers["ETag"] == etag


def test_every_change_of_what_is_listed_is_another_etag(app: Flask) -> None:
    client = app.test_client()
    seen = set()

    def is_new(path: str = "/source") -> bool:
        etag = client.get(API + path).headers["ETag"]
        is_known = etag in seen
        seen.add(etag)
        return not is_known

    assert is_new()
    add_source(client)
    assert is_new()
    assert not is_new()
    client.put(f"{API}/source/1/", json={"description": "door"})
    assert is_new()
    with app.app_context(), writing() as session:
        session.execute(update(Source).values(status="online"))
    assert is_new()
    client.put(f"{API}/source/1/", json={"uri_rtsp": "rtsp://127.0.0.1:2/"})
    assert is_new()
    client.delete(f"{API}/source/1/")
    assert client.get(f"{API}/source").json == []


def test_a_change_made_by_another_process_is_seen_at_once(database_app: Flask, database_config: TestingConfig) -> None:
    other = create_app(database_config)
    here, there = database_app.test_client(), other.test_client()
    add_picture_source(here, description="door")
    add_group(here, "g", {"id": 1}, model="PictureSource")
    start(here, "t", "g", "PictureSource")
    lists = (f"{API}/source", f"{API}/record?tag_name=t")
    assert [here.get(path).json for path in lists] == [there.get(path).json for path in lists]
    changes: list[dict[str, Any]] = [
        {"description": "gate"},
        {"uri_http_picture": {"uri": "http://127.0.0.1:2/p", "auth": "digest", "user": "u", "password": "p"}},
        {"uri_http_picture": {"password": None}},
        {"uri_rtsp": "rtsp://a:b@127.0.0.1:3/x"},
    ]
    for change in changes:
        assert there.put(f"{API}/source/1/", json=change).status_code == 200
        one = there.get(f"{API}/source/1/").json
        assert here.get(lists[0]).json == [one]
        assert here.get(lists[1]).json[0]["source"] == [one]
    with other.app_context():
        db.engine.dispose()


class Watched:
    """Stands for a source and remembers what was read of it."""

    def __init__(self, **values: Any) -> None:
        self.values, self.read = values, set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return self.values.get(name)


def test_a_change_of_what_is_shown_of_a_source_is_counted_and_no_other(database_app: Flask) -> None:
    shown: set[str] = set()
    for model in ("Source", "PictureSource"):
        watched = Watched(model=model, id=1, created_us=0, picture_password="p", uri_rtsp="rtsp://a:b@h/")
        assert source_object(watched)["uri_rtsp"] == "rtsp://a:***@h/"
        shown |= watched.read
    columns = {column.name for column in Source.__table__.columns} - {"id", "revision"}
    add_source(database_app.test_client())
    with database_app.app_context():
        for name in sorted(columns):
            before = state_of_all()
            with writing() as session:
                session.execute(text(f"UPDATE source SET {name} = {name}"))
            assert (state_of_all() != before) is (name in shown | {"deleted_us"}), name


def test_every_change_of_a_row_is_counted_whoever_makes_it(database_app: Flask) -> None:
    client = database_app.test_client()
    add_source(client)
    with database_app.app_context():
        with writing() as session:  # one that no row of the audit log is of: it can be deleted
            session.execute(text("INSERT INTO source (model, created_us, status) VALUES ('Source', 0, 'unknown')"))
        seen = {state_of_all()}
        for statement in (
            "UPDATE source SET status = 'online' WHERE id = 1",
            "UPDATE source SET status = 'online' WHERE id = 1",  # also one that changes nothing
            "UPDATE source SET description = 'both'",
            "DELETE FROM source WHERE id = 2",
            "INSERT INTO source (model, created_us, status) VALUES ('Source', 0, 'unknown')",
            "UPDATE source SET deleted_us = 1 WHERE id = 3",
        ):
            with writing() as session:
                session.execute(text(statement))
            assert state_of_all() not in seen, statement
            seen.add(state_of_all())
