"""What a share link leads to: `/share/KEY` for people, `/share/KEY/video.mp4` and `/share/KEY/index.m3u8` for players.

The page tells nothing before its button is pressed, and only that counts as an opening: messengers fetch every address
that is sent through them, to show a preview. A player's address counts when it is fetched, but not for HEAD. Nothing
here names the camera: a stranger learns the span, where footage is missing in it, and what the link's maker wrote.
"""

import logging

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_restx import Namespace, Resource
from pydantic import BaseModel

from app.access import rates, sharing
from app.access.headers import page_policy
from app.archive import shares as archive
from app.errors import Forbidden, Gone, NotFound, PlaybackError, Unauthorised
from app.extensions import db, writing
from app.models import ShareLink
from app.models.types import now_us
from app.personalulti import is_page_wanted, read_parameters, read_query
from app.views import PlaybackApi, document
from app.views.objects import json_bytes
from app.views.playbackrange import HLS, MP4, see
from app.views.sharedspan import describe_span, media_address
from app.views.shareobjects import Opening, SharedObject

log = logging.getLogger(__name__)
sharepage = Blueprint("sharepage", __name__)
namespace = Namespace("shared", "What a share link leads to: the key in the address is all that is needed", path="/")
POLICY = page_policy(script_src="'self'", media_src="'self' blob:", connect_src="'self'")
HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
NO_LINK = "this link does not exist, or not any more: check that the address is whole, or ask for a new one"
ENDED = "this link does not work any more: ask for a new one"
BASIC = 'Basic realm="share link"'  # a player asks for a password then (RFC 7617)
WRONG = "This is not the password of this link."
ENDPOINT = "sharepage.page"


class FilmQuery(BaseModel):
    """How the film is wanted."""

    download: bool = False


@namespace.route("/share/<key>", endpoint="page")
@namespace.param("key", "The key of a share link", _in="path")
class SharePage(Resource):
    """The page of a share link."""

    @namespace.doc(
        description="A page that asks to open the link, with its password where it has one; once opened by this "
        "browser, the player. Looking at it opens nothing and counts nowhere.",
        security=[],
    )
    @namespace.produces(["text/html"])
    @namespace.response(200, "The page")
    @namespace.response(404, "There is no such link")
    @namespace.response(410, "The link was revoked, is used up or has run out")
    @namespace.response(429, "Too many attempts failed; ask again as Retry-After says")
    def get(self, key: str) -> Response:
        """Show the page of a share link."""
        at_us = now_us()
        row = _living(key, at_us)
        until_us = sharing.opened_until_us(row, at_us)
        return _ask(row, at_us) if until_us is None else _player(row, until_us)

    @namespace.doc(
        description="Counts an opening, and sets a cookie for the addresses below it that lasts 12 hours at most. A "
        "program that prefers `application/json` is told what there is, with addresses of the media that need no "
        "header: their signature lasts as long.",
        security=[],
    )
    @namespace.expect(document(namespace, Opening), validate=False)
    @namespace.response(200, "What there is", document(namespace, SharedObject))
    @namespace.response(303, "Opened, for a browser: on to the player")
    @namespace.response(403, "The password is wrong")
    @namespace.response(404, "There is no such link")
    @namespace.response(410, "The link was revoked, is used up or has run out")
    @namespace.response(429, "Too many attempts failed; ask again as Retry-After says")
    def post(self, key: str) -> Response:
        """Open a share link."""
        given, at_us = read_parameters().checked(Opening), now_us()
        row = _living(key, at_us)
        until_us = sharing.opened_until_us(row, at_us)
        if until_us is not None:
            return _opened(row, key, until_us, at_us)
        if not _is_password(row, given.password):
            log.warning("a wrong password for share link %s from %s", row.id, request.remote_addr)
            if is_page_wanted():
                return _ask(row, at_us, WRONG, 403)
            raise Forbidden("this is not the password of this link", loc=("body", "password"), kind="password")
        return _opened(row, key, _count(row, at_us), at_us)


@namespace.route("/share/<key>/video.mp4")
@namespace.param("key", "The key of a share link", _in="path")
class ShareVideo(Resource):
    """The span of a share link as MP4."""

    @namespace.doc(
        description="For players and programs: it leads on to an address of the film that needs neither header nor "
        "cookie. Counts an opening, unless the cookie of one comes with it. A link with a password wants it as that "
        "of HTTP Basic, under any user name.",
        security=[],
    )
    @namespace.param("download", "1 names the file", type="boolean")
    @namespace.response(403, "The link offers no download")
    @namespace.response(307, "Opened: the film is at the address in Location")
    @namespace.response(401, "The link wants its password")
    @namespace.response(404, "There is no such link")
    @namespace.response(410, "The link was revoked, is used up or has run out")
    @namespace.response(429, "Too many attempts failed; ask again as Retry-After says")
    def get(self, key: str) -> Response:
        """Open a share link and get its film."""
        return _lead_on(key, "video.mp4", MP4)

    @namespace.hide
    def head(self, key: str) -> Response:
        """Tell whether there is such a link; opens nothing."""
        return _lead_on(key, "video.mp4", MP4)


