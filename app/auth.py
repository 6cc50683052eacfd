"""Who may do what: `development` is open, `production` wants an account, a token or a key (operations.md).

Here is what views ask: who the caller is. What is checked before them stands in app/access. A cookie is sent by the
browser whatever page asks, therefore a request that changes something must also come from our own origin. Development
has no cookie, but pages of other sites could reach its port on loopback: the same rule holds there.
"""

from flask import Flask, current_app, redirect, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from app.access import cookies, csrf, rates
from app.access.caller import Caller
from app.access.checking import HOW, check_rule
from app.access.finding import bearer_token, find_caller
from app.access.networks import is_of_hidden_proxy, is_within
from app.access.objects import sight_of
from app.access.window import refuse_unchecked
from app.archive.bounds import Sight
from app.errors import NotFound, Unauthorised
from app.extensions import db
from app.models.types import now_us
from app.personalulti import is_page_wanted
from app.transfer.answering import may_answer

RESULT_ENDPOINTS = {"results.by_refer", "results.by_header"}
REFER_HEADER = "X-Refer-Key"
METRICS_ENDPOINT = "metrics.metrics"
SAFE_METHODS = csrf.SAFE_METHODS


def begin(app: Flask) -> None:
    """Check every request of the app before it is served."""
    cookies.begin(app)
    csrf.begin(app)
    app.before_request(check_request)
    app.after_request(name_scheme)
    app.after_request(refuse_unchecked)


def check_request() -> Response | None:
    """Let the request pass, or raise Unauthorised or Forbidden; send a browser that opens a page to `/login`."""
    is_change = request.method not in SAFE_METHODS and bearer_token(request) is None
    is_sure = csrf.check_site() if is_change else True
    answer = _let_in()
    if answer is None:
        csrf.check_token(is_needed=is_change and (not is_sure or csrf.is_needed(find_caller())))
        rates.check_rule(find_caller())
    return answer


def _let_in() -> Response | None:
    """Let in who may: by a key, by the address, or by the row of the table."""
    if request.endpoint in RESULT_ENDPOINTS and may_post_result():
        return None
    if request.endpoint == METRICS_ENDPOINT and is_metrics_network():
        return None
    try:
        check_rule(find_caller())
    except Unauthorised:
        if not _is_page_load():
            raise
        return redirect(url_for("signin.get_login", next=request.full_path.rstrip("?")), 303)
    return None


def name_scheme(response: FlaskResponse) -> FlaskResponse:
    """Say in each 401 how to sign in (RFC 9110 §11.6.1)."""
    if response.status_code == 401:
        is_wrong = bearer_token(request) is not None  # RFC 6750 §3.1
        response.headers.setdefault("WWW-Authenticate", 'Bearer error="invalid_token"' if is_wrong else "Bearer")
    return response


def caller() -> Caller:
    """Return who asks. Raises Unauthorised where nobody is known."""
    found = find_caller()
    if found is None:
        raise Unauthorised(HOW)
    return found


def actor() -> str:
    """Return whose act the current request is, for what is written down of it."""
    found = find_caller()
    return found.name if found is not None else "anyone (production)"


def sources() -> frozenset[int] | None:
    """Return the ids of the cameras that the caller may see; None for all."""
    return caller().sources


def sight() -> Sight | None:
    """Return what the caller sees of handed files; None for all, and for who has a key alone."""
    return sight_of(find_caller())


def check_source(source_id: int, place: str = "path") -> None:
    """Raise NotFound for a camera that the caller may not see: for him it is not there."""
    if not caller().may_see(source_id):
        raise NotFound(f"there is no source {source_id}", loc=(place, "source_id"))


def may_post_result() -> bool:
    """Tell whether a key is enough to post the result of an analysis.

    Where PLAYBACK_RESULT_NEEDS_TOKEN is off it is: a download key that is given out now, or that was used.
    """
    found = find_caller()
    if (found is not None and found.how != "network") or current_app.config["PLAYBACK"].RESULT_NEEDS_TOKEN:
        return False
    text = (request.view_args or {}).get("refer") or request.headers.get(REFER_HEADER, "")
    try:
        return may_answer(db.session, text, now_us())
    finally:
        db.session.rollback()


def is_metrics_network() -> bool:
    """Tell whether the caller's address may read the metrics without a token (PLAYBACK_METRICS_NETWORKS)."""
    config = current_app.config["PLAYBACK"]
    return is_within(config.metrics_networks) and not is_of_hidden_proxy(config)


def _is_page_load() -> bool:
    return request.method == "GET" and is_page_wanted()
