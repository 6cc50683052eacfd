"""Asking the API by its own document: schemathesis asks an operation for what it allows, and for what it does not.

Three files of tests have a share of the operations each, so that three processes ask at once. In production, with an
admin's token. The database has the ids of the document's examples and footage at their times, so that what is asked
exists. A failure is mended in the code or in the document, never here.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask, request
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from app.archive.shares import key_hash
from app.extensions import writing
from app.models import BasisViolation, Cinema, Comment, Group, Recommendation, Record, ShareLink, Source, Tag
from app.models.file import DB_READY
from app.views.fields import FIELDS
from app.views.meanings import BEGIN, KEY, OTHER_ID, RECORD_ID
from tests.accounts import add_account
from tests.archived import record
from tests.conftest import in_production
from tests.handed import rotate, store_file

ENDLESS = ["/api/v1/source/{source_id}/video", "/test/video"]
EXAMPLES_EACH = 4
CAMERAS = ("/api/v1/source", "/api/v1/group", "/api/v1/record", "/api/v1/tag")
HANDED = ("/files", "/download", "/record", "/cinema", "/comments", "/recommend", "/sse", "/violations", "/csrftoken")
DELETING = ("DELETE /files/{file_id}/", "POST /files/{file_id}/")  # the other does so by X-HTTP-Method-Override
# Not among the checks: that whatever the schema allows is accepted. No schema can say which names and ids are in use,
# nor that an address must have a host. Nor whether a token is asked for: that check of 4.32 fails at a WSGI app
# (`max_redirects`), and tests/test_auth.py asks every address without one.
SETTINGS: dict[str, Any] = {
    "seed": 20261120,
    "cache": {"enabled": False},  # what is asked does not depend on what an earlier run has seen
    "generation": {"mode": "all", "max-examples": EXAMPLES_EACH, "deterministic": True},
    "phases": {"stateful": {"enabled": False}},
    "checks": {
        "positive_data_acceptance": {"enabled": False},
        "ignored_auth": {"enabled": False},
        # These are documented answers of some operations: no recorder, no camera, no room.
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503", "504", "507"]},
        # A record whose file was deleted is gone, whatever else is wrong.
        "negative_data_rejection": {
            "expected-statuses": ["400", "401", "403", "404", "405", "409", "410", "415", "422", "428", "5xx"]
        },
    },
    # PUT of these addresses is PUT of the source that is called `bulk`, `test`, `discover`: 422.
    "operations": [
        {"include-name": f"POST /api/v1/source/{name}", "checks": {"unsupported_method": {"enabled": False}}}
        for name in ("bulk", "test", "discover")
    ],
}


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(context: schemathesis.SerializationContext, value: Any) -> Any:
    """Send a piece of tus as it is."""
    return value if isinstance(value, bytes) else getattr(value, "data", None) or str(value).encode()


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production whose cameras may be where the document's examples are."""
    with in_production(tmp_path, migrated_sqlite, RATE_LIMITS=False, CAMERA_NETWORKS="") as app:
        yield app


def add_rows(app: Flask) -> str:
    """Add an admin, and rows with the ids of the document's examples; return the admin's token."""
    begin_us = round(datetime.fromisoformat(BEGIN).timestamp() * 1_000_000)
    with app.app_context(), writing() as session:
        sources = [Source(model="Source", uri_rtsp=f"rtsp://u:p@127.0.0.1:{port}/x") for port in (1, 2)]
        group = Group(id=OTHER_ID, model="Source", name=FIELDS["group_name"].example, sources=sources)
        tag = Tag(id=OTHER_ID, name=FIELDS["tag_name"].example)
        session.add_all([group, tag])
        session.flush()
        times = {"begin_us": begin_us, "end_us": begin_us + 8_000_000}
        session.add(Record(id=RECORD_ID, source_id=sources[0].id, tag_id=tag.id, **times))
        lasting = {"created_by": "admin", "expires_us": 2**53}
        session.add(ShareLink(key_sha256=key_hash(KEY), source_id=sources[0].id, **times, **lasting))
        token = add_account(session)
    assert token is not None
    add_files(app)
    return token


