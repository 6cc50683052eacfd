"""Rights on cameras and groups: what they cover, how they change, and that nobody widens or oversteps his own."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from app.access.objects import KINDS, SOURCE
from app.extensions import db, writing
from app.models import Account, AccountRight, ApiToken, Group, Record, SampleEntry, Source, Tag, group_source
from tests.accounts import add_account, add_bounded
from tests.picture_server import PictureServer

API = "/api/v1"
MINE, THEIRS, FREE = 1, 2, 3
# What stands in addresses and is of no camera, or is refused to who does not see all of them.
OF_NO_CAMERA = {
    *("path", "filename", "violation_id", "example_id", "copy_id", "rule_id"),
    *("account_id", "token_id", "page"),
    *("refer", "key", "entries", "start_us"),  # the view looks at them: a key is enough, or they belong to a source
}


@pytest.fixture
def cameras(app: Flask) -> Flask:
    """Return an app with three cameras, and the group `mixed` of the first two."""
    with app.app_context(), writing() as session:
        session.add_all(Source(id=number, model="Source", uri_rtsp="rtsp://127.0.0.1:1/x") for number in (1, 2, 3))
        session.add(Group(id="6f0f6d1c-0000-4000-8000-000000000001", name="mixed", model="Source"))
        session.flush()
        for number in (MINE, THEIRS):
            session.execute(group_source.insert().values(group_id=group_id("mixed", session), source_id=number))
    return app


def group_id(name: str, session: Any) -> str:
    found: str = session.scalars(select(Group.id).where(Group.name == name)).one()
    return found


class Caller:
    """Somebody with a token."""

    def __init__(self, app: Flask, token: str) -> None:
        self._client: FlaskClient = app.test_client(use_cookies=False)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **given: Any) -> TestResponse:
        """Ask for an address."""
        return self._client.open(path, method=method, headers={**self._headers, **(headers or {})}, **given)

    def get(self, path: str) -> Any:
        """Return the JSON of an address that answers."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.get_data()
        return answer.get_json()


@pytest.fixture
def caller_of(cameras: Flask) -> Callable[..., Caller]:
    """Return a maker of callers that may see some cameras."""

    def make(role: str, *sources: int, groups: tuple[str, ...] = (), name: str = "anna") -> Caller:
        with cameras.app_context(), writing() as session:
            token = add_bounded(session, name, role, *sources)
            account = session.query(Account).filter_by(name=name).one()
            session.add_all(AccountRight(account_id=account.id, group_id=group_id(group, session)) for group in groups)
        return Caller(cameras, token)

    return make


@pytest.fixture
def admin(cameras: Flask) -> Caller:
    """Return an admin who sees all cameras."""
    with cameras.app_context(), writing() as session:
        return Caller(cameras, add_account(session, "boss"))


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def open_records(app: Flask) -> set[int]:
    """Return the ids of the cameras that are to record."""
    with app.app_context():
        return set(db.session.scalars(select(Record.source_id).where(Record.end_us.is_(None))))


def test_every_name_in_an_address_is_looked_at_or_is_of_no_camera(app: Flask) -> None:
    names = {name for rule in app.url_map.iter_rules() for name in rule.arguments}
    assert names == {SOURCE, *KINDS, *OF_NO_CAMERA}


def test_a_right_on_a_group_covers_who_is_in_it_now(caller_of: Callable[..., Caller], admin: Caller) -> None:
    anna = caller_of("viewer", groups=("mixed",))
    assert ids(anna.get(f"{API}/source")) == [MINE, THEIRS]
    path = f"{API}/group/{anna.get(f'{API}/group')[0]['id']}/source"
    assert admin.ask("POST", f"{path}/{FREE}/").get_json() is True
    assert ids(anna.get(f"{API}/source")) == [MINE, THEIRS, FREE]
    assert admin.ask("DELETE", f"{path}/{MINE}/").get_json() is True
    assert ids(anna.get(f"{API}/source")) == [THEIRS, FREE]
    assert anna.ask("GET", f"{API}/source/{MINE}/").status_code == 404


def test_rights_on_cameras_and_on_groups_add_up(caller_of: Callable[..., Caller]) -> None:
    anna = caller_of("viewer", THEIRS, FREE, groups=("mixed",))
    assert ids(anna.get(f"{API}/source")) == [MINE, THEIRS, FREE]


