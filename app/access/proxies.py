"""What proxies in front say of a client: believed by a fixed count of them, and of none by default.

`X-Forwarded-For` and `-Proto` hold what each proxy has appended; of PLAYBACK_PROXY_HOPS proxies the one farthest out
wrote the entry that is as many from the end. What stands before it the client wrote himself. `-Host`, `-Prefix`,
`X-Real-IP` and `Forwarded` are believed of nobody: a proxy that does not know them would pass on a client's own. So
a proxy must pass on `Host`. gunicorn believes nobody either (gunicorn/config.py).
"""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def begin(app: Flask) -> None:
    """Let the app see the client as the proxies tell of him."""
    hops = app.config["PLAYBACK"].PROXY_HOPS
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]
