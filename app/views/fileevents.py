"""What happens to a file, as Server-Sent Events (docs/transfer.md, "Events").

The view answers within milliseconds and holds no thread: the server's worker (gunicorn/config.py) gives the connection
to the one thread of this process that writes events. Where the server does not give its connections away, as another
WSGI server or the test client, a thread of it writes, on a seat as any stream without end (app/views/multipart.py).
"""

import functools
import re
import resource
import sys
from collections.abc import Generator
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from flask.globals import app_ctx
from flask_restx import Namespace, Resource

from app.access.caller import Caller
from app.access.objects import check_objects, sight_of
from app.access.renewing import StillMay
from app.archive.handed import find_file
from app.auth import caller
from app.errors import Invalid, NotFound
from app.extensions import db
from app.formats import eventstream
from app.personalulti import read_query
from app.transfer import happenings
from app.transfer.eventhub import Hub
from app.transfer.listeners import SocketListener, ThreadListener
from app.transfer.serving import STUCK_S
from app.views import PlaybackApi
from app.views.multipart import Seat, is_ending, take_seat

fileevents = Blueprint("fileevents", __name__)
namespace = Namespace("event", "What happens to a file, as it happens", path="/")
HUB = "playback_events"
# Set by our worker: a list that takes the listener to which the connection is to be given.
GIVES_SOCKET = "playback.gives_socket"
RETRY_MS = 2000
LOOK_S = 1.0
OTHER_FILES = 2000  # gunicorn's 1000 other connections, and what they read
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
LAST_ID, LAST_ID_QUERY = "Last-Event-ID", "last_event_id"
EXAMPLE = (
    'retry: 2000\n\nid: 12\ndata: {"type":"status","status":"ready","at_utc":"2026-11-20T22:44:05.123456Z",'
    '"download_url":"https://video.example.org/download/5f2c41d09b7e4a63a8d1c0e97b64f3d2/"}\n\n'
)


def begin(app: Flask) -> None:
    """Prepare the hub of this process; nothing is started."""
    app.extensions[HUB] = Hub(app, min(app.config["PLAYBACK"].EVENT_CLIENTS, _open_files()), is_ending)