def test_who_has_no_right_sees_empty_lists(caller_of: Callable[..., Caller]) -> None:
    anna = caller_of("operator")
    for path in ("source", "group", "tags", "tag/begin", "pins", "notices", "deletions", "sync"):
        assert anna.get(f"{API}/{path}") == [], path
    for path in ("/files/", "/comments/", "/recommend/", "/cinema/"):
        assert anna.get(path) == [], path


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_nobody_widens_his_own_rights(caller_of: Callable[..., Caller], cameras: Flask, role: str) -> None:
    anna = caller_of(role, MINE, groups=("mixed",))
    path = f"{API}/group/{anna.get(f'{API}/group')[0]['id']}"
    tried = [
        ("POST", f"{path}/source/{FREE}/", {}),
        ("DELETE", f"{path}/source/{THEIRS}/", {}),
        ("PUT", f"{path}/", {"name": "other"}),
        ("PATCH", f"{path}/", {"name": "other"}),
        ("DELETE", f"{path}/", {}),
        ("POST", f"{API}/group", {"name": "new", "model": "Source"}),
        ("POST", f"{API}/source", {"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/new"}),
    ]
    assert [anna.ask(method, where, json=values).status_code for method, where, values in tried] == [403] * len(tried)
    rows = [{"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/new", "group_name": "mixed"}]
    assert anna.ask("POST", f"{API}/source/bulk", json=rows).status_code == 403
    start = {"model": "Source", "tag_name": "t", "group_name": "a new group"}
    assert anna.ask("POST", f"{API}/record", json=start).status_code == 404
    with cameras.app_context():
        assert list(db.session.scalars(select(Group.name))) == ["mixed"]
    assert ids(anna.get(f"{API}/source")) == [MINE, THEIRS]


def test_starting_a_group_starts_the_own_cameras_of_it(caller_of: Callable[..., Caller], cameras: Flask) -> None:
    anna = caller_of("operator", MINE)
    start = {"model": "Source", "tag_name": "night", "group_name": "mixed"}
    assert anna.ask("POST", f"{API}/record", json=start).status_code == 204
    assert open_records(cameras) == {MINE}


def test_stopping_a_tag_stops_the_own_cameras_alone(
    caller_of: Callable[..., Caller], admin: Caller, cameras: Flask
) -> None:
    start = {"model": "Source", "tag_name": "night", "group_name": "mixed"}
    assert admin.ask("POST", f"{API}/record", json=start).status_code == 204
    anna, ben = caller_of("operator", MINE), caller_of("operator", FREE, name="ben")
    unknown = ben.ask("PUT", f"{API}/record", json={"tag_name": "night"})
    assert unknown.get_json() == ben.ask("PUT", f"{API}/record", json={"tag_name": "night"}).get_json()
    assert unknown.status_code == 404
    assert open_records(cameras) == {MINE, THEIRS}
    assert anna.ask("PUT", f"{API}/record", json={"tag_name": "night"}).status_code == 204
    assert open_records(cameras) == {THEIRS}
    assert anna.get(f"{API}/record/runing?tag_name=night") is False
    assert [row["is_recording"] for row in anna.get(f"{API}/tags")] == [False]
    assert anna.get(f"{API}/tag/begin") == []
    assert anna.get(f"{API}/record/open") == []
    assert [row["source_id"] for row in admin.get(f"{API}/record/open")] == [THEIRS]
    assert admin.get(f"{API}/record/runing?tag_name=night") is True


def test_the_schedule_of_a_group_is_for_who_sees_all_of_it(
    caller_of: Callable[..., Caller], admin: Caller, cameras: Flask
) -> None:
    anna, ben = caller_of("operator", MINE), caller_of("operator", groups=("mixed",), name="ben")
    path = f"{API}/group/{ben.get(f'{API}/group')[0]['id']}/schedule"
    values = {"tag_name": "t", "time_zone": "UTC", "windows": [{"day": "monday", "begin": "00:00", "end": "24:00"}]}
    assert anna.ask("PUT", path, json=values).status_code == 403
    assert ben.ask("PUT", path, json=values).status_code == 200
    assert anna.ask("DELETE", path).get_json()["detail"][0]["type"] == "not_all_cameras"
    # A camera that has left the group records on by its schedule: without it that would stop.
    with cameras.app_context(), writing() as session:
        session.add(Tag(id="t1", name="t"))
        session.flush()
        about = {"tag_id": "t1", "begin_us": 1, "scheduled_by": group_id("mixed", session)}
        session.add(Record(source_id=FREE, **about))
    assert ben.ask("DELETE", path).status_code == 403
    assert ben.ask("PUT", path, json={**values, "tag_name": "other"}).status_code == 403
    assert open_records(cameras) == {FREE}
    assert admin.ask("DELETE", path).status_code == 200


