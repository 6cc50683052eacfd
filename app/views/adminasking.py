"""How the administration pages do what the API can do: by asking it, as the account that is signed in.

The same checks, rows, wake-ups and audit as for any client; app/commands/asking.py does so for the terminal.
"""

from typing import Any

from flask import Flask, request

from app.access.finding import CALLER_KEY
from app.auth import caller


class Refused(Exception):
    """The API refused; `details` is the list of its answer."""

    def __init__(self, details: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(str(entry["msg"]) for entry in details))
        self.details = details


def ask(main: Flask, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
    """Return the JSON that the API of the main app answers. Raises Refused."""
    with main.app_context():
        asker = caller()
    client = main.test_client(use_cookies=False)
    given: Any = {} if values is None else {"json": values}
    inside = {CALLER_KEY: asker, "REMOTE_ADDR": request.remote_addr or ""}
    answer = client.open(path, method=method, environ_overrides=inside, **given)
    if answer.status_code >= 400:
        raise Refused(answer.get_json()["detail"])
    return answer.get_json(silent=True)
