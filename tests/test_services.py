"""The database and the broker that tests run against are real, empty when asked for, and gone at the end."""

from pathlib import Path

import pytest
import redis
import sqlalchemy

from tests.conftest import missing
from tests.services import POSTGRES_VARIABLE, REDIS_VARIABLE, Postgres, Redis, why_no_postgres, why_no_redis


def tables(url: str) -> list[str]:
    """Return the tables of a database, and leave one more in it."""
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        found = sqlalchemy.inspect(connection).get_table_names()
        connection.execute(sqlalchemy.text("CREATE TABLE IF NOT EXISTS left_over (id integer)"))
    engine.dispose()
    return found


def test_postgres_gives_an_empty_database_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := why_no_postgres():
        missing(reason)
    with Postgres() as postgres:
        url = postgres.database("one")
        assert tables(url) == []
        assert tables(url) == ["left_over"]
        assert tables(postgres.database("one")) == []
        monkeypatch.setenv(POSTGRES_VARIABLE, url)
        with Postgres() as running:
            assert tables(running.database("other")) == []
        assert tables(url) == ["left_over"], "a server of the environment is left running"


def test_redis_gives_an_empty_database_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := why_no_redis():
        missing(reason)
    with Redis() as server:
        for _ in range(2):
            with redis.Redis.from_url(server.database(3)) as client:
                assert client.dbsize() == 0
                client.set("left", "over")
        monkeypatch.setenv(REDIS_VARIABLE, server.database())
        with Redis() as running, redis.Redis.from_url(running.database(1)) as client:
            assert client.ping()
        with redis.Redis.from_url(server.database()) as client:
            assert client.ping(), "a server of the environment is left running"


def test_a_machine_without_services_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(REDIS_VARIABLE, raising=False)
    assert "install redis-server" in why_no_redis()
