"""The endpoint to copy from: live in development and tests only."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
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
