"""The lists of the administration pages, one class each: what is shown, and what may be done by whom it is done."""

from typing import Any
from urllib.parse import quote

from sqlalchemy import select
from wtforms.fields import SelectChoice

from app.archive.paging import AnySelect
from app.archive.recordings import is_open_tag
from app.extensions import AnySession
from app.models import BasisViolation, Comment, File, Group, Source, Tag
from app.models.types import now_us
from app.personalulti import utc_text
from app.review import violationlist
from app.views import API_PREFIX
from app.views.adminforms import CommentForm, GroupForm, NewGroupForm, NewSourceForm, SourceForm, ViolationForm
from app.views.adminlists import ListView
from app.views.objects import source_object


class ViolationList(ListView):
    """The base list of violations; what is edited here no file overwrites."""

    about = "Names, ages and marks"
    table, word, title = BasisViolation, "violation", "Violations"
    column_list = ("code", "violations", "context", "age", "mark", "is_edited")
    searched = ("code", "violations", "context", "age", "mark")
    form = ViolationForm
    can_create = can_edit = can_delete = True

    def select_rows(self) -> AnySelect:
        """Return the query of the rows that were not removed."""
        return violationlist.listed()

    def shown(self, session: AnySession, row: BasisViolation) -> dict[str, Any]:
        """Return the texts."""
        return {name: getattr(row, name) for name in self.column_list}

    def create(self, values: dict[str, Any]) -> None:
        """Add a row by hand."""
        self.write(lambda session, who: violationlist.add(session, who, values, now_us()))

    def change(self, row_id: int, values: dict[str, Any]) -> None:
        """Change the texts."""
        self.write(lambda session, who: violationlist.change(session, who, row_id, values, now_us()))

    def remove(self, row_id: int) -> None:
        """Take the row out of the list."""
        self.write(lambda session, who: violationlist.remove(session, who, row_id, now_us()))


class FileList(ListView):
    """Files that were handed over. Their bytes and keys are not shown; deleted by the API alone."""

    about = "What was handed to analysers"
    table, word, title = File, "file", "Files"
    column_list = (
        "id",
        "name",
        "kind",
        "status",
        "size_bytes",
        "media_type",
        "owner",
        "created",
        "violations_quantity",
    )
    column_details_list = (
        *column_list, "refer", "received_bytes", "sha256", "duration_s", "error", "completed", "downloads", "users",
        "violations_quantity", "source_id", "record_id", "begin", "end",
    )  # fmt: skip
    searched = ("name", "owner", "refer")
    can_delete = True

    def select_rows(self) -> AnySelect:
        """Return the query of the files that were not deleted."""
        return select(File).where(File.deleted_us.is_(None))

    def shown(self, session: AnySession, row: File) -> dict[str, Any]:
        """Return what is known of the file."""
        times = {name: utc_text(getattr(row, f"{name}_us")) for name in ("created", "completed", "begin", "end")}
        others = [name for name in self.column_details_list if name not in times]
        return {**{name: getattr(row, name) for name in others}, **times}

    def remove(self, row_id: int) -> None:
        """Delete the file as DELETE /files/{id}/ does."""
        self.ask("DELETE", f"/files/{row_id}/")


class CommentList(ListView):
    """Comments on files."""

    about = "Of people and of the AI"
    table, word, title = Comment, "comment", "Comments"
    column_list = ("id", "file_id", "comment_author", "severity", "violation", "comment", "actor", "created")
    column_details_list = (*column_list, "start", "end", "changed")
    searched = ("comment", "violation", "actor")
    form = CommentForm
    can_edit = can_delete = True

    def shown(self, session: AnySession, row: Comment) -> dict[str, Any]:
        """Return the comment."""
        names = ("file_id", "comment_author", "severity", "violation", "comment", "actor")
        times = {"created": utc_text(row.created_us), "changed": utc_text(row.changed_us)}
        return {**{name: getattr(row, name) for name in names}, **times, "start": row.start_s, "end": row.end_s}

    def change(self, row_id: int, values: dict[str, Any]) -> None:
        """Change the comment as PATCH /comments/{id}/ does."""
        self.ask("PATCH", f"/comments/{row_id}/", {**values, "violation": values["violation"] or None})

    def remove(self, row_id: int) -> None:
        """Delete the comment as DELETE /comments/{id}/ does."""
        self.ask("DELETE", f"/comments/{row_id}/")


