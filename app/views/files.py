"""Files: uploading, listing, looking at and deleting them (transfer-api.md). How tus does it stands in filetus.py."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from flask import Blueprint, Response, request
from flask_restx import Namespace, Resource
from pydantic import Field
from sqlalchemy import select

from app.archive.bounds import is_seen_file
from app.archive.handed import find_file
from app.archive.paging import AnySelect, Order
from app.auth import actor, sight
from app.errors import Invalid
from app.extensions import db
from app.models import File
from app.models.types import now_us
from app.personalulti import Parameters, path_integer, read_parameters
from app.tasks import ask_files
from app.transfer.completing import remove
from app.views import PlaybackApi, document, filetus
from app.views.documenting import sends_list
from app.views.filefootage import FootageToHand, make_footage_file
from app.views.fileform import receive_form
from app.views.fileobjects import FileObject, MadeFile, file_object, made_file
from app.views.listing import ListQuery, Words, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes

files = Blueprint("files", __name__)
namespace = Namespace("file", "Files that are handed over for analysis: uploaded, or recorded", path="/")
MAX_FILE_ID = 2**53
FOOTAGE_NAMES = {"source_id", "record_id", "start", "end"}


class FilesQuery(ListQuery):
    """Which files are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"id": Order((File.id,))}

    sort: Literal["id", "-id"] = "id"
    status: Literal["--------", "processing", "ready", "error", "db_ready"] | None = Field(
        None, description="Only those of this status"
    )
    kind: Literal["upload", "footage"] | None = Field(None, description="Only those of this kind")
    name: Words | None = Field(None, description="Only those whose name holds this, in any case")

    def query(self) -> AnySelect:
        """Return the query of rows; deleted files are not listed."""
        query = select(File).where(File.deleted_us.is_(None), is_seen_file(sight()))
        if self.status is not None:
            query = query.where(File.status == self.status)
        if self.kind is not None:
            query = query.where(File.kind == self.kind)
        return query if self.name is None else query.where(File.name.icontains(self.name, autoescape=True))


answer = document(namespace, FileObject)
made = document(namespace, MadeFile)


def footage_file(parameters: Parameters) -> dict[str, Any]:
    """Make a file that is a view of recorded footage."""
    return file_object(find_file(db.session, make_footage_file(parameters)))


def index_of(text: str) -> int:
    """Return the id that stands in a path. Raises Invalid, NotFound."""
    return path_integer("file_id", text, MAX_FILE_ID)


@namespace.route("/files/")
class Files(Resource):
    """All files."""

    @namespace.doc(description="In the order in which they were announced, without those that were deleted.")
    @query_parameters(namespace, FilesQuery)
    @sends_list(namespace)
    @namespace.response(200, "The files", [answer])
    def get(self) -> Response:
        """List the files."""
        asked = ask_list(FilesQuery)
        rows, next_page = cut(asked, db.session.scalars(asked.page.of(asked.query())).all())
        return answer_bytes(json_bytes([file_object(row) for row in rows]), next_page)

    @namespace.doc(
        description="As a form with the file in `upload` and, if wanted, another `name`; or by tus 1.0.0, where "
        "`Tus-Resumable` is sent, so that a broken upload goes on where it ended. What comes is stored as it comes. "
        "As JSON it names recorded footage instead: a source with start and end, or a record.",
        vendor={"body": "multipart/form-data"},
    )
    @namespace.expect(document(namespace, FootageToHand), validate=False)
    @namespace.response(200, "The new file, a view of recorded footage", answer)
    @namespace.response(201, "The new file, which was uploaded", made)
    @namespace.response(404, "There is no such source, record or footage; before_utc and after_utc name the nearest")
    @namespace.response(409, "The span ends in what is yet to be written; recorded_until_utc says how far it is")
    @namespace.response(410, "The file of the record was deleted")
    @namespace.response(400, "A header of tus is malformed")
    @namespace.response(412, "Another version of tus is asked for")
    @namespace.response(413, "It is larger than files may be, or than this account may still upload")
    @namespace.response(507, "The storage has no room for it beside what is recorded")
    def post(self) -> Any:
        """Upload a file, or hand over recorded footage."""
        if filetus.is_tus():
            return filetus.create()
        if request.mimetype != "multipart/form-data":
            return footage_file(read_parameters())
        file_id, fields = receive_form()
        if file_id is not None:
            return made_file(find_file(db.session, file_id)), 201
        if fields.keys() & FOOTAGE_NAMES:
            return footage_file(Parameters(fields, dict.fromkeys(fields, "body"), "body"))
        raise Invalid("the form has no file: send it as `upload`", loc=("body", "upload"), kind="missing")

    @namespace.hide
    def options(self) -> Response:
        """Tell what of tus is understood."""
        return filetus.options("GET, HEAD, OPTIONS, POST")


