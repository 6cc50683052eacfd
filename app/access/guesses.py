"""Which attempts to sign in are counted together, so that guessing is slow and nobody is locked out by a stranger.

Of a name, whether or not there is such an account: from one place (an address, of IPv6 its /64) 5 failures are free,
then each waits twice as long as the one before, up to 15 minutes. From all places together 100 are free, then 1 a
minute is looked at. A browser that signed in to the account before has a count of its own, which nobody else reaches.
"""

import hashlib
import hmac
import json
import secrets
from datetime import timedelta

from flask import Response, current_app, request
from itsdangerous import BadData

from app.access import cookies
from app.access.place import client_address
from app.access.signatures import signing_with_time
from app.archive.accountnames import name_key
from app.archive.attempts import Budget

FREE, MOST_S = 5, 900
FREE_OF_ALL, MOST_OF_ALL_S = 100, 60
CODES_FREE, MOST_CODES_S = 5, 300
DEVICE_COOKIE, DEVICE_LIFE, SALT = "playback_device", timedelta(days=180), "device"


def of_name(typed: str, word: str = "") -> list[Budget]:
    """Return what an attempt with this name counts for; `word` is the account's uniquifier: a new one begins anew.

    Whoever has a new password from a terminal is not held back by strangers who guessed at the old one.
    """
    name = _spelling(typed)
    device = _device(name)
    if device is not None:
        return [Budget(_digest("device", name, device, word), FREE, MOST_S)]
    return [
        Budget(_digest("place", name, client_address(), word), FREE, MOST_S),
        Budget(_digest("name", name, word), FREE_OF_ALL, MOST_OF_ALL_S),
    ]


def of_code(account_id: str, name: str) -> list[Budget]:
    """Return what an attempt with a code counts for; who gets so far knows the password."""
    device = _device(_spelling(name))
    return [Budget(_digest("code", account_id, device or ""), CODES_FREE, MOST_CODES_S)]


def of_own_password(account_id: str) -> list[Budget]:
    """Return what an attempt counts for with the password of an account that is signed in."""
    return [Budget(_digest("own", account_id), CODES_FREE, MOST_CODES_S)]


def remember_device(response: Response, name: str) -> None:
    """Let the browser keep that it signed in to this account."""
    key = _spelling(name)
    value = signing_with_time(SALT).dumps([_digest("known", key), _device(key) or secrets.token_urlsafe(16)])
    is_secure = cookies.is_secure(current_app.config["PLAYBACK"])
    response.set_cookie(
        DEVICE_COOKIE, value, max_age=DEVICE_LIFE, path="/login", secure=is_secure, httponly=True, samesite="Strict"
    )


def _spelling(typed: str) -> str:
    return name_key(typed) or typed[:256].strip()


def is_known_browser() -> bool:
    """Tell whether somebody has signed in with this browser before: a flood from its address does not shut it out."""
    try:
        signing_with_time(SALT).loads(request.cookies.get(DEVICE_COOKIE, ""), max_age=int(DEVICE_LIFE.total_seconds()))
    except (BadData, ValueError, TypeError):
        return False
    return True


def _device(name: str) -> str | None:
    """Return the word of a browser that signed in to the account of this name before."""
    given = request.cookies.get(DEVICE_COOKIE)
    if given is None:
        return None
    try:
        known, device = signing_with_time(SALT).loads(given, max_age=int(DEVICE_LIFE.total_seconds()))
    except (BadData, ValueError, TypeError):
        return None
    return str(device) if hmac.compare_digest(str(known), _digest("known", name)) else None


def _digest(*parts: str) -> str:
    """Return a keyed hash: what is stored tells nobody which names were typed; it may have been a password."""
    key = b"sign-in|" + current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()
