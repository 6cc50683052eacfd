"""Another secret key, with the old one at hand: nothing is lost, all is encrypted anew, nothing stops recording."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Text, select, text, type_coerce

from app import create_app
from app.archive import secretkeys
from app.extensions import Model, db, writing
from app.models import Account, Source
from app.models.types import UNREADABLE, EncryptedText, renewed
from instance.config import ConfigurationError, TestingConfig, load_config
from tests.archive_reading import query
from tests.media import make_video
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

FIRST, SECOND, THIRD = "first-key-" * 4, "second-key-" * 4, "third-key-" * 4
ADDRESS = "rtsp://admin:correct-horse@10.0.0.5/cam"


@pytest.fixture
def first(database_config: TestingConfig, database_app: Flask) -> Iterator[Flask]:
    """Yield an app under the first key, with sources of both models, one without a picture, and a second factor."""
    app = create_app(replace(database_config, SECRET_KEY=FIRST))
    with app.app_context():
        with writing() as session:
            session.add(Source(model="Source", uri_rtsp=ADDRESS))
            session.add(
                Source(model="PictureSource", picture_uri="http://10.0.0.6/x", picture_password="correct-horse")
            )
            session.add(Account(name="eve", role="viewer", tf_totp_secret="JBSWY3DPEHPK3PXP"))
        yield app
        db.session.remove()
        db.engine.dispose()


@contextmanager
def under(app: Flask, key: str, *old: str) -> Iterator[Flask]:
    """Work within an app with other keys over the same database."""
    other = create_app(replace(app.config["PLAYBACK"], SECRET_KEY=key, SECRET_KEYS_OLD=",".join(old)))
    with other.app_context():
        yield other
        db.session.remove()
        db.engine.dispose()


def counts(found: list[secretkeys.Counted]) -> dict[str, tuple[int, int, int]]:
    return {one.name: (one.current, one.old, one.unreadable) for one in found}


def secrets() -> list[Any]:
    db.session.expire_all()
    sources = db.session.execute(
        select(Source.uri_rtsp, Source.picture_uri, Source.picture_password).order_by(Source.id)
    )
    return [*(tuple(row) for row in sources), db.session.scalar(select(Account.tf_totp_secret))]


STORED = [(ADDRESS, None, None), (None, "http://10.0.0.6/x", "correct-horse"), "JBSWY3DPEHPK3PXP"]
NONE, ONE_OLD, ONE_NEW = (0, 0, 0), (0, 1, 0), (1, 0, 0)


def test_every_column_of_secrets_is_found_from_the_models() -> None:
    found = {f"{each.name}.{name}" for each, names in secretkeys.secret_columns().items() for name in names}
    typed = {
        str(one) for each in Model.metadata.sorted_tables for one in each.columns if isinstance(one.type, EncryptedText)
    }
    assert found == typed
    assert {"source.uri_rtsp", "source.picture_uri", "source.picture_password", "account.tf_totp_secret"} <= found


def test_an_old_key_still_reads_and_rotation_makes_it_needless(first: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secretkeys, "BATCH", 1)
    with under(first, SECOND, FIRST):
        assert secrets() == STORED
        assert set(counts(secretkeys.check()).values()) == {ONE_OLD}
        assert set(counts(secretkeys.rotate("terminal")).values()) == {ONE_OLD}
        assert set(counts(secretkeys.check()).values()) == {ONE_NEW}
        assert set(counts(secretkeys.rotate("terminal")).values()) == {ONE_NEW}
        action, detail = db.session.execute(text("SELECT action, detail FROM audit ORDER BY id")).first() or ("", "")
        assert (action, json.loads(detail)["source.uri_rtsp"]) == ("secrets.rotate", {"rotated": 1, "unreadable": 0})
        assert "correct-horse" not in detail
    with under(first, SECOND):
        assert secrets() == STORED
    with first.app_context():
        assert secrets()[0] == (UNREADABLE, None, None)


def test_what_no_key_reads_is_left_as_it_is_and_told(first: Flask) -> None:
    with first.app_context():
        stored = db.session.scalar(select(type_coerce(Source.uri_rtsp, Text)).where(Source.id == 1))
    with under(first, THIRD, SECOND):
        assert set(counts(secretkeys.rotate("terminal")).values()) == {(0, 0, 1)}
        assert db.session.scalar(select(type_coerce(Source.uri_rtsp, Text)).where(Source.id == 1)) == stored


def test_a_rotation_that_was_broken_off_is_begun_again(first: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secretkeys, "BATCH", 1)
    write, written = secretkeys._write, []

    def break_off(*arguments: Any) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(arguments)
        write(*arguments)

    with under(first, SECOND, FIRST):
        monkeypatch.setattr(secretkeys, "_write", break_off)
        with pytest.raises(KeyboardInterrupt):
            secretkeys.rotate("terminal")
        monkeypatch.setattr(secretkeys, "_write", write)
        assert sorted(counts(secretkeys.check()).values()) == [ONE_OLD, ONE_OLD, ONE_OLD, ONE_NEW]
        assert secrets() == STORED
        assert sum(old for _, old, _ in counts(secretkeys.rotate("terminal")).values()) == 3
        assert set(counts(secretkeys.check()).values()) == {ONE_NEW}


def test_an_address_that_is_changed_meanwhile_is_not_written_over(
    first: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with under(first, SECOND, FIRST):
        write = secretkeys._write

        def change_before(session: Any, plain: Any, keys: list[str], row: Any, name: str, fresh: str) -> None:
            if name == "uri_rtsp":
                changed = {"uri_rtsp": renewed_text("rtsp://10.0.0.7/new")}
                session.execute(plain.update().where(plain.c.id == row.id).values(changed))
            write(session, plain, keys, row, name, fresh)

        monkeypatch.setattr(secretkeys, "_write", change_before)
        secretkeys.rotate("terminal")
        assert secrets()[0] == ("rtsp://10.0.0.7/new", None, None)


def renewed_text(plain: str) -> str:
    stored = EncryptedText().process_bind_param(plain, db.engine.dialect)
    assert stored is not None
    assert renewed(stored) is None
    return stored


def test_an_old_key_signs_nothing(first: Flask) -> None:
    """Who rotates a key that leaked must not go on trusting what is signed with it."""
    before = first.session_interface.get_signing_serializer(first)
    with under(first, SECOND, FIRST) as app:
        assert not app.config.get("SECRET_KEY_FALLBACKS")
        after = app.session_interface.get_signing_serializer(app)
    assert before is not None
    assert after is not None
    with pytest.raises(Exception, match="does not match"):
        after.loads(before.dumps({"account": 1}))


@pytest.mark.parametrize("keys", ["short", f"{FIRST}, short", SECOND])
def test_an_old_key_that_is_none_stops_the_start_and_is_not_repeated(keys: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_config("development", SECRET_KEY=SECOND, SECRET_KEYS_OLD=keys)
    assert "PLAYBACK_SECRET_KEYS_OLD" in str(refused.value)
    assert not any(key in str(refused.value) for key in (FIRST, SECOND, "'short'"))


def test_the_commands_print_counts_and_the_way_out(first: Flask) -> None:
    def run(app: Flask, command: str) -> Any:
        done = app.test_cli_runner().invoke(args=["secrets", command])
        assert "correct-horse" not in done.output
        return done

    with under(first, SECOND) as app:
        lost = run(app, "rotate")
        assert lost.exit_code == 1
        assert "PLAYBACK_SECRET_KEYS_OLD" in lost.output
    with under(first, SECOND, FIRST) as app:
        assert run(app, "check").exit_code == 1
        done = run(app, "rotate")
        assert (done.exit_code, "source.uri_rtsp\t0\t1\t0" in done.stdout) == (0, True)
    with under(first, SECOND) as app:
        checked = run(app, "check")
        assert (checked.exit_code, "source.uri_rtsp\t1\t0\t0" in checked.stdout) == (0, True)


def test_a_recorder_that_knows_no_new_key_goes_on_recording(tmp_path: Path) -> None:
    """Who rotates before the restart loses no second: what the recorder knows is still right."""
    make_video(tmp_path / "cam.mp4", seconds=4, fps=12, gop=12, width=160, height=120)
    with (
        RtspServer({"cam": tmp_path / "cam.mp4"}, user="admin", password="correct-horse") as camera,
        Service(tmp_path / "service", "web", "recorder", SECRET_KEY=FIRST) as service,
    ):
        source_id = service.add_source(camera.url("cam"))
        service.add_group("gate", [source_id])
        service.record("night", "gate")
        wait_for(lambda: query(service, "SELECT 1 FROM run"), "footage")
        pids = service.ffmpeg_pids()
        service.environment |= {"PLAYBACK_SECRET_KEY": SECOND, "PLAYBACK_SECRET_KEYS_OLD": FIRST}
        assert service.run("-m", "flask", "secrets", "rotate").returncode == 0
        wait_for(lambda: len(camera.sessions("cam")[-1].sent("video")) > 80, "seconds more")
        assert service.ffmpeg_pids() == pids
        assert len(camera.sessions("cam")) == 1
