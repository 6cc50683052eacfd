"""The operator's pages: HTML that says who looks at it; all else the built scripts ask the API for (web/)."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from app.access.headers import page_policy
from app.auth import caller
from app.errors import NotFound, PagesNotBuilt

pages = Blueprint("pages", __name__)
# blob: for what scripts put together or draw: media from a playlist, a picture to look at before it is sent.
POLICY = page_policy(
    script_src="'self'",
    img_src="'self' data: blob:",
    media_src="'self' blob:",
    connect_src="'self'",
    worker_src="'self'",
    manifest_src="'self'",
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-cache"}
PAGES = {"timeline": "timelinepage", "cameras": "cameras-page", "files": "files", "system": "system"}
BUILT, ENTRY, AHEAD = "built", "src/main.tsx", "ahead"


@pages.get("/")
def show_wall() -> Response:
    """Show the live wall."""
    return _page("wall")


@pages.get("/view/<page>")
def show_page(page: str) -> Response:
    """Show one of the other pages: which one, the script reads from the address."""
    if page not in PAGES:
        raise NotFound(f"There is no page {page[:20]!r}; there are {', '.join(PAGES)}", loc=("path", "page"))
    return _page(PAGES[page])


def _page(folder: str) -> Response:
    response = make_response(render_template("page.html", caller=caller(), **_assets(folder)))
    response.headers.update(HEADERS)
    return response


def _assets(folder: str) -> dict[str, Any]:
    """Return the addresses of what a page loads at once: script, modules that it needs, styles.

    `ahead` is run as soon as it is there, whatever else is still to come. What is only of the page shown is loaded
    beside the frame, not after it: `folder` is where it stands in web/src.

    Raises PagesNotBuilt where `make pages` has not run.
    """
    path = Path(current_app.static_folder or "") / BUILT / "manifest.json"
    try:
        manifest = _read_manifest(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise PagesNotBuilt from None
    entry = manifest[ENTRY]
    shown = manifest[f"src/{folder}/index.tsx"]
    names = dict.fromkeys((*entry.get("imports", ()), *shown.get("imports", ())))
    ahead = next(one["file"] for one in manifest.values() if one.get("name") == AHEAD)
    needed = [manifest[name] for name in names if name != ENTRY and manifest[name]["file"] != ahead]
    return {
        "ahead": _address(ahead),
        "script": _address(entry["file"]),
        "modules": [_address(one["file"]) for one in (*needed, shown)],
        "styles": [_address(name) for one in (*needed, entry, shown) for name in one.get("css", [])],
    }


@lru_cache(maxsize=2)
def _read_manifest(path: Path, changed_ns: int) -> dict[str, Any]:
    """Return what Vite says of its output; read again when it was built anew."""
    manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return manifest


def _address(name: str) -> str:
    return url_for("static", filename=f"{BUILT}/{name}")
