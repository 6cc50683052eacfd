"""Texts that a browser or a player keeps for us, signed with the secret key: nobody can make one up, or change one.

What was signed with an earlier key is worth nothing: whoever changes a key that others have seen must not go on
believing it. `salt` names what a text is for, so that one is never taken for another.
"""

import hashlib
from typing import Any

from flask import current_app
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

KIND: dict[str, Any] = {"digest_method": hashlib.sha256}


def signing(salt: str) -> URLSafeSerializer:
    """Return what signs and reads texts."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=salt, signer_kwargs=KIND)


def signing_with_time(salt: str) -> URLSafeTimedSerializer:
    """Return what signs and reads texts that hold when they were signed."""
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=salt, signer_kwargs=KIND)
