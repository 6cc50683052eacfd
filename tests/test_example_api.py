"""The examples: the endpoint to copy from, and the data of example.sql."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.extensions import db
from instance.config import ProductionConfig, TestingConfig
from tests.test_api import API, UNKNOWN, locs


def test_a_note_is_left_and_found(client: FlaskClient) -> None:
    note = client.post(f"{API}/example", json={"text": "the lens of camera 3 is dirty"}).json
    assert set(note) == {"id", "created_utc", "text"}
    assert client.get(f"{API}/example").json == [note]
    assert client.get(f"{API}/example/{note['id']}/").json == note


@pytest.mark.parametrize("text", ["", "x" * 4097, 5, None, "\x00"])
def test_a_wrong_text_is_refused(client: FlaskClient, text: object) -> None:
    refused = client.post(f"{API}/example", json={"text": text})
    assert refused.status_code == 422
    assert locs(refused) == [["body", "text"]]


def test_an_unknown_note_is_not_found(client: FlaskClient) -> None:
    assert client.get(f"{API}/example/{UNKNOWN}/").status_code == 404
    assert client.get(f"{API}/example/x/").status_code == 422


def test_production_has_no_example(app: Flask, config: TestingConfig) -> None:
    production = create_app(ProductionConfig(INSTANCE=config.INSTANCE, SECRET_KEY="k" * 48))
    assert any("/example" in rule.rule for rule in app.url_map.iter_rules())
    assert not any("/example" in rule.rule for rule in production.url_map.iter_rules())


def test_example_data_is_loaded_once_however_often(database_app: Flask) -> None:
    lines = (Path(__file__).parent.parent / "example.sql").read_text("utf-8").splitlines()
    script = "\n".join(line for line in lines if not line.startswith("--"))
    statements = [statement for statement in script.split(";") if statement.strip()]
    with database_app.app_context(), db.engine.connect() as connection:
        for statement in (statements[1:-1]) * 2:  # without BEGIN and COMMIT, which the connection says itself
            connection.exec_driver_sql(statement)
        connection.commit()
    client = database_app.test_client()
    assert [source["description"] for source in client.get(f"{API}/source").json] == [
        "Entrance (example)",
        "Car park (example)",
    ]
    [group] = client.get(f"{API}/group").json
    assert len(client.get(f"{API}/group/{group['id']}/").json["sources"]) == 2
    assert client.get(f"{API}/tag?name=Night shift (example)").json["records"] == []
    refused = client.post(f"{API}/record", json={"model": "Source", "tag_name": "t", "group_name": group["name"]})
    assert [entry["type"] for entry in refused.json["detail"]] == ["not_started"] * 2
    assert len(client.get(f"{API}/example").json) == 1
