"""The `flask` commands: what an operator does at a terminal, by the same rules as the API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from instance.config import ProductionConfig
from tests.conftest import migrated, open_app
from tests.test_api import API, add_group, add_source
from tests.test_source_api import stored

Command = Callable[..., Result]


@pytest.fixture
def flask(app: Flask) -> Command:
    """Return what runs a command line."""
    return lambda line, **how: app.test_cli_runner().invoke(args=line.split(" "), **how)


def cells(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split("\t") for line in result.output.splitlines()]


def test_the_life_of_a_source(app: Flask, flask: Command) -> None:
    assert cells(flask("source add --rtsp - --description door", input="rtsp://u:secret@127.0.0.1:1/a\n")) == [["1"]]
    assert stored(app).uri_rtsp == "rtsp://u:secret@127.0.0.1:1/a"
    assert cells(flask("source add --picture http://127.0.0.1:1/p")) == [["2"]]
    assert cells(flask("source list")) == [
        ["1", "Source", "unknown", "rtsp://u:***@127.0.0.1:1/a", "door"],
        ["2", "PictureSource", "unknown", "http://127.0.0.1:1/p", "-"],
    ]
    assert cells(flask("source list --model PictureSource")) == [
        ["2", "PictureSource", "unknown", "http://127.0.0.1:1/p", "-"]
    ]
    assert cells(flask("source change 1 --rtsp rtsp://u:***@127.0.0.1:1/b --description gate")) == []
    assert stored(app).uri_rtsp == "rtsp://u:secret@127.0.0.1:1/b"
    assert cells(flask("source list --q gate"))[0][4] == "gate"
    assert cells(flask("source delete 2")) == []
    assert [row[0] for row in cells(flask("source list"))] == ["1"]


def test_a_refusal_is_a_line_that_names_the_value_and_a_status(flask: Command) -> None:
    for line, words in (
        ("source add --rtsp http://h/", "uri_rtsp: "),
        ("source delete 9", "source_id: there is no source 9"),
        ("source list --status on", "status: "),
        ("group add-source none 1", "there is no group 'none'"),
        ("record start --tag t --group none", "group_name: there is no group 'none'"),
        ("record delete-file x", "record_id: "),
    ):
        result = flask(line)
        assert result.exit_code == 1, line
        assert words in result.output
        assert "Traceback" not in result.output


def test_groups_recordings_and_tags(app: Flask, flask: Command) -> None:
    client = app.test_client()
    for _ in range(2):
        add_source(client)
    [[group_id]] = cells(flask("group add hall"))
    assert cells(flask("group add-source hall 1 2")) == []
    assert cells(flask("group list")) == [[group_id, "hall", "1,2"]]
    assert cells(flask(f"group remove-source {group_id} 2")) == []
    assert cells(flask("group rename hall porch")) == []
    assert cells(flask("group list")) == [[group_id, "porch", "1"]]
    assert cells(flask("record start --tag night --group porch")) == []
    [[record_id, status, _, end, source, location]] = cells(flask("record list --tag night"))
    assert (status, end, source, location) == ("waiting", "-", "1", f"records/{record_id}.m3u8")
    assert cells(flask("tag list --recording"))[0][1:] == ["recording", "night"]
    assert cells(flask("record stop --tag night --model Source")) == []
    assert cells(flask("record list --tag night --open")) == []
    assert len(cells(flask("record list --tag night --ended --source 1"))) == 1
    assert cells(flask("tag list"))[0][1:] == ["-", "night"]
    assert cells(flask("group delete porch")) == []
    assert cells(flask("group list")) == []


def test_lists_are_read_in_pages_to_their_end(app: Flask, flask: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.commands.asking.PAGE", 2)
    for _ in range(5):
        add_source(app.test_client())
    assert [row[0] for row in cells(flask("source list"))] == ["1", "2", "3", "4", "5"]


def test_a_schedule_is_set_shown_and_removed(app: Flask, flask: Command, tmp_path: Path) -> None:
    add_group(app.test_client(), "hall")
    schedule: dict[str, Any] = {
        "tag_name": "night",
        "time_zone": "Europe/Berlin",
        "windows": [{"day": "friday", "begin": "22:00", "end": "06:00"}],
    }
    (tmp_path / "night.json").write_text(json.dumps(schedule), "utf-8")
    shown = flask(f"group schedule hall --set {tmp_path / 'night.json'}")
    assert schedule.items() <= json.loads(shown.output).items()
    assert json.loads(flask("group schedule hall").output)["group_id"] == json.loads(shown.output)["group_id"]
    assert flask(f"group schedule hall --remove --set {tmp_path / 'night.json'}").exit_code == 2
    assert cells(flask("group schedule hall --remove")) == []
    assert flask("group schedule hall").exit_code == 1


def test_a_file_of_sources_is_imported_whole_or_not_at_all(flask: Command, tmp_path: Path) -> None:
    good = "model,uri_rtsp,group_name\nSource,rtsp://127.0.0.1:1/a,hall\nSource,rtsp://127.0.0.1:1/b,hall\n"
    (tmp_path / "good.csv").write_text(good, "utf-8")
    (tmp_path / "bad.csv").write_text(f"{good}Source,http://h/,hall\n", "utf-8")
    (tmp_path / "good.json").write_text('[{"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/c"}]', "utf-8")
    refused = flask(f"source import {tmp_path / 'bad.csv'}")
    assert (refused.exit_code, "2.uri_rtsp" in refused.output) == (1, True)
    assert cells(flask("source list")) == []
    assert cells(flask(f"source import {tmp_path / 'good.csv'}")) == [["1"], ["2"]]
    assert cells(flask(f"source import {tmp_path / 'good.json'}")) == [["3"]]
    assert cells(flask("source import -", input=good)) == [["4"], ["5"]]
    assert cells(flask("group list"))[0][1:] == ["hall", "1,2,4,5"]


def test_commands_need_no_token_in_production(tmp_path: Path) -> None:
    networks = {"CAMERA_NETWORKS": "127.0.0.0/8"}
    config = ProductionConfig(INSTANCE=str(tmp_path / "instance"), SECRET_KEY="s" * 32, **networks)
    migrated(config)
    for app in open_app(config):
        assert app.test_client().get(f"{API}/source").status_code == 401
        assert cells(app.test_cli_runner().invoke(args=["source", "add", "--rtsp", "rtsp://127.0.0.1:1/a"])) == [["1"]]
        assert [row[0] for row in cells(app.test_cli_runner().invoke(args=["source", "list"]))] == ["1"]
