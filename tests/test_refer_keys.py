"""Download keys by their rows alone: every instant is given, nothing waits (docs/design/refer.md)."""

import hashlib
import hmac
import json

import pytest
from flask import Flask
from sqlalchemy import select

from app.archive.handed import find_by_refer, key_hash
from app.errors import Conflict, Deleted, Gone, NotFound, TooMany
from app.extensions import db, writing
from app.models import Audit, DownloadLease, File, FileEvent, ReferKey, Rotation
from app.transfer import leasing, rotating
from app.transfer.leasing import Asker, begin_download, look_up
from app.transfer.referkeys import current_key, key_of
from tests.handed import T0_US, key_at, leases_of, rotate, row_of, store_file

NOBODY, NOBODYS_RANGE = Asker(None, False), Asker(None, True)
S = 1_000_000


@pytest.fixture
def file_id(app: Flask) -> int:
    """Return a complete file without a key."""
    return store_file(app, b"film", completed_us=T0_US)


def turn(app: Flask, file_id: int, at_s: float) -> bool:
    with app.app_context(), writing() as session:
        return rotating.turn(session, file_id, T0_US + int(at_s * S))


def opens(app: Flask, key: str, at_s: float, asker: Asker = NOBODY) -> bool:
    with app.app_context():
        try:
            look_up(db.session, key, asker, T0_US + int(at_s * S))
        except Gone:
            return False
        return True


def start(app: Flask, key: str, at_s: float, asker: Asker = NOBODY) -> str:
    with app.app_context(), writing() as session:
        return begin_download(session, key, asker, T0_US + int(at_s * S)).id


def end(app: Flask, lease_id: str, at_s: float) -> None:
    with app.app_context(), writing() as session:
        leasing.end_lease(session, lease_id, 4, T0_US + int(at_s * S), T0_US + int(at_s * S))


def told(app: Flask, file_id: int, at_s: float) -> tuple[int, float] | None:
    """Return which key is given out at an instant, and until when in seconds."""
    with app.app_context():
        key = current_key(file_id, T0_US + int(at_s * S))
        return None if key is None else (key.generation, (key.expires_us - T0_US) / S)


def events(app: Flask, file_id: int) -> list[tuple[str, dict[str, object]]]:
    with app.app_context():
        rows = db.session.scalars(select(FileEvent).where(FileEvent.file_id == file_id).order_by(FileEvent.id))
        return [(row.type, json.loads(row.payload)) for row in rows]


def rotations(app: Flask, file_id: int) -> list[tuple[float, float | None, str | None]]:
    with app.app_context():
        rows = db.session.scalars(select(Rotation).where(Rotation.file_id == file_id).order_by(Rotation.id))
        return [((row.started_us - T0_US) / S, row.ended_us and (row.ended_us - T0_US) / S, row.reason) for row in rows]


