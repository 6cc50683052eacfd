"""Two cameras with all that can belong to one, and how each address of the app is asked about either.

Every text of the second camera's world holds a mark, and every id of it is one that nothing else has: what a caller is
told who may see the first camera alone holds none of them.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.archive.auditing import audit
from app.archive.outbox import emit
from app.archive.storages import open_storage
from app.extensions import AnySession, db, writing
from app.models import (
    Account,
    ApiToken,
    Attempt,
    Cinema,
    Comment,
    Deletion,
    File,
    Finding,
    Group,
    Lease,
    Loss,
    Notice,
    Pin,
    ReceivedCopy,
    Recommendation,
    Record,
    Recorder,
    Result,
    RetentionRule,
    Run,
    Schedule,
    Segment,
    ShareLink,
    Source,
    SyncItem,
    SyncJob,
    Tag,
    Wanted,
    group_source,
)
from app.models.file import READY
from app.models.types import now_us
from tests.archived import T0_US, record, utc
from tests.handed import rotate, store_file

S = 1_000_000
MARK = "quokka"  # in every text of the second camera's world
OWN_AT_US = T0_US
OTHER_AT_US = T0_US - 500 * 86_400 * S  # in 2025: its instants are marks too
MARKED_YEAR = "2025-"
UUIDS = ("record", "group", "pin", "sync", "rule", "copy", "share", "token", "account")
MIXED = "both of them"  # a tag and a group of both cameras


@dataclass(frozen=True)
class Side:
    """One camera's world by its ids and names, or one that is not there."""

    word: str
    base: int  # integer ids of this side begin with it
    begin_us: int

    @property
    def source_id(self) -> int:
        """Return the id of the camera."""
        return self.base + 1

    @property
    def file_id(self) -> int:
        """Return the id of the file of footage."""
        return self.base + 2

    @property
    def upload_id(self) -> int:
        """Return the id of the uploaded file."""
        return self.base + 3

    @property
    def comment_id(self) -> int:
        """Return the id of the comment on the file of footage."""
        return self.base + 4

    @property
    def recommendation_id(self) -> int:
        """Return the id of what is joined of it."""
        return self.base + 5

    def uuid(self, name: str) -> str:
        """Return the id of what has one."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.word} {name}"))

    def refer(self, name: str) -> str:
        """Return the lasting reference of a file."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.word} refer {name}").hex

    def text(self, name: str) -> str:
        """Return a name or a text of this side."""
        return f"{self.word} {name}"

    @property
    def range(self) -> dict[str, str]:
        """Return a range of its footage."""
        return {"start": utc(self.begin_us), "end": utc(self.begin_us + 2 * S)}

    @property
    def soon(self) -> str:
        """Return an instant that is yet to come."""
        return utc(now_us() + 86_400 * S)

    @property
    def path(self) -> dict[str, Any]:
        """Return what stands for each name in an address."""
        uuids = {f"{name}_id": self.uuid(name) for name in UUIDS}
        ids = {"source_id": self.source_id, "file_id": self.file_id, "index": self.file_id}
        said = {"comment_id": self.comment_id, "recommendation_id": self.recommendation_id}
        return {**uuids, **ids, **said, "refer": self.refer("footage")}

    def names(self) -> dict[str, str]:
        """Return what of this side may stand in an answer that repeats the question: the texts and what they are."""
        kinds = (*UUIDS, "tag", "live tag")
        found = {self.uuid(name): f"<{name}>" for name in kinds}
        found |= {self.refer(name): f"<refer {name}>" for name in ("footage", "upload")}
        found |= {str(uuid.UUID(refer)): word for refer, word in found.items() if len(refer) == 32}
        found |= {str(self.base + number): f"<number {number}>" for number in range(6)}
        return {**found, self.word: "<word>", utc(self.begin_us): "<begin>"}

    def plain(self, answer: bytes) -> str:
        """Return the text of an answer with what was asked for taken out of it."""
        text = answer.decode("utf-8", "replace")
        for known, word in sorted(self.names().items(), key=lambda pair: -len(pair[0])):
            text = text.replace(known, word)
        return text


