"""The operator's pages as people use them: a real Chromium, led by Playwright, against a real server.

    def test_…(chromium: Chromium) -> None:
        with answering(app) as base, chromium.looking(base, language="ru") as looker:
            looker.open("/view/files")
            looker.page.get_by_role("button", name="…").click()
            assert looker.complaints == [] and looker.axe() == []

The fixture `chromium` (conftest.py) lives for a module, since Playwright keeps an event loop while it is open.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.accounts import PASSWORD
from tests.browser import ARGUMENTS
from tests.conftest import missing

ROOT = Path(__file__).resolve().parent.parent
SCREENS = ROOT / "reports" / "screens"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"phone": (390, 844), "desk": (1280, 800), "wall": (2560, 1440)}
Size = Literal["phone", "desk", "wall"]
Theme = Literal["light", "dark"]
PATIENCE_MS = 40_000  # the suite runs beside other tests on few cores
expect.set_options(timeout=PATIENCE_MS)
# WCAG 2.2 AA and the best practices that go with it; each rule that fails with its worst impact and its elements.
RUN_AXE = """
async () => {
  const found = await axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  });
  return found.violations.filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, impact, nodes}) => `${impact} ${id}: ${nodes.map(({target}) => target.join(' ')).join(', ')}`);
}
"""
# What has the focus: its name, whether one sees that it has it, whether something lies over it; null at the end.
STOP = r"""
() => {
  const node = document.activeElement;
  globalThis.walked ??= new Set();
  if (node === null || node === document.body || walked.has(node)) return null;
  walked.add(node);
  const box = node.getBoundingClientRect();
  const over = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const styles = [null, '::after'].map((part) => getComputedStyle(node, part));
  const labels = [...(node.labels ?? [])];
  const texts = [node, ...labels].map((element) => element.innerText);
  const names = [node.getAttribute('aria-label'), node.title, ...texts];
  return {
    what: `${node.localName}.${node.className} ${names.find((name) => name?.trim()) ?? ''}`,
    isNamed: names.some((name) => name?.trim()) || node.hasAttribute('aria-labelledby'),
    isMarked: styles.some(({outlineStyle, boxShadow}) => outlineStyle !== 'none' || boxShadow !== 'none'),
    isSeen: over !== null && (over.contains(node) || [node, ...labels].some((element) => element.contains(over))),
  };
}
"""


# A busy machine: what is drawn comes late, and so what a page does only after it was painted (Preact: 35 ms at most).
PAINT_SLOWLY = """(() => {
  const [draw, later] = [requestAnimationFrame.bind(window), setTimeout.bind(window)];
  window.setTimeout = (act, ms, ...given) => later(act, ms === 35 ? 400 : ms, ...given);
  window.requestAnimationFrame = (act) => draw(() => later(() => act(performance.now()), 120));
})()"""


def is_silent_camera(message: ConsoleMessage) -> bool:
    """Tell whether the browser only notes that a camera gave no picture (504), which the page tells itself."""
    return bool(re.search(r"/api/v1/source/\d+/(picture|video)", message.location["url"])) and "504" in message.text


class Looker:
    """One person at one browser window, with cookies and storage of its own."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.complaints: list[str] = []  # what the browser said of the pages: errors, refused by the policy, not caught
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"not caught: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not is_silent_camera(message):
            self.complaints.append(f"{message.type}: {message.text} {message.location['url'].removeprefix(self.base)}")

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Sign in by the form, as people do."""
        self.page.goto(f"{self.base}/login")
        self.page.locator("input[name=name]").fill(name)
        self.page.locator("input[name=password]").fill(password)
        self.page.locator("input[name=password]").press("Enter")
        self.page.wait_for_url(lambda address: "/login" not in address)

    def paint_slowly(self) -> None:
        """Have the pages that are opened from now on as on a machine that is busy."""
        self.page.add_init_script(PAINT_SLOWLY)

    def open(self, path: str = "/") -> Page:
        """Load a page and wait until its part of the scripts is there."""
        self.page.goto(self.base + path)
        self.page.locator("main[data-page] > *").first.wait_for(state="attached")
        return self.page

    def axe(self) -> list[str]:
        """Return what axe finds serious or critical in the page as it is now."""
        if not AXE.exists():
            missing("axe-core is not installed: run `make pages` on a machine with npm")
        self.page.evaluate(AXE.read_text("utf-8"))  # by the debugger: the page's policy would refuse it
        found: list[str] = self.page.evaluate(RUN_AXE)
        return found

    def lost_stops(self) -> list[str]:
        """Walk the page by Tab; return the stops at which one is lost: unnamed, not marked as focused, or covered."""
        lost = []
        for number in range(500):
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(STOP)
            if stop is None:
                assert number > 5, "nothing on the page takes the focus"
                return lost
            faults = [fault for fault in ("isNamed", "isMarked", "isSeen") if not stop[fault]]
            if faults:
                lost.append(f"{stop['what']}: not {', '.join(faults)}")
        raise AssertionError("walking by Tab comes to no end")

    def shot(self, name: str, *, is_whole: bool = True) -> Path:
        """Keep a picture of the page for people to look at; return where."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        path = SCREENS / f"{name}.png"
        self.page.screenshot(path=path, full_page=is_whole)
        return path

    def ask(self, path: str) -> Any:
        """Return the JSON of an answer to this person, past the pages."""
        answer = self.page.request.get(self.base + path)
        assert answer.ok, f"{path}: {answer.status} {answer.text()[:300]}"
        return json.loads(answer.text())


class Chromium:
    """One browser process, in which each person has a window apart."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    @contextmanager
    def looking(
        self,
        base: str,
        *,
        account: str | None = None,
        theme: Theme = "light",
        language: str = "en",
        size: Size = "desk",
        zone: str = "UTC",
        **options: Any,
    ) -> Iterator[Looker]:
        """Open a window with nothing kept from before; `options` are those of Playwright's new_context."""
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            locale=language,
            timezone_id=zone,
            has_touch=size == "phone",
            **options,
        )
        try:
            looker = Looker(context.new_page(), base)
            if account is not None:
                looker.sign_in(account)
            yield looker
        finally:
            context.close()


@contextmanager
def starting_chromium(*arguments: str) -> Iterator[Chromium]:
    """Start Debian's Chromium, headless; none of Playwright's own is downloaded."""
    path = shutil.which("chromium")
    if path is None:
        missing("no chromium in PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])
        try:
            yield Chromium(browser)
        finally:
            browser.close()