def add_files(app: Flask) -> None:
    """Add the files of the examples: one that is ready, and one that is over, so that its events come to an end."""
    ready, over = FIELDS["file_id"].example, FIELDS["index"].example
    refer = FIELDS["refer"].example
    store_file(app, b"a film", id=ready, refer=refer, name="film.mp4")
    store_file(app, b"a script", id=over, status=DB_READY, name="script.txt")
    rotate(app, ready)
    with app.app_context(), writing() as session:
        listed = {"code": "violence-05", "violations": "Violence", "age": "12+ / 16+"}
        session.add(BasisViolation(id=FIELDS["violation_id"].example, **listed))
        said = {"comment": "a word", "comment_author": "User", "actor": "admin"}
        session.add(Comment(id=FIELDS["comment_id"].example, file_id=ready, **said))
        session.add(Recommendation(id=FIELDS["recommendation_id"].example, file_id=ready))
        session.add(Cinema(file_id=ready, actor="admin"))


def failures(event: events.ScenarioFinished) -> list[str]:
    """Return what the checks of one scenario found, with the request that shows it."""
    found = []
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure, response = check.failure_info.failure, event.recorder.interactions[case_id].response
                answer = response and f"{response.status_code} {response.content[:300]!r}"
                found.append(f"{check.name}: {failure.message}\n{check.failure_info.code_sample}\n{answer}")
    return found


def share_of(document: dict[str, Any], number: int) -> list[str]:
    """Return the names of the operations of a share; the three leave none out.

    What is made by one operation is asked for by others, so that these stay together; those that delete a file are in
    a share where nothing else asks for it.
    """
    paths = {path: item for path, item in document["paths"].items() if path not in ENDLESS}
    names = [f"{method.upper()} {path}" for path, item in paths.items() for method in item]
    return [name for name in names if place_of(name) == number]


def place_of(name: str) -> int:
    """Return the number of the share of an operation: cameras and recordings, what is handed over, all else."""
    path = name.split()[1]
    if name in DELETING:
        return 2
    if path.startswith(CAMERAS):
        return 0
    return 1 if path.startswith(HANDED) else 2


def close_bodies(app: Flask) -> None:
    """Close what was sent with its request: of 500 kB or more it is a temporary file, which nobody else closes."""

    @app.teardown_request
    def close(_error: BaseException | None) -> None:
        request.environ["wsgi.input"].close()


def statuses_of(app: Flask, token: str | None) -> dict[str, set[int]]:
    """Ask every operation as who has this token, or none; return the statuses of the answers by operation.

    The document itself is read as an admin. Nothing but who asks is judged: each operation is asked for what it allows.
    """
    close_bodies(app)
    reading = {"Authorization": f"Bearer {add_rows(app)}"}
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    endless = [{"include-path": path, "enabled": False} for path in ENDLESS]
    generation = {"mode": "positive", "max-examples": 1, "deterministic": True}
    settings = {"seed": SETTINGS["seed"], "cache": {"enabled": False}, "generation": generation, "operations": endless}
    phases = {name: {"enabled": False} for name in ("stateful", "coverage", "examples")}
    config = SchemathesisConfig.from_dict({**settings, "phases": phases, "headers": headers})
    schema = schemathesis.openapi.from_wsgi("/swagger.json", app, config=config, headers=reading)
    asked: dict[str, set[int]] = {}
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            answers = [interaction.response for interaction in event.recorder.interactions.values()]
            statuses = {answer.status_code for answer in answers if answer is not None}
            asked.setdefault(event.recorder.label, set()).update(statuses)
    return asked


def ask_share(app: Flask, film: Path, number: int) -> None:
    """Ask every operation of a share, and judge the answers: more than 8 of 10 operations give a good one.

    `film` is recorded at the times of the examples.
    """
    close_bodies(app)
    token = add_rows(app)
    begin_us = round(datetime.fromisoformat(BEGIN).timestamp() * 1_000_000)
    record(app, 1, film, begin_us=begin_us)
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    share = share_of(app.test_client().get("/swagger.json", headers=headers).json, number)
    # `schema.include()` and `exclude()` of 4.32 do nothing where the settings name operations.
    operations = [*SETTINGS["operations"], {"exclude-name": share, "enabled": False}]
    config = SchemathesisConfig.from_dict({**SETTINGS, "operations": operations, "headers": headers})
    schema = schemathesis.openapi.from_wsgi("/swagger.json", app, config=config, headers=headers)
    asked: dict[str, set[int]] = {}
    found: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            answers = [interaction.response for interaction in event.recorder.interactions.values()]
            statuses = {answer.status_code for answer in answers if answer is not None}
            asked.setdefault(event.recorder.label, set()).update(statuses)
            found += [f"{event.recorder.label}: {failure}" for failure in failures(event)]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.append(repr(event))
    assert not found, "\n\n".join(found)
    assert set(asked) == set(share)
    answered = [name for name, statuses in asked.items() if any(200 <= status < 400 for status in statuses)]
    assert len(answered) > 0.8 * len(asked), sorted(set(asked) - set(answered))