@namespace.route("/files/<file_id>/")
@namespace.param("file_id", "The id of a file", _in="path", type="integer")
class OneFile(Resource):
    """One file."""

    @namespace.doc(description="`received_bytes` tells how much of it has come.")
    @namespace.response(200, "The file", answer)
    @namespace.response(410, "It was deleted")
    def get(self, file_id: str) -> dict[str, Any]:
        """Get one file."""
        return file_object(find_file(db.session, index_of(file_id)))

    @namespace.hide
    def head(self, file_id: str) -> Any:
        """Tell how much of an upload has come; without tus, whether there is such a file."""
        return filetus.head(index_of(file_id)) if filetus.is_tus() else self.get(file_id)

    @namespace.doc(
        description="A piece of an upload by tus 1.0.0, behind what has come. `Upload-Checksum` (sha1, sha256, md5) is "
        "compared first. With the last piece the file is complete.",
        vendor={"body": filetus.CONTENT_TYPE},
    )
    @namespace.param("Tus-Resumable", "`1.0.0`", _in="header")
    @namespace.param("Upload-Offset", "Where the piece begins: as many bytes as have come", _in="header")
    @namespace.response(400, "A header of tus is malformed")
    @namespace.response(204, "It was taken; Upload-Offset says what has come now")
    @namespace.response(409, "The piece does not follow what has come")
    @namespace.response(410, "The upload was deleted, or given up")
    @namespace.response(412, "Another version of tus, or none, is asked for")
    @namespace.response(423, "Another request writes to it and does not let go")
    @namespace.response(460, "The piece has another checksum; it was not taken")
    @namespace.response(507, "The storage is full; what came until then was taken")
    def patch(self, file_id: str) -> Response:
        """Go on with an upload."""
        return filetus.patch(index_of(file_id))

    @namespace.doc(description="As the method that is named: PATCH, DELETE or HEAD, with what belongs to it.")
    @namespace.param("X-HTTP-Method-Override", "`PATCH`, `DELETE` or `HEAD`", _in="header")
    @namespace.response(200, "The file, as DELETE and HEAD answer without tus", answer)
    @namespace.response(204, "It was done")
    @namespace.response(400, "A header of tus is malformed")
    @namespace.response(405, "No such method is named")
    @namespace.response(409, "The piece does not follow what has come")
    @namespace.response(410, "It was deleted, or given up")
    @namespace.response(412, "Another version of tus, or none, is asked for")
    @namespace.response(413, "The body is longer than the file may be")
    @namespace.response(415, "The body is of another type than tus sends")
    @namespace.response(423, "Another request writes to it and does not let go")
    @namespace.response(460, "The piece has another checksum; it was not taken")
    @namespace.response(507, "The storage is full; what came until then was taken")
    def post(self, file_id: str) -> Any:
        """Do what X-HTTP-Method-Override says, for clients that can send nothing but GET and POST."""
        work = {"PATCH": self.patch, "DELETE": self.delete, "HEAD": self.head}
        return filetus.overridden(work)(file_id)

    @namespace.doc(
        description="Its bytes are removed, and what an analyser sent for it; its id, comments and findings stay. A "
        "download that goes on may end. Recorded footage itself is not deleted."
    )
    @namespace.response(200, "The file that was deleted", answer)
    @namespace.response(204, "It was deleted; so where Tus-Resumable is sent")
    @namespace.response(410, "It was deleted before")
    @namespace.response(423, "Another request writes to it and does not let go")
    def delete(self, file_id: str) -> Any:
        """Delete a file, or an upload that is not complete."""
        index, who, is_tus = index_of(file_id), actor(), filetus.is_tus()
        shown = file_object(find_file(db.session, index))
        remove(index, who, now_us())
        ask_files()
        return ("", 204) if is_tus else shown

    @namespace.hide
    def options(self, file_id: str) -> Response:
        """Tell what of tus is understood."""
        return filetus.options("DELETE, GET, HEAD, OPTIONS, PATCH, POST")


files.after_request(filetus.add_headers)
PlaybackApi(files).add_namespace(namespace)
