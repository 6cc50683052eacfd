"""Exports: recorded files as they are, or a film of them, with a signed manifest, and the key of the signature.

Beyond the contract.
"""

from typing import Any, Literal

from flask import Blueprint, Response, request
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.archive.auditing import audit
from app.archive.signing import signer
from app.auth import actor
from app.extensions import db, writing
from app.models import Source
from app.models.types import now_us
from app.personalulti import not_found, path_integer, read_query, utc_text
from app.playback.asked import RangeParameters, check_media_length, check_range
from app.playback.exportfilm import FilmExport, FilmPlan, plan_film_export
from app.playback.exporting import Export, FileExport
from app.playback.exportplan import Order, Plan, plan_export
from app.playback.footage import no_footage
from app.views import PlaybackApi, document
from app.views.openapi import VERSION

exports = Blueprint("exports", __name__)
namespace = Namespace("export", "Footage as evidence: files as they were recorded, with a signed manifest", path="/")
ZIP = "application/zip"
SOFTWARE = f"flask-playback {VERSION}"


class ExportParameters(RangeParameters):
    """A range that is exported, and as what."""

    content: Literal["files", "film"] = "files"


class KeyObject(BaseModel):
    """The public key of exports; people compare the fingerprint."""

    algorithm: str = Field(description="How it signs: Ed25519 (RFC 8032)", examples=["Ed25519"])
    public_key: str = Field(
        description="Its 32 bytes in base64", examples=["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
    )
    pem: str = Field(
        description="The same as openssl reads it, as `public_key.pem` of an export",
        examples=["-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11q...\n-----END PUBLIC KEY-----\n"],
    )
    fingerprint: str = Field(
        description="SHA-256 of its 32 bytes, in hex",
        examples=["21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"],
    )


def find_source(source_id: int) -> Source:
    """Return a source, deleted or not. Raises NotFound."""
    source = db.session.get(Source, source_id)
    if source is None:
        not_found("source_id", source_id)
    return source


def planned(source_id: int, parameters: ExportParameters, who: str) -> Plan:
    """Return the plan of an export. Raises Invalid, NotFound, NoFootage."""
    asked = check_range(parameters, now_us())
    check_media_length(asked)
    source = find_source(source_id)
    order = Order(source, asked.begin_us, asked.end_us, exported_us=now_us(), exported_by=who, software=SOFTWARE)
    plan = plan_film_export(order) if parameters.content == "film" else plan_export(order)
    if plan is None:
        raise no_footage(source_id, asked.begin_us, asked.end_us, utc_text)
    return plan


def export_of(plan: Plan) -> Export:
    """Return the export of a plan, signed by this installation."""
    return FilmExport(plan, signer()) if isinstance(plan, FilmPlan) else FileExport(plan, signer())


def note_export(plan: Plan, who: str) -> None:
    """Write down that footage leaves the house."""
    asked = {"start_utc": utc_text(plan.begin_us), "end_utc": utc_text(plan.end_us)}
    content = "film" if isinstance(plan, FilmPlan) else "files"
    sizes = {"segments": len(plan.segments), "size_bytes": plan.media_bytes}
    with writing() as session:
        audit(session, who, "export", str(plan.source_id), plan.source_id, **asked, content=content, **sizes)


def key_object() -> dict[str, Any]:
    """Return KEY."""
    key = signer()
    return {
        "algorithm": "Ed25519",
        "public_key": key.public_key_text,
        "pem": key.pem.decode("ascii"),
        "fingerprint": key.fingerprint,
    }


@namespace.route("/source/<source_id>/export")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class SourceExport(Resource):
    """A range of a source as evidence."""

    @namespace.doc(
        description="A ZIP archive without compression. With content=files: the closed files that touch the range, "
        "byte for byte, a manifest (what they are, gaps with their causes, clocks, hashes) signed with the key of "
        "`/export/key`, a playlist, and how to check it offline. With content=film: one MP4 of exactly the range, as "
        "`video.mp4` gives it, and a signed manifest that also names the files it was cut from. `complete_until_utc` "
        "of the manifest says until when footage is complete: what is being recorded now is not in it. Every export "
        "is written down."
    )
    @namespace.param("start", "ISO 8601 with an offset or Z, or seconds since the epoch", _in="query", required=True)
    @namespace.param("end", "The same; left out: now. At most 31 days after start", _in="query")
    @namespace.param("duration", "Seconds, instead of end", _in="query", type="number")
    @namespace.param(
        "content",
        "files: the recorded files, whole, as they are; film: one MP4 that is cut to the frame, gaps left out",
        _in="query",
        type="string",
        enum=["files", "film"],
        default="files",
    )
    @namespace.produces([ZIP])
    @namespace.response(200, "The archive")
    @namespace.response(404, "There is no such source, or no closed footage in the range")
    def get(self, source_id: str) -> Response:
        """Export the recorded files of a range, or a film of it, with a signed manifest."""
        number = path_integer("source_id", source_id)
        plan = planned(number, read_query().checked(ExportParameters), actor())
        export = export_of(plan)
        headers = {
            "Content-Length": str(export.archive_bytes),
            "Content-Disposition": f'attachment; filename="{export.name}.zip"',
            "Cache-Control": "no-store",
        }
        if request.method == "HEAD":
            return Response(headers=headers, content_type=ZIP)
        note_export(plan, plan.exported_by)
        db.session.remove()
        return Response(export.archive(), headers=headers, content_type=ZIP)


@namespace.route("/export/key")
class ExportKey(Resource):
    """The key that exports are signed with."""

    @namespace.doc(
        description="The same on all machines of an installation. Give its fingerprint to whoever gets exports, on "
        "another way than the exports: by it they tell yours from somebody else's."
    )
    @namespace.response(200, "The public key", document(namespace, KeyObject))
    def get(self) -> dict[str, Any]:
        """Get the public key of exports."""
        return key_object()


PlaybackApi(exports).add_namespace(namespace)