def test_each_copies_and_gives_up_his_own_part_of_a_tag(
    caller_of: Callable[..., Caller], admin: Caller, cameras: Flask
) -> None:
    with cameras.app_context(), writing() as session:
        session.add(Tag(id="t1", name="night"))
        session.flush()
        for number in (MINE, THEIRS):
            session.add(Record(id=str(number), source_id=number, tag_id="t1", begin_us=number, end_us=number + 1))
    anna, ask = caller_of("operator", MINE), {"tag_name": "night", "location": "there"}
    own, whole = (one.ask("POST", f"{API}/sync", json=ask).get_json() for one in (anna, admin))
    assert [row["record_id"] for row in admin.get(f"{API}/sync/{own}/")["records"]] == [str(MINE)]
    assert {row["id"] for row in anna.get(f"{API}/sync")} == {own, whole}
    assert [row["record_id"] for row in anna.get(f"{API}/sync/{whole}/")["records"]] == [str(MINE)]
    given_up = anna.ask("DELETE", f"{API}/sync/{whole}/").get_json()
    assert (given_up["state"], given_up["counts"]["failed"], given_up["counts"]["waiting"]) == ("cancelled", 1, 0)
    assert given_up["ended_utc"] is not None  # of his part
    seen = admin.get(f"{API}/sync/{whole}/")
    assert (seen["counts"]["failed"], seen["counts"]["waiting"], seen["ended_utc"]) == (1, 1, None)


def test_a_tag_of_others_is_known_by_its_name_alone(
    caller_of: Callable[..., Caller], admin: Caller, cameras: Flask
) -> None:
    start = {"model": "Source", "tag_name": "night", "group_name": "mixed"}
    assert admin.ask("POST", f"{API}/record", json=start).status_code == 204
    (tag,) = admin.get(f"{API}/tags")
    with cameras.app_context(), writing() as session:
        session.add(group := Group(name="free", model="Source"))
        session.flush()
        session.execute(group_source.insert().values(group_id=group.id, source_id=FREE))
    anna = caller_of("operator", FREE)
    by_id = {"model": "Source", "tag_name": tag["id"], "group_name": "free"}
    assert anna.ask("POST", f"{API}/record", json=by_id).status_code == 204
    assert [row["name"] for row in anna.get(f"{API}/tags")] == [tag["id"]]  # a tag of its own, called so
    assert anna.ask("POST", f"{API}/record", json={**by_id, "tag_name": "night"}).status_code == 204
    assert anna.get(f"{API}/tag/begin") == sorted([tag["id"], "night"])
    (one,) = anna.get(f"{API}/tag?name=night")["records"]
    assert one["source"]["id"] == FREE


def test_an_answer_is_given_again_to_the_same_rights_only(cameras: Flask, caller_of: Callable[..., Caller]) -> None:
    anna = caller_of("operator", MINE, THEIRS)
    values = {"source_id": THEIRS, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "reason": "r"}
    key = {"Idempotency-Key": "one"}
    first = anna.ask("POST", f"{API}/pins", key, json=values)
    assert anna.ask("POST", f"{API}/pins", key, json=values).get_json() == first.get_json()
    with cameras.app_context(), writing() as session:
        session.execute(db.delete(AccountRight).where(AccountRight.source_id == THEIRS))
    again = anna.ask("POST", f"{API}/pins", key, json=values)
    assert again.status_code == 422
    assert first.get_json()["id"] not in again.get_data(as_text=True)
    assert anna.ask("POST", f"{API}/pins", json=values).status_code == 404


def test_the_tokens_of_an_account_have_keys_of_their_own(cameras: Flask) -> None:
    """Else a token that may see one camera would be given an answer about another."""
    with cameras.app_context(), writing() as session:
        wide = add_account(session, "anna", "operator")
        account = session.query(Account).filter_by(name="anna").one()
        narrow = add_account(session, "ben", "operator")
        row = session.query(ApiToken).filter(ApiToken.account_id != account.id).one()
        row.account_id, row.name, row.source_ids = account.id, "narrow", f"[{MINE}]"
    values = {"source_id": THEIRS, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "reason": "r"}
    key = {"Idempotency-Key": "one"}
    first = Caller(cameras, wide).ask("POST", f"{API}/pins", key, json=values)
    assert first.status_code == 200
    other = Caller(cameras, narrow).ask("POST", f"{API}/pins", key, json=values)
    assert other.status_code == 404
    assert "Idempotency-Replayed" not in other.headers


