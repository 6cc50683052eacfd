"""How often somebody may try, whose tries count together, and what happens where nothing counts them."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.access import rates
from app.access.rates import LIMITS
from app.access.rules import RULES
from app.extensions import writing
from tests.accounts import PASSWORD, add_account, password_hash
from tests.browsing import token_of
from tests.conftest import in_production, missing
from tests.services import Redis, why_no_redis

SOURCE = "/api/v1/source"
KEY = "0123456789abcdef" * 2
TEST_TAKES_S = 6
FEW = {name: replace(limit, most=4) for name, limit in LIMITS.items()}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let four of each be allowed."""
    monkeypatch.setattr(rates, "LIMITS", FEW)


def keep_off_the_turn() -> None:
    """Keep away from where the counts of a window begin to fade: at whole minutes. For when all else is ready."""
    left_s = 60 - time.time() % 60
    if left_s < TEST_TAKES_S:
        time.sleep(left_s)


@contextmanager
def counting(folder: Path, migrated_sqlite: Path, **settings: Any) -> Iterator[Flask]:
    """Yield an app in production, when it is no moment to be afraid of."""
    with in_production(folder, migrated_sqlite, **settings) as app:
        keep_off_the_turn()
        yield app


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production with one web process."""
    with counting(tmp_path, migrated_sqlite, WEB_WORKERS=1) as app:
        yield app


@pytest.fixture
def secret(production: Flask) -> str:
    """Return the token of an admin."""
    with production.app_context(), writing() as session:
        token = add_account(session, password=password_hash())
    keep_off_the_turn()
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def get(app: Flask, path: str, by: str = "10.0.0.1", **headers: str) -> TestResponse:
    """Ask from an address."""
    return app.test_client().get(path, headers=headers, environ_overrides={"REMOTE_ADDR": by})


def check_refusal(answer: TestResponse) -> None:
    """Check the shape of a refusal for too many tries."""
    assert answer.status_code == 429
    [entry] = answer.json["detail"]
    assert (entry["type"], set(entry)) == ("rate_limit", {"loc", "msg", "type"})
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "WWW-Authenticate" not in answer.headers


def test_wrong_tokens_of_an_address_are_counted_and_right_ones_always_pass(production: Flask, secret: str) -> None:
    for number in range(4):
        assert get(production, SOURCE, **bearer(f"wrong-{number}")).status_code == 401
    check_refusal(get(production, SOURCE, **bearer("wrong-5")))
    assert get(production, SOURCE, **bearer(secret)).status_code == 200
    assert get(production, SOURCE).status_code == 401, "who sends no token guesses none"
    assert get(production, SOURCE, by="10.0.0.2", **bearer("wrong-6")).status_code == 401


def test_right_tokens_are_never_counted(production: Flask, secret: str) -> None:
    client = production.test_client()
    for _ in range(30):
        assert client.get(SOURCE, headers=bearer(secret)).status_code == 200


def test_wrong_keys_of_an_address_are_counted(production: Flask, secret: str) -> None:
    for number in range(4):
        assert get(production, f"/download/{number:032x}/").status_code == 404
    check_refusal(get(production, f"/download/{5:032x}/"))
    assert get(production, f"/download/{5:032x}/", by="10.0.0.2").status_code == 404
    assert get(production, f"{SOURCE}/7", **bearer(secret)).status_code == 404, "other things that are not there"


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "unix:", False),
    ],
)
def test_the_addresses_of_one_household_count_together(
    production: Flask, first: str, second: str, is_same: bool
) -> None:
    for _ in range(5):
        get(production, SOURCE, by=first, **bearer("x"))
    assert get(production, SOURCE, by=second, **bearer("x")).status_code == (429 if is_same else 401)


def test_behind_a_proxy_each_client_counts_for_himself(tmp_path: Path, migrated_sqlite: Path) -> None:
    with counting(tmp_path, migrated_sqlite, WEB_WORKERS=1, PROXY_HOPS=1) as app:
        for number in range(5):
            forged = {"X-Forwarded-For": f"6.6.6.{number}, 10.0.0.8"}  # what he wrote himself stands before
            answer = get(app, SOURCE, **bearer("x"), **forged)
        assert answer.status_code == 429
        assert get(app, SOURCE, **bearer("x"), **{"X-Forwarded-For": "10.0.0.9"}).status_code == 401


def attempt(client: FlaskClient, by: str = "10.0.0.1", **headers: str) -> TestResponse:
    form = {"name": "admin", "password": "wrong wrong wrong", "csrf_token": token_of(client)}
    return client.post("/login", data=form, headers=headers, environ_overrides={"REMOTE_ADDR": by})


def test_attempts_to_sign_in_are_counted_before_anything_is_compared(production: Flask, secret: str) -> None:
    client = production.test_client()
    for _ in range(4):
        assert attempt(client).status_code == 401
    check_refusal(attempt(client))
    page = attempt(client, Accept="text/html,*/*;q=0.8")
    assert (page.status_code, page.mimetype) == (429, "text/html")
    assert "wait" in page.text
    right = {"name": "admin", "password": PASSWORD, "csrf_token": token_of(client)}
    refused = client.post("/login", data=right, environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
    assert refused.status_code == 429, "else the last of a thousand guesses would get in"
    assert attempt(client, by="10.0.0.2").status_code == 401


def test_right_sign_ins_use_up_nobodys_attempts(production: Flask, secret: str) -> None:
    for _ in range(6):
        client = production.test_client()
        right = {"name": "admin", "password": PASSWORD, "csrf_token": token_of(client)}
        answer = client.post("/login", data=right, environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
        assert answer.status_code == 303


def test_a_page_of_another_site_uses_up_nobodys_attempts(production: Flask) -> None:
    client = production.test_client()
    for _ in range(6):
        assert attempt(client, Origin="https://evil.example").status_code == 403
    assert attempt(client).status_code == 401


def test_tries_of_a_password_are_forgotten_when_one_is_right(production: Flask) -> None:
    with production.test_request_context():
        for _ in range(4):
            rates.attempt("share", "one link")
        with pytest.raises(rates.TooMany):
            rates.attempt("share", "one link")
        rates.attempt("share", "another")
        rates.forget("share", "one link")
        rates.attempt("share", "one link")


def test_pictures_are_counted_by_caller_and_footage_is_not(production: Flask, secret: str) -> None:
    with production.app_context(), writing() as session:
        other = add_account(session, "other", "viewer")
    for _ in range(4):
        assert get(production, f"{SOURCE}/1/picture", **bearer(secret)).status_code == 404
    check_refusal(get(production, f"{SOURCE}/1/picture", **bearer(secret)))
    check_refusal(get(production, "/playbackapi/source/1/picture.jpg?at=1", by="10.0.0.9", **bearer(secret)))
    assert get(production, f"{SOURCE}/1/picture", **bearer(other)).status_code == 404
    for path in ("/playbackapi/source/1", "/playbackapi/source/1/video.mp4", f"{SOURCE}/1/video", SOURCE):
        assert get(production, path, **bearer(secret)).status_code != 429


def test_uploads_media_and_events_have_no_limit() -> None:
    limited = {name for name, methods in RULES.items() for rule in methods.values() if rule.limit}
    free = {"files.file_files", "files.file_one_file", "fileevents.event_file_events", "live.live_live_video"}
    free |= {
        "playbackapi.playback_source_video",
        "playbackapi.playback_segment_media",
        "playbackapi.playback_cell_media",
    }
    assert free <= set(RULES)
    assert not free & limited
    assert {rule.limit for methods in RULES.values() for rule in methods.values()} - {None} <= set(LIMITS)


def test_off_means_off(tmp_path: Path, migrated_sqlite: Path) -> None:
    with counting(tmp_path, migrated_sqlite, RATE_LIMITS=False) as app:
        assert {get(app, SOURCE, **bearer("x")).status_code for _ in range(10)} == {401}


def test_each_process_allows_its_part(tmp_path: Path, migrated_sqlite: Path) -> None:
    with counting(tmp_path, migrated_sqlite, WEB_WORKERS=3) as app:
        assert [get(app, SOURCE, **bearer("x")).status_code for _ in range(3)] == [401, 401, 429]


def test_a_wall_of_cameras_is_served_by_one_process_of_many(tmp_path: Path, migrated_sqlite: Path) -> None:
    """A browser asks over the connections that it keeps: all of it reaches one process."""
    with counting(tmp_path, migrated_sqlite, WEB_WORKERS=3, TRUSTED_NETWORKS="10.0.0.0/8") as app:
        found = [get(app, f"{SOURCE}/1/picture", by="10.0.0.1").status_code for _ in range(5)]
    assert found == [404] * 4 + [429]
    assert LIMITS["stills"].most / LIMITS["stills"].window_s >= 100


def test_counts_that_have_ended_are_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an attacker with many addresses fills the memory."""
    memory = rates.SweptMemory()
    for number in range(500):
        memory.incr(f"key-{number}", 1)
    assert len(memory.storage) == 500
    later_s = time.time() + 100
    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: later_s)
        clock.setattr(memory, "_swept_s", float("-inf"))
        memory.incr("new", 1)
    assert list(memory.storage) == ["new"]
    assert len(memory.locks) <= 1


