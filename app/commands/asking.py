"""How commands do their work: by the API of their own process, with the same checks, the same rows, the same waking."""

import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import click
from flask import current_app

API = "/api/v1"
PAGE = 500


def ask(method: str, path: str, values: dict[str, Any] | None = None, **how: Any) -> Any:
    """Return what the API answers, None where it has no data. Raises ClickException with a line for each error."""
    answer = _opened(method, path, **({} if values is None else {"json": values}), **how)
    return answer.get_json(silent=True)


def ask_pages(path: str, query: dict[str, Any]) -> Iterator[Any]:
    """Yield the entries of a list, read in pages; what is None in the query is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    answer = _opened("GET", path, query_string={**given, "limit": PAGE})
    while True:
        yield from answer.get_json()
        link = answer.headers.get("Link")
        if link is None:
            return
        answer = _opened("GET", link.partition(">")[0].removeprefix("<"))


def _opened(method: str, path: str, **how: Any) -> Any:
    from app.access.caller import TERMINAL
    from app.access.finding import CALLER_KEY

    client = current_app.test_client()
    answer = client.open(path, method=method, environ_overrides={CALLER_KEY: TERMINAL}, **how)
    if answer.status_code >= 400:
        raise click.ClickException("; ".join(_line(entry) for entry in answer.get_json()["detail"]))
    return answer


def find_group(name: str) -> str:
    """Return the address of the group of this name, or else of this id. Raises ClickException."""
    for group in ask("GET", f"{API}/group"):
        if name in (group["name"], group["id"]):
            return f"{API}/group/{group['id']}"
    raise click.ClickException(f"there is no group {name!r}: flask group list")


def secret(given: str) -> str:
    """Return what was given, or the next line of standard input for `-`: others can read a command line."""
    return sys.stdin.readline().strip() if given == "-" else given


def segment(text: str) -> str:
    """Return text as one segment of an address."""
    return quote(text, safe="")


def row(*cells: object) -> None:
    """Print a row with tabs between its cells, `-` for none."""
    click.echo("\t".join("-" if cell is None or cell == "" else str(cell).replace("\n", " ") for cell in cells))


def _line(entry: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in entry["loc"][1:])
    return f"{place}: {entry['msg']}" if place else str(entry["msg"])