def test_the_codec_configuration_of_another_camera_is_not_given_out(
    cameras: Flask, caller_of: Callable[..., Caller]
) -> None:
    with cameras.app_context(), writing() as session:
        for number in (MINE, THEIRS):
            told = {"kind": "video", "fourcc": "avc1", "timescale": 90_000, "rfc6381": "avc1.42C01E", "entry": b"x"}
            session.add(SampleEntry(id=number, sha256=str(number), width=1, height=1, **told))
    anna = caller_of("viewer", MINE)
    path = f"/playbackapi/source/{MINE}/init"
    unknown, theirs = (anna.ask("GET", f"{path}/{number}-0.mp4") for number in (9, THEIRS))
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.get_data(as_text=True) == unknown.get_data(as_text=True).replace("9-0", f"{THEIRS}-0")


def test_uploads_of_others_are_not_there_for_who_sees_some_cameras(
    cameras: Flask, caller_of: Callable[..., Caller], admin: Caller
) -> None:
    anna, ben = caller_of("operator", MINE), caller_of("operator", MINE, name="ben")
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "4"}
    made = anna.ask("POST", "/files/", tus)
    assert made.status_code == 201
    path = made.headers["Location"]
    assert ids(anna.get("/files/")) == ids(admin.get("/files/"))
    assert ben.get("/files/") == []
    for method in ("GET", "HEAD", "PATCH", "DELETE"):
        given = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert ben.ask(method, path, given, data=b"1234").status_code == 404, method
    assert anna.get(path)["received_bytes"] == 0


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Yield what is asked of the database meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_rights_cost_one_query_a_request_and_none_for_who_sees_all(
    cameras: Flask, caller_of: Callable[..., Caller], admin: Caller
) -> None:
    anna = caller_of("viewer", MINE, groups=("mixed",))
    for path in (f"{API}/source", f"{API}/tags", f"{API}/source/{MINE}/"):
        with statements(cameras) as asked:
            anna.get(path)
        assert len([one for one in asked if "account_right" in one]) == 1, path
        with statements(cameras) as asked:
            admin.get(path)
        assert not [one for one in asked if "account_right" in one], path


def end_right(app: Flask) -> None:
    with app.app_context(), writing() as session:
        session.execute(db.delete(AccountRight))


def close_account(app: Flask) -> None:
    with app.app_context(), writing() as session:
        session.execute(db.update(Account).values(active=False))


def revoke_token(app: Flask) -> None:
    with app.app_context(), writing() as session:
        session.execute(db.update(ApiToken).values(revoked_us=1))


@pytest.mark.parametrize("end", [end_right, close_account, revoke_token], ids=lambda end: end.__name__)
def test_a_stream_ends_when_the_right_to_its_camera_does(
    cameras: Flask, caller_of: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch, end: Callable[[Flask], None]
) -> None:
    monkeypatch.setattr("app.access.renewing.AGAIN_S", 0.0)
    anna = caller_of("viewer", MINE)
    with PictureServer() as camera:
        with cameras.app_context(), writing() as session:
            session.execute(db.update(Source).where(Source.id == MINE).values(picture_uri=camera.url))
        answer = anna.ask("GET", f"{API}/source/{MINE}/video?delay=0", buffered=False)
        assert answer.status_code == 200
        parts = iter(answer.response)
        next(parts), next(parts)
        end(cameras)
        rest = list(itertools.islice(parts, 20))
        answer.close()
    assert len(rest) < 20
    assert rest[-1].endswith(b"--\r\n")  # it was ended, not broken off


def test_an_operator_gathers_cameras_where_that_bounds_nobody(
    caller_of: Callable[..., Caller], admin: Caller, cameras: Flask
) -> None:
    """The page makes a group of the cameras that somebody ticks."""
    with cameras.app_context(), writing() as session:
        olga = Caller(cameras, add_account(session, "olga", "operator"))
    made = olga.ask("POST", f"{API}/group", json={"name": "ticked", "model": "Source"}).get_json()[0]
    assert olga.ask("POST", f"{API}/group/{made['id']}/source/{FREE}/").get_json() is True
    assert olga.ask("DELETE", f"{API}/group/{made['id']}/source/{FREE}/").status_code == 403
    anna = caller_of("viewer", groups=("ticked",))
    refused = olga.ask("POST", f"{API}/group/{made['id']}/source/{MINE}/")
    assert (refused.status_code, ids(anna.get(f"{API}/source"))) == (403, [FREE])
    kept = admin.ask("POST", f"{API}/group", json={"name": "kept", "model": "Source"}).get_json()[0]
    rule = {"scope": "group", "group_name": "kept", "max_age_s": 86_400}
    assert admin.ask("POST", f"{API}/retention", json=rule).status_code == 200
    assert olga.ask("POST", f"{API}/group/{kept['id']}/source/{MINE}/").status_code == 403
    assert admin.ask("POST", f"{API}/group/{kept['id']}/source/{MINE}/").get_json() is True
