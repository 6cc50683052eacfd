"""The download key of a file: its state, giving it out anew, and revoking it (docs/transfer.md, "Download keys")."""

from typing import Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel
from sqlalchemy import select

from app.archive.handed import find_file
from app.auth import actor, caller
from app.extensions import AnySession, db, writing
from app.models import File, ReferKey, Rotation
from app.models.refer import DOWNLOADED, REVOKED
from app.models.types import now_us
from app.personalulti import utc_text
from app.tasks import ask_rotation
from app.transfer import rotating
from app.transfer.leasing import count_users, downloaders
from app.transfer.referkeys import current_key, download_path, ends_us
from app.views import PlaybackApi, document

filerefer = Blueprint("filerefer", __name__)
namespace = Namespace("download key", "The keys that open a handed file", path="/")


class DownloaderObject(BaseModel):
    """Who downloads a file."""

    account: str | None
    since_utc: str


class ReferObject(BaseModel):
    """A file's lasting reference and the key that is given out now; address and instants are null while none is.

    `downloaders` is for admins of all cameras, who see in the audit log too who downloads; null for anybody else.
    """

    id: int
    refer: str
    status: str
    download_url: str | None
    expires_utc: str | None
    rotation_ends_utc: str | None
    rotation: str | None
    generation: int
    downloading: int
    downloaders: list[DownloaderObject] | None
    downloads: int
    users: int


answer = document(namespace, ReferObject)


def refer_object(session: AnySession, row: File, at_us: int) -> dict[str, Any]:
    """Return REFER."""
    key = current_key(row, at_us)
    newest = select(Rotation).where(Rotation.file_id == row.id).order_by(Rotation.id.desc()).limit(1)
    rotation = session.scalar(newest)
    state = None if rotation is None else rotation.reason or ("running" if at_us < ends_us(rotation) else "ran_out")
    if rotation is not None and state == DOWNLOADED and _is_revoked(session, rotation):
        state = REVOKED  # after a download had begun
    return {
        "id": row.id,
        "refer": row.refer,
        "status": row.status,
        "download_url": None if key is None else download_path(key.text),
        "expires_utc": None if key is None else utc_text(key.expires_us),
        "rotation_ends_utc": None if key is None or rotation is None else utc_text(ends_us(rotation)),
        "rotation": state,
        "generation": row.generation,
        "downloading": count_users(session, row.id, at_us),
        "downloaders": _downloaders(session, row.id, at_us),
        "downloads": row.downloads,
        "users": row.users,
    }


def _downloaders(session: AnySession, file_id: int, at_us: int) -> list[dict[str, Any]] | None:
    """Return who downloads a file now; None for who may not read of it in the audit log either."""
    who = caller()
    if not who.is_admin_of_all or (who.areas is not None and "audit" not in who.areas):
        return None
    found = downloaders(session, file_id, at_us)
    return [{"account": one.account, "since_utc": utc_text(one.since_us)} for one in found]


def _is_revoked(session: AnySession, rotation: Rotation) -> bool:
    """Tell whether the keys of a rotation were revoked."""
    revoked = select(ReferKey.id).where(ReferKey.rotation_id == rotation.id, ReferKey.revoked_us.is_not(None))
    return session.scalar(revoked.limit(1)) is not None


@namespace.route("/files/<index:file_id>/refer/", endpoint="of_file")
@namespace.param("file_id", "The id of a file", _in="path")
class FileRefer(Resource):
    """The download key of a file."""

    @namespace.doc(description="Begins nothing.")
    @namespace.response(200, "Its state", answer)
    @namespace.response(410, "The file was deleted")
    def get(self, file_id: int) -> dict[str, Any]:
        """Get the state of a file's download key."""
        return refer_object(db.session, find_file(db.session, file_id), now_us())

    @namespace.doc(
        description="A rotation begins: a new key every 90 s, for 10 minutes or until one is used. While one goes on "
        "its key is answered, and nothing begins."
    )
    @namespace.response(200, "The key", answer)
    @namespace.response(409, "The file is not complete yet: `not_complete`")
    @namespace.response(410, "The file was deleted")
    def post(self, file_id: int) -> dict[str, Any]:
        """Give out download keys of a file again."""
        who, at_us = actor(), now_us()
        with writing() as session:
            row = find_file(session, file_id, is_locked=True)
            has_begun = rotating.restart(session, row, who, at_us)
            shown = refer_object(session, row, at_us)
        if has_begun:
            ask_rotation(file_id)
        return shown

    @namespace.doc(
        description="No key that was given out opens the file any more, and who downloads it is cut off within "
        "seconds. POST gives out new ones."
    )
    @namespace.response(200, "Its state", answer)
    @namespace.response(410, "The file was deleted")
    def delete(self, file_id: int) -> dict[str, Any]:
        """Revoke the download keys of a file."""
        who, at_us = actor(), now_us()
        with writing() as session:
            row = find_file(session, file_id, is_locked=True)
            rotating.revoke(session, row, who, at_us)
            return refer_object(session, row, at_us)


PlaybackApi(filerefer).add_namespace(namespace)
