"""A file that comes in a form: stored while it comes, never held in memory nor written twice."""

import itertools
from collections.abc import Iterator

from flask import current_app, request
from sqlalchemy import update

from app.auth import actor
from app.errors import Invalid, PlaybackError
from app.extensions import db, writing
from app.formats.filenames import clean_name
from app.formats.formdata import FormBroken, FormError, FormReader, Part
from app.models import File
from app.models.types import now_us
from app.tasks import ask_files, ask_rotation
from app.transfer.claiming import Claimed, claim
from app.transfer.completing import complete, give_length
from app.transfer.intake import Intake, say_error
from app.transfer.uploading import Announced, announce
from app.transfer.uploadroom import measure_room, most_bytes
from app.views.incoming import Incoming

UPLOAD = "upload"
HANDED_ON = ("taken_over", "locked")  # another request goes on with what has come


def receive_form() -> tuple[int | None, dict[str, str]]:
    """Return the id of the file that the form has brought, if any, and the form's fields.

    Raises Invalid for a form that cannot be read, breaks off or has two files; the errors of an upload. Where a part
    of the file has come it stays until it expires, and the answer names it: it can be gone on with by tus.
    """
    body = Incoming()
    try:
        return Form(body).receive()
    finally:
        body.close()


class Form:
    """The form of the current request."""

    def __init__(self, body: Incoming) -> None:
        """Raise Invalid where the request names no form."""
        self._body = body
        self._fields: dict[str, str] = {}
        try:
            self._reader = FormReader(request.mimetype_params.get("boundary", ""), body.read)
        except FormError as error:
            raise _unreadable(error) from None
        self._parts = self._reader.parts()

    def receive(self) -> tuple[int | None, dict[str, str]]:
        """Read all of it."""
        try:
            for part in self._parts:
                if part.filename is not None and part.name == UPLOAD:
                    return self._receive_file(part), self._fields
                self._take_field(part)
        except FormError as error:
            raise _unreadable(error) from None
        return None, self._fields

    def _take_field(self, part: Part) -> None:
        """Keep a field. Raises Invalid for one that comes twice, or a second file."""
        name = part.name or ""
        if name in self._fields or (name == UPLOAD and part.filename is not None):
            raise Invalid("this was given more than once", loc=("body", name), kind="duplicate")
        if part.filename is not None:
            raise Invalid("the file is to be sent as `upload`", loc=("body", name), kind="missing")
        text = self._reader.text()
        try:
            self._fields[name] = text.decode()
        except UnicodeDecodeError:
            raise Invalid("this part of the form is not UTF-8", loc=("body", name), kind="unicode") from None

    def _receive_file(self, part: Part) -> int:
        """Store the file, then read what follows it; only a form that ends well completes the file."""
        blocks = self._reader.data()
        first = b"" if part.filename else next(blocks, b"")
        if not first and not part.filename:  # so does a browser send a field in which nothing was chosen
            raise Invalid("no file was chosen", loc=("body", UPLOAD), kind="missing")
        name = clean_name(self._fields.get("name") or part.filename)
        given = Announced(name, "multipart", actor(), expected_bytes=request.content_length or 0)
        file_id = announce(current_app.config["PLAYBACK"], given, now_us())
        try:
            with claim(file_id, self._body.wake) as claimed:
                assert claimed is not None
                self._store(claimed, part, itertools.chain([first] if first else [], blocks))
        except (PlaybackError, FormError) as error:
            found = _unreadable(error) if isinstance(error, FormError) else error
            if found.kind not in HANDED_ON:
                say_error(file_id, found.message)
            found.extra.update(id=file_id, id_file=file_id)
            raise found from None
        ask_files()
        return file_id

    def _store(self, claimed: Claimed, part: Part, blocks: Iterator[bytes]) -> None:
        config = current_app.config["PLAYBACK"]
        room = measure_room(db.session, config, now_us())
        most = most_bytes(db.session, config, claimed.owner, claimed.file_id)
        db.session.rollback()
        intake = Intake(config, claimed, room, most)
        self._body.on_idle = intake.save
        intake.receive(lambda: next(blocks, b""))
        self._body.on_idle = None
        if part.length is not None and part.length != intake.written_bytes:
            raise Invalid(
                f"the file has {intake.written_bytes} bytes, its Content-Length says {part.length}",
                loc=("body", UPLOAD),
                kind="size_differs",
            )
        for further in self._parts:
            self._take_field(further)
        # From here on the worker completes it, should this process not come to that.
        give_length(config, claimed.file_id, intake.written_bytes)
        if "name" in self._fields:
            with writing() as session:
                session.execute(
                    update(File).where(File.id == claimed.file_id).values(name=clean_name(self._fields["name"]))
                )
        complete(claimed, intake.digest())
        ask_rotation(claimed.file_id)


def _unreadable(error: FormError) -> Invalid:
    if isinstance(error, FormBroken):
        return Invalid(f"{error}: what came of the file is kept", kind="body_incomplete")
    return Invalid(f"this is not a form that can be read: {error}", kind="form_invalid")
