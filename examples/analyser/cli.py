"""The command: options, secrets from the environment or files, exit status.

Status: 0 every file has a result · 1 some could not be analysed, and the server was told so · 2 wrong options · 3 some
have no result, because the server was not there, said no, or gave no address in time · 130, 143 ended by a signal.
"""

import argparse
import json
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .failures import CannotAnalyse, NoResult
from .job import Limits, work_on
from .service import Service

log = logging.getLogger("analyser")

DONE, NOT_ANALYSED, NO_RESULT = 0, 1, 3


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # a line for each fault of a PDF
    signal.signal(signal.SIGTERM, _end)
    if options.print:
        return _print(options.print, options.seconds)
    if not options.server or bool(options.files) == bool(options.listen):
        parser.error("give --server, and either FILE_ID… or --listen")
    try:
        service = Service(options.server, _secret(options.token_file, "ANALYSER_TOKEN"))
        secret = _secret(options.secret_file, "ANALYSER_SECRET")
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}")
    limits = Limits(
        options.wait, options.seconds, options.max_bytes, options.folder, options.restart, shlex.split(options.command)
    )
    try:
        if not options.listen:
            return max(_work(service, file_id, limits) for file_id in options.files)
        if not secret:
            parser.error("--listen needs the secret of PLAYBACK_ANALYSER_URLS in ANALYSER_SECRET or --secret-file")
        return _listen(service, limits, options.listen, secret)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analyse.py", description="Analyse files of a flask-playback server.")
    add = parser.add_argument
    add("files", nargs="*", type=int, metavar="FILE_ID", help="wait for these files, one after the other")
    add("--server", metavar="URL", help="address of the server, as http://127.0.0.1:8000")
    add("--token-file", type=Path, metavar="PATH", help="holds the service token; else ANALYSER_TOKEN, else none")
    add("--listen", type=_address, metavar="[HOST:]PORT", help="take the POSTs of PLAYBACK_ANALYSER_URLS, without end")
    add("--secret-file", type=Path, metavar="PATH", help="holds the secret that signs them; else ANALYSER_SECRET")
    add("--command", default="", metavar="COMMAND", help="analyse by this program: it gets the path, prints the JSON")
    add("--seconds", type=_positive, default=1800.0, help="the most that one analysis may take (1800)")
    add("--wait", type=_positive, default=3600.0, metavar="SECONDS", help="how long to wait for an address (3600)")
    add("--max-bytes", type=int, default=64 << 30, help="larger files are not fetched (64 GiB)")
    add("--folder", type=Path, help="where a file lies while it is analysed (the system's temporary folder)")
    add("--restart", action="store_true", help="let the server give out keys again where their time is over")
    add("--print", type=Path, metavar="PATH", help="analyse a file of this machine and print the JSON")
    return parser


def _work(service: Service, file_id: int, limits: Limits, key: str | None = None) -> int:
    try:
        return DONE if work_on(service, file_id, limits, key) else NOT_ANALYSED
    except NoResult as error:
        log.error("file %d: %s", file_id, error)
        return NO_RESULT


def _listen(service: Service, limits: Limits, address: tuple[str, int], secret: str) -> int:
    """Analyse what is POSTed, one file at a time, until a signal comes."""
    from .listening import Queue, Server

    queue = Queue()
    with Server(address, secret, queue) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        log.info("listening at %s:%d", *server.server_address[:2])
        try:
            while (waiting := queue.take()) is not None:
                _work(service, waiting[0], limits, waiting[1])
        finally:
            server.shutdown()
    return DONE


def _print(path: Path, budget_s: float) -> int:
    """Analyse a local file within bounded memory and print what is found."""
    from .analysis import analyse
    from .isolation import bound_memory

    bound_memory()
    try:
        body = analyse(path, budget_s).body()
    except CannotAnalyse as error:
        body = {"findings": [], "error": str(error)}
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return NO_RESULT
    print(json.dumps(body, ensure_ascii=False))
    return NOT_ANALYSED if "error" in body else DONE


def _secret(path: Path | None, name: str) -> str | None:
    """Return a secret of a file, else of the environment; never of the command line, which every user sees."""
    if path is not None:
        return path.read_text("utf-8").strip() or None
    return os.environ.get(name) or None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 <= int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, nor HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} must be above 0")
    return number


def _end(number: int, _: object) -> None:
    """End by way of all `finally`: no file and no process is left."""
    raise SystemExit(128 + number)
