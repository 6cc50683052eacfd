"""Takes the pictures of docs/screenshots from a running service, where nobody has to sign in.

    python -m examples.screenshots http://127.0.0.1:8000

Each page in light and dark at 1280×800, and the recordings on a phone. Take them where cameras have recorded for a
while: an empty recorder is no picture.
"""

import shutil
import sys
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
PAGES = {
    "live": "/",
    "recordings": "/view/timeline",
    "cameras": "/view/cameras",
    "files": "/view/files",
    "review": "/view/files?file=1",
    "system": "/view/system",
}
DESK, PHONE = (1280, 800), (390, 844)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SETTLED_MS = 6000  # pictures have come, a first frame is shown


def take(browser: Browser, base: str, name: str, path: str, theme: str, size: tuple[int, int]) -> None:
    """Open a page in a window of its own and keep what it shows."""
    page: Page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if theme == "dark" else "light"
    )
    page.goto(base + path)
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=FOLDER / f"{name}-{theme}.png")
    page.close()


def main(base: str, **state: str) -> None:
    """Take all of them; `state` is put into the address of the recordings (`at`, `span`, `in`, `out`)."""
    FOLDER.mkdir(exist_ok=True)
    recordings = f"/view/timeline?{urlencode(state)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for theme in ("light", "dark"):
            for name, path in PAGES.items():
                take(browser, base, name, recordings if name == "recordings" else path, theme, DESK)
            take(browser, base, "phone", recordings, theme, PHONE)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], **dict(word.split("=", 1) for word in sys.argv[2:]))