OWN = Side("wallaby", 91_234_500, OWN_AT_US)  # the larger ids: SQLite counts on from the largest
OTHER = Side(MARK, 87_654_300, OTHER_AT_US)
MIXED_IDS = {"group_id": OWN.uuid("mixed group"), "sync_id": OWN.uuid("mixed sync")}
ABSENT = Side("numbat", 43_218_700, OTHER_AT_US + 86_400 * S)


def build(app: Flask, side: Side, film: Path, owner: str) -> None:
    """Fill the archive with one camera's world. `owner`: whose uploads its uploaded file is."""
    with app.app_context(), writing() as session:
        _add_camera(session, side)
    record(app, side.source_id, film, begin_us=side.begin_us, segment_s=2)
    with app.app_context():
        storage_id = open_storage(app.config["PLAYBACK"]).id
        with writing() as session:
            _add_recordings(session, side)
            _add_groups(session, side)
            _add_kept(session, side)
            _add_said_of_camera(session, side)
            _add_copying(session, side, storage_id)
            _add_access(session, side)
    _add_files(app, side, owner)


def _add_camera(session: AnySession, side: Side) -> None:
    source = Source(id=side.source_id, model="Source", uri_rtsp=f"rtsp://{side.word}:pass@127.0.0.1:1/{side.word}")
    source.description, source.status, source.status_detail = side.text("camera"), "offline", side.text("detail")
    source.picture_uri, source.picture_user = f"http://127.0.0.1:1/{side.word}", side.word
    source.video_codec, source.width, source.height = "avc1.42C01E", 192, 120
    session.add(source)


def _add_recordings(session: AnySession, side: Side) -> None:
    mixed = session.scalar(select(Tag).where(Tag.name == MIXED))
    if mixed is None:
        session.add(mixed := Tag(name=MIXED))
    for name in ("tag", "live tag"):
        session.add(Tag(id=side.uuid(name), name=side.text(name)))
    session.flush()
    times = {"begin_us": side.begin_us, "end_us": side.begin_us + 8 * S}
    values = {"id": side.uuid("record"), "tag_id": side.uuid("tag"), "sync_location": side.text("place")}
    session.add(Record(source_id=side.source_id, **values, **times))
    for tag_id in (side.uuid("live tag"), mixed.id):
        session.add(Record(source_id=side.source_id, tag_id=tag_id, begin_us=side.begin_us + 60 * S))
    session.add(Wanted(source_id=side.source_id, begin_us=side.begin_us + 60 * S))


def _add_groups(session: AnySession, side: Side) -> None:
    if session.scalar(select(Group.id).where(Group.name == MIXED)) is None:
        session.add(Group(id=MIXED_IDS["group_id"], name=MIXED, model="Source"))
        session.flush()
        windows = {"windows": "[[0, 60, 120]]", "time_zone": "UTC", "is_enabled": False}
        session.add(Schedule(group_id=MIXED_IDS["group_id"], tag_name=MIXED, **windows))
    mixed_id = MIXED_IDS["group_id"]
    session.add(Group(id=side.uuid("group"), name=side.text("group"), model="Source"))
    session.flush()
    for group_id in (mixed_id, side.uuid("group")):
        session.execute(group_source.insert().values(group_id=group_id, source_id=side.source_id))
    values = {"tag_name": side.text("schedule"), "time_zone": "UTC", "windows": "[[1, 60, 120]]", "is_enabled": False}
    session.add(Schedule(group_id=side.uuid("group"), **values))


