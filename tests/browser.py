"""A real Chromium for tests of the page, spoken to by chromedriver's HTTP interface (W3C WebDriver, Recommendation).

    with Browser(tmp_path) as browser:
        browser.open("http://127.0.0.1:8000/")
        browser.script("return document.title")

`why_no_browser()` says why there can be none here, and is empty where there can.
"""

import base64
import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.ports import free_port

T = TypeVar("T")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver §12.1: the web element identifier
# Without background networking: a machine without internet refuses its connections, many at a time.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
)


def why_no_browser() -> str:
    """Return why no Chromium can be had, empty where one can."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(absent)} in PATH; install chromium and chromium-driver" if absent else ""


class Browser:
    """One headless Chromium with an empty profile in `folder`."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 800) -> None:
        self._profile, self._size = folder / "chromium", (width, height)
        self._http = requests.Session()
        self._driver: subprocess.Popen[bytes] | None = None
        self._session = ""

    def __enter__(self) -> "Browser":
        port = free_port()
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._base = f"http://127.0.0.1:{port}"
        try:
            self.wait(self._is_up, "start of chromedriver")
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_up(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return bool(self._http.get(f"{self._base}/status", timeout=5).json()["value"]["ready"])
        return False

    def _begin(self) -> None:
        arguments = [*ARGUMENTS, f"--user-data-dir={self._profile}", "--window-size={},{}".format(*self._size)]
        wanted = {
            "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        answer = self._call("POST", "/session", capabilities={"alwaysMatch": wanted})
        self._session = f"/session/{answer['sessionId']}"

    def __exit__(self, *_: object) -> None:
        assert self._driver is not None
        if self._session:
            with contextlib.suppress(requests.RequestException, AssertionError):
                self._call("DELETE", self._session)
        self._driver.terminate()
        self._driver.wait(10)
        self._http.close()

    def _call(self, method: str, path: str, **body: Any) -> Any:
        answer = self._http.request(method, self._base + path, json=body if method == "POST" else None, timeout=60)
        value = answer.json()["value"]
        assert answer.status_code == 200, f"{path}: {value['error']}: {value['message'][:500]}"
        return value

    def open(self, address: str) -> None:
        """Load a page and wait until it has loaded."""
        self._call("POST", f"{self._session}/url", url=address)

    def open_bare(self, address: str) -> None:
        """Open an address for a test's own script, which the policy of the answer would let nothing load."""
        self.devtools("Page.setBypassCSP", enabled=True)
        self.open(address)

    def script(self, text: str, *arguments: Any) -> Any:
        """Run the body of a function in the page; return what it returns, or what its promise gives."""
        return self._call("POST", f"{self._session}/execute/sync", script=text, args=list(arguments))

    def find(self, selector: str) -> dict[str, str]:
        """Return the element of a CSS selector. Raises AssertionError when there is none."""
        value: dict[str, str] = self._call("POST", f"{self._session}/element", using="css selector", value=selector)
        return value

    def click(self, selector: str) -> None:
        """Click the middle of an element as a person does."""
        self._call("POST", f"{self._session}/element/{self.find(selector)[ELEMENT]}/click")

    def type(self, selector: str, text: str) -> None:
        """Type into an element; keys such as Enter by their code points (WebDriver §17.4.2)."""
        self._call("POST", f"{self._session}/element/{self.find(selector)[ELEMENT]}/value", text=text)

    def click_at(self, x: float, y: float) -> None:
        """Move the mouse to a place of the window, in CSS pixels, and click there."""
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._point(moves)

    def move_to(self, x: float, y: float) -> None:
        """Move the mouse to a place of the window, in CSS pixels."""
        self._point([{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}])

    def _point(self, moves: list[dict[str, Any]]) -> None:
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        self._call("POST", f"{self._session}/actions", actions=[mouse])

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Send a command of the Chrome DevTools Protocol."""
        return self._call("POST", f"{self._session}/goog/cdp/execute", cmd=command, params=parameters)

    def resize(self, width: int, height: int, *, is_phone: bool = False) -> None:
        """Give the page another size in CSS pixels."""
        how = {"width": width, "height": height, "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone}
        self.devtools("Emulation.setDeviceMetricsOverride", **how)

    def prefer(self, scheme: str) -> None:
        """Prefer a `light` or a `dark` page."""
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", features=wanted)

    def screenshot(self, path: Path) -> None:
        """Write the page as it shows into a PNG."""
        path.write_bytes(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    def console(self) -> list[str]:
        """Return the warnings and errors of the console since the last call."""
        lines = self._call("POST", f"{self._session}/se/log", type="browser")
        return [f"{line['level']}: {line['message']}" for line in lines if line["level"] in ("WARNING", "SEVERE")]

    def wait(self, get: Callable[[], T], what: str, limit_s: float = 20.0) -> T:
        """Return the first true value that `get` gives. Raises AssertionError when none comes in time."""
        until_s = time.monotonic() + limit_s
        while not (value := get()):
            assert time.monotonic() < until_s, f"{what} did not happen within {limit_s:.0f} s"
            time.sleep(0.1)
        return value
