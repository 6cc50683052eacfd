"""The checks before each view: is it known who asks, and does the row of the table let him."""

from typing import Any

from flask import request
from werkzeug.exceptions import NotFound as NoSuchAddress

from app.access import media
from app.access.caller import Caller
from app.access.objects import check_objects, sight_of
from app.access.rules import Rule, rule_of
from app.access.window import bound_window
from app.errors import Forbidden, Unauthorised
from app.extensions import db

HOW = "sign in first: send the header Authorization: Bearer TOKEN, or open /login in a browser"
WRONG = "this token opens nothing: it is unknown, was revoked or has run out; make another, or open /login in a browser"


def check_rule(caller: Caller | None) -> None:
    """Let the request pass, or raise Unauthorised, Forbidden or NotFound."""
    if request.endpoint is None or request.method == "OPTIONS":
        if caller is None:
            raise Unauthorised(HOW)
        return  # routing says what is wrong with it
    rule = rule_of(request.endpoint, request.method)
    if rule is None:
        raise NoSuchAddress  # an address without a row is open to nobody
    if rule.role == "open":
        return
    if caller is None:
        raise Unauthorised(HOW if request.authorization is None else WRONG)
    check_role(caller, rule)
    check_scope(caller, rule)
    check_path(caller, request.view_args or {})
    bound_window(caller)


def check_role(caller: Caller, rule: Rule) -> None:
    """Raise Forbidden for a role that is too small."""
    if caller.role == "analyser" and rule.is_analyser:
        return
    if caller.how == "share" and request.endpoint in media.OF_SOURCES:
        return
    if caller.how == "share":
        raise Forbidden("a share link opens the media of its span, and nothing else", kind="scope")
    if not caller.has_role(rule.role):
        who = f"this token of {caller.name}" if caller.how == "token" else caller.name
        raise Forbidden(f"{who} has the role {caller.role}; this needs the role {rule.role}")


def check_scope(caller: Caller, rule: Rule) -> None:
    """Raise Forbidden for what the caller's areas, cameras or window leave out."""
    if caller.areas is not None and rule.area not in caller.areas:
        areas = ", ".join(sorted(caller.areas))
        raise Forbidden(f"this needs the area {rule.area}; the token has {areas}", kind="scope")
    if rule.cameras == "all" and caller.sources is not None:
        raise Forbidden("this is of all cameras, and you may see some of them only", kind="scope")
    if caller.has_window and not rule.has_window:
        raise Forbidden("you may see a span of footage only, and this is not bounded by one", kind="scope")


def check_path(caller: Caller, path: dict[str, Any]) -> None:
    """Raise NotFound for what the address names of a camera that the caller may not see: for him it is not there."""
    sight = sight_of(caller)
    if sight is None or not path:
        return
    try:
        check_objects(db.session, sight, path)
    finally:
        db.session.rollback()  # nothing that follows inherits this transaction