def _add_kept(session: AnySession, side: Side) -> None:
    span = {"begin_us": side.begin_us, "end_us": side.begin_us + 4 * S}
    about = {"source_id": side.source_id, **span}
    session.add(Pin(id=side.uuid("pin"), owner=side.text("owner"), reason=side.text("reason"), **about))
    session.add(
        RetentionRule(id=side.uuid("rule"), scope="source", source_id=side.source_id, min_age_s=60, actor=side.word)
    )
    for name, target in (("group", side.uuid("group")), ("tag", side.uuid("tag"))):
        limits = {f"{name}_id": target, "max_age_s": 10**9, "actor": side.text("actor")}
        session.add(RetentionRule(id=side.uuid(f"{name} rule"), scope=name, **limits))
    done = {"actor": side.text("deleter"), "rule": "request", "reason": side.text("why"), "segments": 1}
    session.add(
        Deletion(
            **about,
            **done,
            size_bytes=side.base,
            record_id=side.uuid("record"),
            spans=json.dumps([list(span.values())]),
        )
    )
    audit(session, side.text("auditor"), "export", str(side.source_id), side.source_id, said=side.text("detail"))


def _add_said_of_camera(session: AnySession, side: Side) -> None:
    told = {"kind": "source", "subject": str(side.source_id), "source_id": side.source_id}
    session.add(Notice(**told, is_bad=True, text=side.text("notice")))
    session.add(Recorder(id=side.uuid("recorder"), host_id=side.word, boot_id="b", pid=1, started_ticks=1, seen_us=1))
    session.flush()
    session.add(Lease(source_id=side.source_id, recorder_id=side.uuid("recorder"), expires_us=1))
    times = {"begin_us": side.begin_us - 100 * S, "end_us": side.begin_us - 90 * S}
    why = {"recorder_id": side.uuid("recorder"), "reason": "silent", "detail": side.text("attempt")}
    session.add(Attempt(source_id=side.source_id, **times, **why))
    session.add(Loss(source_id=side.source_id, **times, cause="silent", detail=side.text("loss")))


def _add_copying(session: AnySession, side: Side, storage_id: str) -> None:
    mixed = session.scalars(select(Tag).where(Tag.name == MIXED)).one()
    jobs = {"sync": side.uuid("tag"), "mixed sync": mixed.id}
    for name, tag_id in jobs.items():
        job_id = MIXED_IDS["sync_id"] if name == "mixed sync" else side.uuid(name)
        if session.get(SyncJob, job_id) is None:
            place = {"location": side.text("target"), "root": "file:///", "path": ""}
            if name == "mixed sync":
                place["location"] = MIXED
            session.add(SyncJob(id=job_id, actor=side.text("actor"), tag_id=tag_id, **place))
            session.flush()
        record_id = side.uuid("record")
        if name == "mixed sync":
            query = select(Record.id).where(Record.tag_id == mixed.id, Record.source_id == side.source_id)
            record_id = session.scalars(query).one()
        what = {"state": "waiting", "target": f"file:///{side.word}-{name}", "error": side.text("error")}
        session.add(SyncItem(job_id=job_id, record_id=record_id, size_bytes=side.base, **what))
    about = {"tag_name": side.text("copied tag"), "description": json.dumps({"of": side.word}), "size_bytes": 9}
    copied = {"record_id": side.uuid("copy"), "md5": "0" * 32, "storage_id": storage_id}
    session.add(ReceivedCopy(id=side.uuid("copy"), **about, **copied))


def _add_access(session: AnySession, side: Side) -> None:
    """Add an account of the side with a token, and a share link of its camera, which an admin sees too."""
    session.add(Account(id=side.uuid("account"), name=side.text("account"), role="admin"))
    session.flush()
    about = {"account_id": side.uuid("account"), "created_by": side.text("account")}
    digest = side.refer("token") * 2
    made = {"name": side.text("token"), "role": "admin", "token_sha256": digest}
    session.add(ApiToken(id=side.uuid("token"), **made, **about))
    span = {
        "source_id": side.source_id,
        "begin_us": side.begin_us,
        "end_us": side.begin_us + S,
        "expires_us": now_us() + 3600 * S,
    }
    words = {"key_sha256": side.refer("share") * 2, "description": side.text("share")}
    session.add(ShareLink(id=side.uuid("share"), **span, **words, **about))


