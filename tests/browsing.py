"""What a browser of ours sends: the cookie of a sign-in, and the token that goes with a change."""

from flask import Flask
from flask.testing import FlaskClient


def token_of(client: FlaskClient) -> str:
    """Return the CSRF token that a client has now."""
    return str(client.get("/csrftoken/").json["csrfToken"])


def changing(client: FlaskClient) -> dict[str, str]:
    """Return the header of a change by a script of our pages."""
    return {"X-CSRFToken": token_of(client)}


def signed_in(app: Flask, **form: str) -> FlaskClient:
    """Return a browser that has sent the form of the sign-in page."""
    browser = app.test_client()
    answer = browser.post("/login", data={**form, "csrf_token": token_of(browser)})
    assert answer.status_code == 303, answer.text
    return browser