def test_a_key_is_128_bits_of_an_hmac_and_only_its_hash_is_stored(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    row = row_of(app, file_id)
    message = f"{file_id}|0|{row.salt}".encode()
    assert key == hmac.new(app.config["SECRET_KEY"].encode(), message, hashlib.sha256).hexdigest()[:32]
    with app.app_context():
        [stored] = db.session.scalars(select(ReferKey))
        assert (stored.generation, stored.key_sha256) == (0, hashlib.sha256(key.encode()).hexdigest())
        for table in db.metadata.sorted_tables:
            assert key not in str(db.session.execute(table.select()).all()), table.name
        assert key not in repr(stored) + repr(row) + repr(current_key(file_id, T0_US))


def test_generations_begin_each_90_s_though_the_clock_comes_late(app: Flask, file_id: int) -> None:
    rotate(app, file_id, T0_US)
    assert not turn(app, file_id, 89.999999)
    for number, at_s in enumerate((90, 183.5, 270, 369, 450, 541), 1):
        assert turn(app, file_id, at_s)
        assert not turn(app, file_id, at_s), "twice"
        assert told(app, file_id, at_s) == (number, min(90.0 * (number + 1), 600.0))
    assert not turn(app, file_id, 599.9)
    assert turn(app, file_id, 607)
    assert rotations(app, file_id) == [(0, 600, "ran_out")]
    with app.app_context():
        keys = db.session.scalars(select(ReferKey).order_by(ReferKey.generation)).all()
        assert [(key.issued_us - T0_US) / S for key in keys] == [0, 90, 180, 270, 360, 450, 540]
        assert [key.superseded_us and (key.superseded_us - T0_US) / S for key in keys[:-1]] == [
            *(90, 180, 270, 360, 450, 540)
        ]
    assert [kind for kind, _ in events(app, file_id)] == [*["download"] * 7, "status"]
    assert events(app, file_id)[3][1] == {"status": "ready", "generation": 3}
    assert events(app, file_id)[-1][1] == {"status": "ready", "rotation": "ran_out"}


def test_the_first_key_lives_its_90_s_and_15_s_more(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    turn(app, file_id, 90)
    assert opens(app, key, 0)
    assert opens(app, key, 104.999999)
    assert not opens(app, key, 105)
    assert opens(app, key_at(app, file_id, 1), 90)


def test_the_last_key_ends_with_the_ten_minutes(app: Flask, file_id: int) -> None:
    rotate(app, file_id, T0_US)
    turn(app, file_id, 540)
    key = key_at(app, file_id, 6)
    assert opens(app, key, 599.999999)
    assert not opens(app, key, 600)
    assert told(app, file_id, 599) == (6, 600)
    assert told(app, file_id, 600) is None


def test_a_dead_clock_prolongs_nothing_and_its_keys_are_never_made(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    assert not opens(app, key, 105)
    assert told(app, file_id, 89) == (0, 90)
    assert told(app, file_id, 90) is None
    assert turn(app, file_id, 400)
    assert told(app, file_id, 400) == (4, 450)
    with app.app_context():
        assert db.session.scalars(select(ReferKey.generation).order_by(ReferKey.generation)).all() == [0, 4]
        with pytest.raises(NotFound):
            look_up(db.session, key_of(db.session.get_one(File, file_id), 2), NOBODY, T0_US + 400 * S)


def test_a_download_ends_the_rotation_and_its_key_opens_until_the_ten_minutes_are_over(
    app: Flask, file_id: int
) -> None:
    key = rotate(app, file_id, T0_US)
    start(app, key, 50)
    assert rotations(app, file_id) == [(0, 50, "downloaded")]
    assert not turn(app, file_id, 90)
    assert told(app, file_id, 300) == (0, 600)
    assert opens(app, key, 599.999999)
    assert not opens(app, key, 600)
    assert events(app, file_id)[-1] == ("status", {"status": "ready", "rotation": "downloaded"})


def test_a_download_within_the_grace_keeps_that_key_and_lets_the_unused_one_die(app: Flask, file_id: int) -> None:
    first = rotate(app, file_id, T0_US)
    turn(app, file_id, 90)
    second = key_at(app, file_id, 1)
    start(app, first, 100)
    assert told(app, file_id, 120) == (1, 180)
    assert told(app, file_id, 190) == (0, 600)
    assert opens(app, first, 590)
    assert opens(app, second, 190)
    assert not opens(app, second, 195)


def test_restart_goes_on_with_a_running_rotation_and_begins_one_after_its_end(app: Flask, file_id: int) -> None:
    first = rotate(app, file_id, T0_US)

    def restart(at_s: float) -> bool:
        with app.app_context(), writing() as session:
            return rotating.restart(session, session.get_one(File, file_id), "anna", T0_US + int(at_s * S))

    assert not restart(10)
    assert told(app, file_id, 10) == (0, 90)
    assert not restart(200), "the key that is due is given out, though no clock came"
    assert told(app, file_id, 200) == (2, 270)
    assert restart(700), "nobody had ended it"
    assert rotations(app, file_id) == [(0, 600, "ran_out"), (700, None, None)]
    assert told(app, file_id, 700) == (3, 790)
    second = key_at(app, file_id, 3)
    start(app, second, 710)
    assert restart(720), "the download has ended it"
    assert opens(app, second, 1299), "the key that was used stays"
    assert told(app, file_id, 720) == (4, 810)
    assert not opens(app, first, 720)
    with app.app_context():
        acts = db.session.scalars(select(Audit).where(Audit.action == "refer.restart").order_by(Audit.id)).all()
        assert [(act.actor, act.subject, json.loads(act.detail)) for act in acts] == [
            ("anna", str(file_id), {"generation": 3}),
            ("anna", str(file_id), {"generation": 4}),
        ]


def test_a_file_that_is_not_complete_gets_no_key(app: Flask) -> None:
    file_id = store_file(app, b"", completed_us=None, status="processing", sha256=None, size_bytes=None)
    with app.app_context(), writing() as session:
        row = session.get_one(File, file_id)
        assert rotating.begin_rotation(session, row, T0_US) is None
        with pytest.raises(Conflict) as refused:
            rotating.restart(session, row, "anna", T0_US)
    assert refused.value.kind == "not_complete"
    assert row_of(app, file_id).generation == -1


def test_revoking_ends_every_key_and_every_running_download(app: Flask, file_id: int) -> None:
    first = rotate(app, file_id, T0_US)
    turn(app, file_id, 90)
    lease_id = start(app, first, 100)
    with app.app_context():
        for at_s in (110, 120):
            with writing() as session:
                rotating.revoke(session, session.get_one(File, file_id), "anna", T0_US + at_s * S)
        with writing() as session:
            assert not leasing.beat(session, lease_id, 4, T0_US + 111 * S), "who sends learns of it"
        [act] = db.session.scalars(select(Audit).where(Audit.action == "refer.revoke"))
        assert (act.actor, json.loads(act.detail)) == ("anna", {"cut": 1, "generation": 1})
        said = json.loads(db.session.scalars(select(FileEvent).order_by(FileEvent.id.desc())).first().payload)
        assert said["rotation"] == "revoked", "the used key was still given out: its end is told"
    for key in (first, key_at(app, file_id, 1)):
        assert not opens(app, key, 111)
        assert not opens(app, key, 111, NOBODYS_RANGE)
    assert told(app, file_id, 111) is None
    rotate(app, file_id, T0_US + 130 * S)
    assert opens(app, key_at(app, file_id, 2), 131)


def test_a_deleted_file_gives_out_nothing(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    lease_id = start(app, key, 10)
    with app.app_context():
        with writing() as session:
            row = session.get_one(File, file_id)
            row.deleted_us = T0_US + 20 * S
            rotating.end_of_file(session, row, T0_US + 20 * S)
            assert rotating.begin_rotation(session, row, T0_US + 21 * S) is None
            assert not leasing.beat(session, lease_id, 4, T0_US + 21 * S)
        with pytest.raises(Deleted):
            look_up(db.session, key, NOBODY, T0_US + 21 * S)
    assert told(app, file_id, 21) is None


def test_a_rotation_that_was_left_open_is_ended_with_its_file(app: Flask, file_id: int) -> None:
    rotate(app, file_id, T0_US)
    with app.app_context(), writing() as session:
        session.get_one(File, file_id).deleted_us = T0_US + 20 * S
    assert turn(app, file_id, 90)
    assert rotations(app, file_id) == [(0, 90, "deleted")]


def test_what_is_due_is_found_whatever_became_of_the_messages(app: Flask, file_id: int) -> None:
    rotate(app, file_id, T0_US)

    def due(at_s: float) -> list[int]:
        with app.app_context():
            return rotating.due(db.session, T0_US + int(at_s * S))

    assert due(89.9) == []
    assert due(90) == [file_id]
    turn(app, file_id, 91)
    assert due(91) == []
    assert due(180) == [file_id]
    turn(app, file_id, 560)
    assert due(599) == []
    assert due(600) == [file_id]
    turn(app, file_id, 600)
    assert due(10_000) == []


def test_a_clock_that_was_set_back_ends_the_rotation_and_prolongs_no_key(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    assert opens(app, key, -10), "clocks of two machines differ"
    assert not opens(app, key, -3600)
    assert told(app, file_id, -3600) is None
    assert turn(app, file_id, -3600)
    assert rotations(app, file_id) == [(0, -3600, "ran_out")]


def test_a_key_of_another_secret_key_opens_but_is_not_told_again(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    app.config["SECRET_KEY"] = "another"
    assert opens(app, key, 1)
    assert told(app, file_id, 1) is None


def test_the_lasting_reference_opens_no_download_and_says_where_the_address_comes_from(
    app: Flask, file_id: int
) -> None:
    rotate(app, file_id, T0_US)
    with app.app_context(), pytest.raises(NotFound) as refused:
        look_up(db.session, row_of(app, file_id).refer, NOBODY, T0_US)
    assert refused.value.kind == "not_a_download_key"
    assert "GET /download/ID/" in refused.value.message
    assert "POST /files/ID/refer/" in refused.value.message


def test_a_key_that_has_run_out_still_names_its_file(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    assert not opens(app, key, 900)
    with app.app_context():
        assert find_by_refer(db.session, key).id == file_id


@pytest.mark.parametrize(
    ("at_s", "used_s", "kind"),
    [(105, None, "key_rotated_out"), (600, 10, "key_expired"), (9000, None, "key_rotated_out")],
)
def test_the_refusal_of_an_old_key_says_why_and_never_the_key(
    app: Flask, file_id: int, at_s: int, used_s: int | None, kind: str
) -> None:
    key = rotate(app, file_id, T0_US)
    if used_s is not None:
        end(app, start(app, key, used_s), used_s)
    with app.app_context(), pytest.raises(Gone) as refused:
        look_up(db.session, key, NOBODY, T0_US + at_s * S)
    assert refused.value.kind == kind
    assert key not in refused.value.message
    assert key_hash(key) not in refused.value.message


def test_ten_users_download_at_once_and_the_eleventh_is_told_when_to_come_back(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    leases = [start(app, key, 1) for _ in range(10)]
    with pytest.raises(TooMany) as refused:
        start(app, key, 2)
    assert refused.value.retry_after_s
    row = row_of(app, file_id)
    assert (row.downloads, row.users) == (10, 10), "who was refused is not counted"
    end(app, leases[3], 3)
    start(app, key, 4)
    assert len(leases_of(app, file_id)) == 10


def test_an_account_counts_once_however_many_connections_it_has(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    for number in range(9):
        start(app, key, number)
    leases = [start(app, key, 10, Asker("anna", False)) for _ in range(5)]
    assert row_of(app, file_id).users == 10
    with pytest.raises(TooMany):
        start(app, key, 11, Asker("ben", False))
    for lease_id in leases[:4]:
        end(app, lease_id, 12)
    with pytest.raises(TooMany):
        start(app, key, 13, Asker("ben", False))
    end(app, leases[4], 14)
    start(app, key, 15, Asker("ben", False))
    start(app, key, 16, Asker("ben", False))
    row = row_of(app, file_id)
    assert (row.downloads, row.users) == (16, 11)


def test_a_place_without_progress_is_free_after_60_s_and_its_sender_learns_of_it(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    stuck = start(app, key, 0)
    moving = [start(app, key, 0) for _ in range(9)]
    with app.app_context():
        for lease_id in moving:
            with writing() as session:
                assert leasing.beat(session, lease_id, 1, T0_US + 50 * S)
    with pytest.raises(TooMany):
        start(app, key, 59)
    start(app, key, 60)
    with app.app_context(), writing() as session:
        assert not leasing.beat(session, stuck, 2, T0_US + 61 * S)
    assert len(leases_of(app, file_id)) == 10


def test_places_of_the_dead_are_free_60_s_after_the_clock_was_set_back(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US + 3600 * S)
    leases = [start(app, key, 3600) for _ in range(10)]
    end(app, leases[0], 3600)  # one has ended, of one the process lives, the others are dead
    key = rotate(app, file_id, T0_US)
    assert not opens(app, key_at(app, file_id, 0), 1, NOBODYS_RANGE), "its download went on in what is now the future"
    for at_s in (1, 30):
        with app.app_context(), writing() as session:
            leasing.settle_ahead(session, file_id, T0_US + at_s * S)
    start(app, key, 40)
    with pytest.raises(TooMany):
        start(app, key, 41)
    with app.app_context(), writing() as session:
        assert leasing.beat(session, leases[1], 5, T0_US + 50 * S), "no running download is cut off"
    for _ in range(8):
        start(app, key, 62)
    with pytest.raises(TooMany):
        start(app, key, 62)


def test_a_range_goes_on_with_a_living_download_beyond_the_ten_minutes_and_counts_nothing(
    app: Flask, file_id: int
) -> None:
    rotate(app, file_id, T0_US)
    turn(app, file_id, 540)
    key = key_at(app, file_id, 6)
    lease_id = start(app, key, 590)
    end(app, lease_id, 620)
    assert not opens(app, key, 630), "a whole body would be a start"
    for at_s in (630, 680, 730):
        end(app, start(app, key, at_s, NOBODYS_RANGE), at_s)
    assert (row_of(app, file_id).downloads, row_of(app, file_id).users) == (1, 1)
    assert opens(app, key, 789.9, NOBODYS_RANGE)
    assert not opens(app, key, 790, NOBODYS_RANGE)


def test_a_range_of_one_user_does_not_go_on_with_the_download_of_another(app: Flask, file_id: int) -> None:
    rotate(app, file_id, T0_US)
    turn(app, file_id, 540)
    key = key_at(app, file_id, 6)
    start(app, key, 590, Asker("anna", False))
    assert opens(app, key, 610, Asker("anna", True))
    assert not opens(app, key, 610, Asker("ben", True))
    assert not opens(app, key, 610, NOBODYS_RANGE)


def test_ranges_need_a_place_like_everybody(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    end(app, start(app, key, 0), 1)
    for _ in range(10):
        start(app, key, 2)
    with pytest.raises(TooMany):
        start(app, key, 3, NOBODYS_RANGE)


def test_old_leases_of_nobody_are_removed_and_the_first_of_each_account_stays(app: Flask, file_id: int) -> None:
    key = rotate(app, file_id, T0_US)
    end(app, start(app, key, 1), 2)
    kept = start(app, key, 1, Asker("anna", False))
    for at_s in (2, 2):  # a player that seeks
        end(app, start(app, key, at_s, Asker("anna", True)), at_s)
    end(app, kept, 2)
    start(app, key, 3)  # and its process dies
    with app.app_context():
        for at_s, left in ((7 * 86_400, 5), (7 * 86_400 + 10, 1)):
            with writing() as session:
                leasing.clear(session, T0_US + at_s * S)
            assert len(db.session.scalars(select(DownloadLease)).all()) == left
    assert [lease.id for lease in leases_of(app, file_id, is_running=False)] == [kept]