def _open_files() -> int:
    """Return how many open files of this process may be connections of listeners."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(limit // 2, limit - OTHER_FILES) if limit != resource.RLIM_INFINITY else sys.maxsize


@namespace.route("/download/<index:index>/")
@namespace.param("index", "The id of a file, up to 18 digits", _in="path", type="integer")
class FileEvents(Resource):
    """Events of a file."""

    @namespace.doc(
        description="Server-Sent Events, without end. The data of each is JSON with `type` (status, progress, "
        "download, result, comment), `status`, `at_utc`, what belongs to its type, and `download_url` while a key is "
        "valid. Progress is named `progress`, all others are unnamed. Without the id of the last event that was seen "
        "all of them come, but for progress that is superseded."
    )
    @namespace.param(LAST_ID, "The id of the last event that was seen; a browser sends it by itself", _in="header")
    @namespace.param(LAST_ID_QUERY, "The same for clients that cannot set the header, which wins", type="integer")
    @namespace.produces([eventstream.MEDIA_TYPE])
    @namespace.doc(vendor={"example": EXAMPLE})
    @namespace.response(200, "The events", str)
    @namespace.response(
        204, "The status is `db_ready` or `error`, and the newest event has been seen: do not come again"
    )
    @namespace.response(410, "The file was deleted")
    @namespace.response(503, "As many clients listen as this process serves; Retry-After says when to ask again")
    def get(self, index: int) -> Response:
        """Listen to what happens to a file."""
        seen_id = _last_id()
        row = find_file(db.session, index, loc=("path", "index"))
        if seen_id is not None and seen_id > row.event_id and seen_id > happenings.newest_id(db.session):
            seen_id = None  # it is of another database: a backup was restored
        if seen_id is not None and row.status in happenings.ENDS and seen_id >= row.event_id:
            return Response(status=204, headers={"Cache-Control": "no-store"})
        progress_from = 0 if seen_id is not None else happenings.current_progress(db.session, row)
        base = current_app.config["PLAYBACK"].PUBLIC_URL.rstrip("/") or request.host_url.rstrip("/")
        if request.method == "HEAD":
            return _answer(iter(()))
        return _listen((row.id, seen_id or 0, progress_from, base))


@namespace.route("/sse/<index:index>/")
class FileStream(FileEvents):
    """Events of a file, by another address."""

    @functools.wraps(FileEvents.get)
    def get(self, index: int) -> Response:
        """Listen to what happens to a file."""
        answer: Response = FileEvents.get(self, index)
        return answer

    get.__doc__ = "Listen to what happens to a file, by its other address."


def _last_id() -> int | None:
    """Return the id of the last event that the client has seen, None where it names none. Raises Invalid."""
    texts = {
        ("header", LAST_ID): request.headers.get(LAST_ID, ""),
        ("query", LAST_ID_QUERY): str(read_query().values.get(LAST_ID_QUERY, "")),
    }
    given = {place: text.strip() for place, text in texts.items() if text.strip()}
    for place, text in given.items():
        if not re.fullmatch("[0-9]{1,18}", text):
            message = f"the id of the last event is a number of up to 18 digits, not {text[:60]!r}: "
            raise Invalid(message + "leave it out to begin anew", loc=place, kind="int_parsing")
    return next((int(text) for text in given.values()), None)


def _answer(body: Any) -> Response:
    return Response(body, content_type=eventstream.MEDIA_TYPE, headers=HEADERS)


def _listen(where: tuple[int, int, int, str]) -> Response:
    """Return the answer whose body the hub goes on with. Raises Busy."""
    hub: Hub = current_app.extensions[HUB]
    app = app_ctx.app  # it outlives the request
    may_go_on = StillMay(app, caller(), functools.partial(_may_listen, where[0]))
    db.session.remove()  # whoever waits holds no connection
    hub.take_place()
    given = request.environ.get(GIVES_SOCKET)
    if given is not None:
        taken = SocketListener(*where)
        taken.may_go_on = may_go_on
        given.append(Handover(hub, taken))
        return _answer(iter((eventstream.opening(RETRY_MS),)))
    try:
        seat = take_seat()
    except BaseException:
        hub.give_back()
        raise
    listener = ThreadListener(*where, hub.wake)
    listener.may_go_on = may_go_on
    response = _answer(_fetched(listener, seat))
    response.call_on_close(listener.close)
    response.call_on_close(seat.release)
    hub.join(listener)
    return response


def _may_listen(file_id: int, who: Caller) -> bool:
    """Tell whether a caller may go on listening to a file, with what he may do by now."""
    sight = sight_of(who)
    try:
        if sight is not None:
            check_objects(db.session, sight, {"index": file_id})
    except NotFound:
        return False
    return who.role == "analyser" or who.has_role("viewer")


class Handover:
    """A listener that waits for its connection; the worker calls one of the two, once."""

    def __init__(self, hub: Hub, listener: SocketListener) -> None:
        self._hub, self._listener = hub, listener

    def attach(self, connection: Any) -> None:
        """Serve the connection from now on; it is the hub's to close."""
        self._listener.attach(connection, STUCK_S)
        self._hub.join(self._listener)

    def abandon(self) -> None:
        """Give the place back: the answer was another one."""
        self._hub.give_back()


def _fetched(listener: ThreadListener, seat: Seat) -> Generator[bytes, None, None]:
    """Yield what the hub puts until the stream ends or the client is gone."""
    try:
        yield eventstream.opening(RETRY_MS)
        while (data := listener.fetch(LOOK_S)) is not None and not seat.is_gone():
            if data:
                yield data
    finally:
        listener.close()
        seat.release()


PlaybackApi(fileevents).add_namespace(namespace)
