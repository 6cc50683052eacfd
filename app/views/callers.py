"""Who asks: the name that is written down beside what was done."""

from flask import request

from app.auth import OPERATOR_KEY, TERMINAL, signed_in


def caller() -> str:
    """Return the account's name; `terminal` for a `flask` command, `anybody` where nobody need sign in."""
    if request.environ.get(OPERATOR_KEY) is TERMINAL:
        return "terminal"
    account = signed_in()
    return account.name if account is not None else "anybody"
