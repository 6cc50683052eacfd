"""What is looked at when all is over: processes, files and rows, the log, and the service's own tools of inspection."""

from tests.archive_reading import query
from torture.rig import Rig

TOOLS = ("verify", "fsck")
TRACE = "Traceback (most recent call last)"


def look_after(rig: Rig) -> list[str]:
    """End the service and return what is wrong with what it leaves."""
    wrong = [f"a process is left: {line}" for line in rig.shut_down()]
    return wrong + _files(rig) + _log(rig) + _tools(rig)


def _files(rig: Rig) -> list[str]:
    """Compare the media files with their rows."""
    states = dict(query(rig.service, "SELECT id, state FROM segment"))
    files = {path.stem[-36:]: path for root in rig.storages for path in (root / "rec").rglob("*.mp4")}
    wrong = [f"a file without a row: {path}" for name, path in files.items() if name not in states]
    wrong += [f"a row without a file: segment {name}" for name in states.keys() - files.keys()]
    wrong += [f"segment {name} is not closed, or missing" for name, state in states.items() if state != 1]
    left = [path for root in rig.storages for path in (root / "live").rglob("*.mp4")]
    return wrong + [f"left in the live folder: {path}" for path in left]


def _log(rig: Rig) -> list[str]:
    text = rig.service.read_log()
    if TRACE not in text:
        return []
    at = text.index(TRACE)
    return [f"{text.count(TRACE)} tracebacks in the log, the first: {text[max(0, at - 300) : at + 2000]}"]


def _tools(rig: Rig) -> list[str]:
    """Let the service's own commands inspect the archive."""
    wrong = []
    for tool in TOOLS:
        done = rig.service.run("-m", "flask", tool)
        if done.returncode:
            wrong.append(f"flask {tool} is not content: {(done.stdout + done.stderr)[-2000:]}")
    return wrong