def _add_files(app: Flask, side: Side, owner: str) -> None:
    """Add an uploaded file and one of footage, with all that is said of both."""
    store_file(app, side.text("upload").encode(), id=side.upload_id, refer=side.refer("upload"),
               name=side.text("upload.mp4"), owner=owner, error=side.text("error"))  # fmt: skip
    with app.app_context(), writing() as session:
        span = {"begin_us": side.begin_us, "end_us": side.begin_us + 2 * S, "record_id": side.uuid("record")}
        values = {"name": side.text("footage.mp4"), "owner": side.text("owner"), "status": READY, "completed_us": 1}
        session.add(File(id=side.file_id, refer=side.refer("footage"), kind="footage", source_id=side.source_id,
                         duration_s=2.0, **span, **values))  # fmt: skip
        session.flush()
        for number, file_id in enumerate((side.file_id, side.upload_id)):
            said = {"comment": side.text("comment"), "comment_author": "User", "actor": side.word}
            comment_id = side.comment_id if number == 0 else side.base + 14
            joined_id = side.recommendation_id if number == 0 else side.base + 15
            session.add(Comment(id=comment_id, file_id=file_id, violation=side.text("violation"), **said))
            session.add(Recommendation(id=joined_id, file_id=file_id, user_text=side.text("joined")))
            session.add(Cinema(file_id=file_id, comment=side.text("form"), actor=side.word))
            result = {"content_sha256": "0" * 64, "kind": "json", "size_bytes": 2, "actor": side.word}
            session.add(Result(file_id=file_id, **result))
            finding = {"violation": side.text("finding"), "severity": "mild", "quotation": side.text("quotation")}
            session.add(Finding(file_id=file_id, position=0, **finding))
            emit(session, session.get_one(File, file_id), "comment", act="created", comment={"said": side.word})
    for file_id in (side.file_id, side.upload_id):
        rotate(app, file_id)


def marks(app: Flask) -> set[str]:
    """Return all that stands for the second camera's world in an answer."""
    ids = {name for name in OTHER.names() if len(name) > 7}
    with app.app_context():
        for column in (Segment.id, Run.id, Record.id):
            table = column.class_
            ids |= set(db.session.scalars(select(column).where(table.source_id == OTHER.source_id)))
    more = {str(OTHER.base + 14), str(OTHER.base + 15), OTHER.uuid("recorder")}
    return ids | more | {MARK, MARKED_YEAR} | {OTHER.uuid(f"{name} rule") for name in ("group", "tag")}


def dump(app: Flask) -> dict[str, set[str]]:
    """Return each row of each table, as text."""
    with app.app_context():
        rows = {
            table.name: {repr(tuple(row)) for row in db.session.execute(select(table))}
            for table in db.metadata.sorted_tables
        }
        db.session.rollback()
    return rows


def rows_of_other(rows: Mapping[str, set[str]], known: set[str]) -> dict[str, set[str]]:
    """Return the rows in which anything of the second camera's world stands."""
    words = known | {str(OTHER.begin_us)}
    return {name: {row for row in some if any(word in row for word in words)} for name, some in rows.items()}


@dataclass(frozen=True)
class Ask:
    """How an address is asked about a side.

    `is_own`: about the caller's own too, which then gives an answer; `is_mixed`: about his own alone, what is of both;
    `is_endless`: by HEAD, for an answer that leaked would have no end.
    """

    of: Callable[[Side], dict[str, Any]] = lambda side: {}
    is_own: bool = True
    is_mixed: bool = False
    own_statuses: tuple[int, ...] = (200, 201, 202, 204)
    path: Mapping[str, Any] = field(default_factory=dict)
    is_endless: bool = False