class SourceList(ListView):
    """Cameras; passwords are masked, and a mask sent back keeps what is stored, as in the API."""

    about = "Cameras and their addresses"
    table, word, title = Source, "source", "Sources"
    column_list = ("id", "model", "description", "status", "uri_rtsp", "uri", "created")
    column_sortable_list = ("id", "model", "description", "status", "created")
    column_details_list = (*column_list, "auth", "user", "ffmpeg_cmd", "status_detail")
    searched = ("description", "model", "status")
    can_create = can_edit = can_delete = True

    def get_create_form(self) -> type[Any]:
        """Return the form of a new camera."""
        return NewSourceForm

    def get_edit_form(self) -> type[Any]:
        """Return the form of a change: the model cannot."""
        return SourceForm

    def select_rows(self) -> AnySelect:
        """Return the query of the cameras that were not deleted."""
        return select(Source).where(Source.deleted_us.is_(None))

    def shown(self, session: AnySession, row: Source) -> dict[str, Any]:
        """Return the camera with its passwords masked."""
        seen = source_object(row)
        picture = seen.pop("uri_http_picture")
        more = {"model": row.model, "status_detail": row.status_detail, "created": seen.pop("created_utc")}
        return {**seen, **more, **picture}

    def create(self, values: dict[str, Any]) -> None:
        """Add a camera as POST does."""
        self.ask("POST", f"{API_PREFIX}/source", _source_values(values))

    def change(self, row_id: int, values: dict[str, Any]) -> None:
        """Change a camera as PUT does."""
        self.ask("PUT", f"{API_PREFIX}/source/{row_id}/", _source_values(values))

    def remove(self, row_id: int) -> None:
        """Delete a camera as DELETE does; its footage stays."""
        self.ask("DELETE", f"{API_PREFIX}/source/{row_id}/")


def _source_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return the API's parameters: an empty field is null."""
    picture = {name: values.pop(name) or None for name in ("uri", "auth", "user", "password")}
    return {**{name: value or None for name, value in values.items()}, "uri_http_picture": picture}


class GroupList(ListView):
    """Groups of cameras."""

    about = "Cameras that start together"
    table, word, title = Group, "group", "Groups"
    column_list = ("name", "model", "cameras", "created")
    searched = ("name",)
    can_create = can_edit = can_delete = True

    def get_create_form(self) -> type[Any]:
        """Return the form of a new group."""
        return NewGroupForm

    def get_edit_form(self) -> type[Any]:
        """Return the form of a change: the model cannot."""
        return GroupForm

    def edit_form(self, obj: Any = None) -> Any:
        """Return the form with the cameras that the group may have."""
        form = super().edit_form(obj)
        form.members.choices = self.within(lambda session: _cameras(session, obj.model))
        return form

    def shown(self, session: AnySession, row: Group) -> dict[str, Any]:
        """Return the group and its members."""
        members = [member.id for member in row.sources]
        about = {"name": row.name, "model": row.model, "created": utc_text(row.created_us)}
        return {**about, "members": members, "cameras": ", ".join(map(str, members))}

    def create(self, values: dict[str, Any]) -> None:
        """Add a group as POST does."""
        self.ask("POST", f"{API_PREFIX}/group", values)

    def change(self, row_id: str, values: dict[str, Any]) -> None:
        """Rename a group, add members and take others out, each as the API does."""
        path = f"{API_PREFIX}/group/{quote(row_id)}"
        found = self.ask("PUT", f"{path}/", {"name": values["name"]}) and self.ask("GET", f"{path}/")
        before, wanted = {member["id"] for member in found["sources"]}, set(values["members"])
        for method, ids in (("POST", wanted - before), ("DELETE", before - wanted)):
            for source_id in sorted(ids):
                self.ask(method, f"{path}/source/{source_id}/")

    def remove(self, row_id: str) -> None:
        """Delete a group as DELETE does; sources and recordings stay."""
        self.ask("DELETE", f"{API_PREFIX}/group/{quote(row_id)}/")


def _cameras(session: AnySession, model: str) -> list[Any]:
    """Return the cameras that a group of this model may have, as choices."""
    found = select(Source.id, Source.description).where(Source.deleted_us.is_(None), Source.model == model)
    rows = session.execute(found.order_by(Source.id))
    return [SelectChoice(number, f"{number} {(description or '')[:60]}") for number, description in rows]


class TagList(ListView):
    """Tags: they come into being with their first recording, so there is nothing to edit."""

    about = "Names of recordings"
    table, word, title = Tag, "tag", "Tags"
    column_list = ("name", "is_recording", "created")
    searched = ("name",)

    def shown(self, session: AnySession, row: Tag) -> dict[str, Any]:
        """Return the tag, and whether it records now."""
        is_open = session.scalar(select(is_open_tag()).where(Tag.id == row.id))
        return {"name": row.name, "is_recording": bool(is_open), "created": utc_text(row.created_us)}


KINDS = (ViolationList, FileList, CommentList, SourceList, GroupList, TagList)
