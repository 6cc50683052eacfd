"""`GET /csrftoken/`: the token that scripts of our pages send back with what changes something (app/access/csrf.py)."""

from flask import Blueprint, Response, jsonify
from flask_restx import Namespace, Resource
from pydantic import BaseModel

from app.access.csrf import token
from app.views import PlaybackApi, document

csrf = Blueprint("csrf", __name__)
namespace = Namespace("csrf", "The CSRF token of browser clients", path="/")


class CsrfObject(BaseModel):
    """The token that a browser's page sends in the header X-CSRFToken."""

    csrfToken: str  # noqa: N815  the contract's name


@namespace.route("/csrftoken/")
class CsrfToken(Resource):
    """The token."""

    @namespace.doc(
        description="The cookie `csrftoken` comes with it. What changes something carries the token in the header "
        "X-CSRFToken, with that cookie, where the caller is known by the cookie of /login; a wrong one is refused with "
        "403 (`csrf_token`). Asked again with the cookie it is the same.",
        security=[],
    )
    @namespace.response(200, "The token", document(namespace, CsrfObject), headers={"Set-Cookie": "`csrftoken`"})
    def get(self) -> Response:
        """Get a CSRF token."""
        response = jsonify(csrfToken=token())
        response.headers["Cache-Control"] = "no-store"
        return response


PlaybackApi(csrf).add_namespace(namespace)