# Redis


@pytest.fixture
def redis() -> Iterator[Redis]:
    """Yield a Redis of the test's own."""
    if reason := why_no_redis():
        missing(reason)
    with Redis() as server:
        yield server


def test_several_servers_count_together_in_redis_and_alone_while_it_is_away(
    tmp_path: Path, migrated_sqlite: Path, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    shared: dict[str, Any] = {"BROKER_URL": redis.database(1), "WEB_WORKERS": 1}
    with (
        counting(tmp_path / "a", migrated_sqlite, **shared) as one,
        counting(tmp_path / "b", migrated_sqlite, **shared) as two,
    ):
        assert [get(app, SOURCE, **bearer("x")).status_code for app in (one, two, one, two)] == [401] * 4
        check_refusal(get(one, SOURCE, **bearer("x")))
        check_refusal(get(two, SOURCE, **bearer("x")))
        redis.stop()
        found = [get(one, SOURCE, by="10.0.0.3", **bearer("x")).status_code for _ in range(6)]
        assert found == [401] * 4 + [429] * 2, "neither shut nor open"
        told = [line for line in capsys.readouterr().err.splitlines() if "Redis does not answer" in line]
        assert len(told) == 1
        assert not re.search(r"redis://|10\.0\.0\.3", told[0])
        assert get(one, SOURCE).status_code == 401


def test_nobody_fills_the_disk_with_tokens(production: Flask, secret: str) -> None:
    client = production.test_client()
    answers = [
        client.post("/api/v1/token", json={"name": f"t{number}"}, headers=bearer(secret)).status_code
        for number in range(6)
    ]
    assert answers == [200] * 4 + [429] * 2
    assert client.get("/api/v1/token", headers=bearer(secret)).status_code == 200
