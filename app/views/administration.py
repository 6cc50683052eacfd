"""The administration pages below `/admin/` and `/cms/`: the same lists, the latter in the newer look.

They are an app of their own within this one (app/views/adminsite.py), made when somebody first asks for it: no start
waits for Flask-Admin, and no process that nobody administers holds it. Who may come in is decided before, as for every
address; errors that are none of its pages leave as everywhere.
"""

import io
import threading

from flask import Blueprint, Flask, abort, request
from flask.globals import app_ctx
from werkzeug.wrappers import Response

administration = Blueprint("administration", __name__)
EXTENSION = "playback_administration"
_making = threading.Lock()


@administration.route("/admin/", methods=["GET", "POST"])
@administration.route("/admin/<path:path>", methods=["GET", "POST"])
@administration.route("/cms/", methods=["GET", "POST"])
@administration.route("/cms/<path:path>", methods=["GET", "POST"])
def show_administration(path: str = "") -> Response:
    """Let the administration's own app answer."""
    inner = site()
    # It was read when the form's token was checked.
    request.environ["wsgi.input"] = io.BytesIO(request.get_data())
    with inner.request_context(request.environ):
        answer: Response = inner.full_dispatch_request()
    if answer.status_code >= 400 and not request.accept_mimetypes.accept_html:
        abort(answer.status_code)
    return answer


def site() -> Flask:
    """Return the administration's app; made once a process."""
    main = app_ctx.app
    with _making:
        if EXTENSION not in main.extensions:
            from app.views.adminsite import make_site

            main.extensions[EXTENSION] = make_site(main)
    made: Flask = main.extensions[EXTENSION]
    return made
