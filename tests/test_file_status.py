"""The status of a handed file: what may follow what, and that each change is told."""

import itertools
import json

import pytest
from flask import Flask
from sqlalchemy import select

from app.archive.handed import change_status
from app.errors import Conflict
from app.extensions import db, writing
from app.models import File, FileEvent
from app.models.file import STATUSES

LEGAL = {
    ("--------", "processing"),
    ("--------", "ready"),  # an empty file, which has no first byte
    ("--------", "error"),  # an announced upload that cannot be taken
    ("processing", "ready"),
    ("processing", "error"),
    ("ready", "db_ready"),
    ("ready", "error"),  # the analyser says that it failed
    ("error", "processing"),  # the upload goes on
    ("error", "ready"),  # its last bytes had come already
    ("error", "db_ready"),
}
PAIRS = list(itertools.product(STATUSES, STATUSES))


def test_every_pair_of_statuses_is_legal_or_refused(app: Flask) -> None:
    with app.app_context():
        for before, after in PAIRS:
            with writing() as session:
                row = File(name="a", owner="me", status=before)
                session.add(row)
                session.flush()
                file_id = row.id
            if before == after or (before, after) in LEGAL:
                with writing() as session:
                    change_status(session, session.get_one(File, file_id), after, why="said")
                assert db.session.get_one(File, file_id).status == after, (before, after)
                [event] = db.session.scalars(select(FileEvent).where(FileEvent.file_id == file_id))
                assert (event.type, json.loads(event.payload)) == ("status", {"status": after, "why": "said"})
            else:
                with pytest.raises(Conflict), writing() as session:
                    change_status(session, session.get_one(File, file_id), after)
                assert db.session.get_one(File, file_id).status == before, (before, after)
                assert db.session.scalars(select(FileEvent).where(FileEvent.file_id == file_id)).all() == []
        db.session.remove()
