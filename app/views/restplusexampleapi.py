"""How an endpoint is written: the page to start from. It is served in development and tests only.

A view is one short method: read and check the parameters, call what does the work, return what is answered.
Its docstring is one line, the title in Swagger. Errors are raised (app/errors.py) and rendered by the app.
"""

from typing import Annotated, Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.archive.auditing import audit
from app.auth import actor
from app.extensions import db, writing
from app.models import ExampleModel
from app.personalulti import Description, not_found, path_uuid, read_parameters, utc_text
from app.views import PlaybackApi, document

restplusexampleapi = Blueprint("restplusexampleapi", __name__)
namespace = Namespace("example", "The pattern to copy", path="/")


class NewExample(BaseModel):
    """What a caller gives; pydantic's errors become the answer's `detail`."""

    text: Annotated[Description, Field(min_length=1)]


class ExampleObject(BaseModel):
    """What is answered, for the documentation."""

    id: str
    created_utc: str
    text: str


answer = document(namespace, ExampleObject)


def example_object(example: ExampleModel) -> dict[str, Any]:
    """Return the row as it is answered."""
    return {"id": example.id, "created_utc": utc_text(example.created_us), "text": example.text}


@namespace.route("/example")
class Examples(Resource):
    """All notes."""

    @namespace.doc(description="In the order in which they were left.")
    @namespace.response(200, "The notes", [answer])
    def get(self) -> list[dict[str, Any]]:
        """List the notes."""
        rows = db.session.scalars(select(ExampleModel).order_by(ExampleModel.created_us))
        return [example_object(row) for row in rows]

    @namespace.doc(description="Anything that is a text of at least one character.")
    @namespace.expect(document(namespace, NewExample), validate=False)
    @namespace.response(200, "The new note", answer)
    def post(self) -> dict[str, Any]:
        """Leave a note."""
        values = read_parameters().checked(NewExample)
        who = actor()
        with writing() as session:
            example = ExampleModel(text=values.text)
            session.add(example)
            session.flush()
            audit(session, who, "example.create", example.id)
        return example_object(example)


@namespace.route("/example/<example_id>/")
@namespace.param("example_id", "The id of a note", _in="path")
class OneExample(Resource):
    """One note."""

    @namespace.doc(description="As it was left.")
    @namespace.response(200, "The note", answer)
    def get(self, example_id: str) -> dict[str, Any]:
        """Get one note."""
        row = db.session.get(ExampleModel, path_uuid("example_id", example_id))
        if row is None:
            not_found("example_id", example_id)
        return example_object(row)


PlaybackApi(restplusexampleapi).add_namespace(namespace)
