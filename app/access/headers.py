"""The headers of every answer, in one place; a page, a file or a list says otherwise only where it must.

Set when an answer leaves (`begin`): errors, static files, streams and what hands its connection over pass here too.
What gunicorn refuses before the app sees it takes its headers from `refusal_headers` (gunicorn/config.py).

A browser is told: take nothing for what it is not said to be (`nosniff`); tell nobody where a link was followed from
(addresses hold keys); let no other site show, load or open us; and run, load and send nothing that is not named.
"""

from flask import Flask, Response, request

NO_STORE = "no-store"
# Of what no browser should render: JSON, media, files. None of its own things could load anything.
BARE_POLICY = "default-src 'none'; frame-ancestors 'none'"
# Of what strangers named and filled: were it rendered all the same, then apart from us, without scripts and forms.
STRANGE_POLICY = f"sandbox; {BARE_POLICY}"
HSTS = "max-age=31536000"  # a year; other names below this domain are not ours to decide about
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ALWAYS = {name.lower() for name in ALWAYS}
PAGES = {"text/html", "application/xhtml+xml", "image/svg+xml"}
_OPENER = "Cross-Origin-Opener-Policy"
_POLICY = "Content-Security-Policy"


def page_policy(**directives: str) -> str:
    """Return the policy of a page without scripts, with more allowed or less: `script_src="'self'"`; "" takes away."""
    found = {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    found |= {name.replace("_", "-"): value for name, value in directives.items()}
    return "; ".join(f"{name} {value}" for name, value in found.items() if value)


PAGE_POLICY = page_policy()


def begin(app: Flask) -> None:
    """Set the headers of every answer of the app. Called first: what is bound first sees an answer last."""
    app.after_request(set_headers)


def set_headers(response: Response) -> Response:
    """Add what every answer carries; what it says of policy and keeping itself stays."""
    headers = response.headers
    there = {name.lower() for name, _ in headers}  # looking for each of them takes four times as long
    for name in _ALWAYS & there:
        del headers[name]
    is_page = response.mimetype in PAGES
    added = [*ALWAYS.items()]
    if is_page and _OPENER.lower() not in there:
        added.append((_OPENER, "same-origin"))
    if _POLICY.lower() not in there:
        added.append((_POLICY, PAGE_POLICY if is_page else BARE_POLICY))
    if "cache-control" not in there:
        added.append(("Cache-Control", NO_STORE))
    if request.is_secure:
        added.append(("Strict-Transport-Security", HSTS))
    headers.extend(added)
    return response


def refusal_headers() -> dict[str, str]:
    """Return the headers of an answer that the app has no part in."""
    return {**ALWAYS, _POLICY: BARE_POLICY, "Cache-Control": NO_STORE}