@namespace.route("/share/<key>/index.m3u8")
@namespace.param("key", "The key of a share link", _in="path")
class SharePlaylist(Resource):
    """The span of a share link as HLS."""

    @namespace.doc(description="As `video.mp4`.", security=[])
    @namespace.response(307, "Opened: the playlist is at the address in Location")
    @namespace.response(401, "The link wants its password")
    @namespace.response(404, "There is no such link")
    @namespace.response(410, "The link was revoked, is used up or has run out")
    @namespace.response(429, "Too many attempts failed; ask again as Retry-After says")
    def get(self, key: str) -> Response:
        """Open a share link and get its playlist."""
        return _lead_on(key, "index.m3u8", HLS)

    @namespace.hide
    def head(self, key: str) -> Response:
        """Tell whether there is such a link; opens nothing."""
        return _lead_on(key, "index.m3u8", HLS)


@sharepage.after_request
def guard(response: Response) -> Response:
    """Set what every answer of these addresses carries."""
    response.headers.update(HEADERS)
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = POLICY
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = BASIC
    return response


@sharepage.errorhandler(NotFound)
@sharepage.errorhandler(Gone)
def show_end(error: PlaybackError) -> Response | tuple[Response, int]:
    """Show the one page of links that do not work, to who wants pages."""
    from app.views.failures import render_error

    if not is_page_wanted():
        return render_error(error)
    return Response(render_template("shareend.html", is_known=error.status == 410), error.status)


def _living(key: str, at_us: int) -> ShareLink:
    """Return the link of a key. Raises NotFound where none ever had it, Gone for one that has ended."""
    row = archive.share_of_key(db.session, key)
    if row is None:
        raise NotFound(NO_LINK, loc=("path", "key"))
    if archive.living_share(db.session, row.id, at_us) is None:
        raise Gone(ENDED, loc=("path", "key"))
    return row


def _count(row: ShareLink, at_us: int) -> int:
    """Count an opening; return when it ends. Raises Gone for a link that is used up, or ended just now."""
    with writing() as session:
        is_counted = archive.count_opening(session, row.id, row.source_id, request.remote_addr or "", at_us)
    if not is_counted:
        raise Gone(ENDED, loc=("path", "key"))
    return sharing.opening_ends_us(row, at_us)


def _opened(row: ShareLink, key: str, until_us: int, at_us: int) -> Response:
    """Answer who has opened a link: a browser is led to the player, a program told what there is."""
    if is_page_wanted():
        response: Response = redirect(url_for(ENDPOINT, key=key), 303, Response=Response)  # type: ignore[assignment]
        response.data = b""
    else:
        shown = {name: value for name, value in describe_span(row, until_us).items() if name != "is_playlist_first"}
        response = Response(json_bytes(shown) + b"\n", content_type="application/json")
    return _keep(response, row, key, until_us, at_us)


def _keep(response: Response, row: ShareLink, key: str, until_us: int, at_us: int) -> Response:
    sharing.keep_opening(response, row, url_for(ENDPOINT, key=key), until_us, at_us)
    return response


def _lead_on(key: str, name: str, kind: str) -> Response:
    """Open the link for a player; send it on to the media."""
    at_us = now_us()
    row = _living(key, at_us)
    is_download = read_query().checked(FilmQuery).download
    if is_download and not row.may_download:
        raise Forbidden("this link offers no download", loc=("query", "download"), kind="no_download")
    until_us = sharing.opened_until_us(row, at_us)
    if until_us is None:
        given = request.authorization
        if not _is_password(row, None if given is None else given.password):
            raise Unauthorised("this link has a password: send it with HTTP Basic, under any user name")
        if request.method == "HEAD":
            return Response(content_type=kind)  # an address here would be an opening that nobody has counted
        until_us = _count(row, at_us)
    response = see(media_address(row, name, until_us, is_download=is_download))
    return _keep(response, row, key, until_us, at_us)


def _is_password(row: ShareLink, given: str | None) -> bool:
    """Tell whether this is the link's password; tries are counted by link. Raises TooMany."""
    if row.password is not None and given:
        rates.attempt("share", row.id)
    is_right = sharing.is_password(row, given)
    if is_right and row.password is not None:
        rates.forget("share", row.id)
    return is_right


def _ask(row: ShareLink, at_us: int, problem: str = "", status: int = 200) -> Response:
    """Return the page that asks to open the link. Raises Gone for one that is used up."""
    if row.id not in archive.openable_ids(db.session, [row.id], at_us):
        raise Gone(ENDED, loc=("path", "key"))
    page = render_template("shareask.html", has_password=row.password is not None, problem=problem)
    return Response(page, status)


def _player(row: ShareLink, until_us: int) -> Response:
    """Return the page with the player."""
    shown = describe_span(row, until_us)
    download = media_address(row, "video.mp4", until_us, is_download=True) if row.may_download else None
    return Response(render_template("share.html", download=download, **shown))


PlaybackApi(sharepage).add_namespace(namespace)
