"""What strangers write (names of files, comments, quotations, violations) is text on every page that shows it.

Each place gets a text of its own that would be an element with an attribute where it was not escaped; the pages are
read by a parser of HTML, which finds what a browser would make of them.
"""

from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import writing
from app.models import BasisViolation, Cinema, Finding, Result, Source
from tests.reviewed import add_file
from tests.test_comments import comment

BREAKS = ("</td></script></style></textarea>", "\"'><")  # out of what it may stand in
LISTS = ("file", "comment", "violation", "source")


def hostile(place: str) -> str:
    """Return a text for this place that is an element wherever it is not escaped."""
    return f"{BREAKS[0]}{BREAKS[1]}hostile-{place} onload=evil() x=\"' {{{{7*7}}}}"


class Elements(HTMLParser):
    """Collects the elements, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element, and what of it a person reads."""
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.text += "".join(f" {value} " for name, value in attrs if name in ("value", "title", "data-value"))

    def handle_data(self, data: str) -> None:
        """Remember text."""
        self.text += data


def elements(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    found.close()
    return found


@pytest.fixture
def file_id(app: Flask, client: FlaskClient) -> int:
    """Add a file of which everything is hostile."""
    with app.app_context(), writing() as session:
        source = Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/x", description=hostile("source"))
        row = BasisViolation(code="listed", violations=hostile("listed"), age="12+", mark=hostile("mark"))
        session.add_all([source, row])
        session.flush()
        violation_id = row.id
    file_id, refer = add_file(app, name=hostile("name"), error=hostile("error"), status="db_ready")
    with app.app_context(), writing() as session:
        session.add(Cinema(file_id=file_id, target_audience="6+", comment=hostile("form"), actor="anna"))
        session.add(Result(file_id=file_id, content_sha256="ab" * 32, kind="json", size_bytes=9, actor="analyser"))
        session.add_all(
            Finding(file_id=file_id, position=n, violation=text, violation_id=number, severity="mild", quotation=said)
            for n, (text, number, said) in enumerate(
                ((hostile("violation"), None, hostile("quotation")), ("listed", violation_id, None))
            )
        )
    comment(client, refer, hostile("comment"), violation=hostile("violation"), severity="severe")
    comment(client, refer, hostile("comment"), violation="listed", comment_author="AI")
    assert client.post("/recommend/", json={"refer": refer}).status_code == 200
    return file_id


def check_page(answer: Any) -> Elements:
    """Check that nothing of what is hostile became an element or an attribute."""
    assert (answer.status_code, answer.mimetype) == (200, "text/html"), answer.text[:300]
    found = elements(answer.text)
    assert not [name for name in found.names if name.startswith("hostile")]
    assert "onload" not in found.attributes
    assert "<hostile" not in answer.text
    return found


def test_the_report_shows_all_of_it_as_text(client: FlaskClient, file_id: int) -> None:
    found = check_page(client.get(f"/files/{file_id}/report?format=html"))
    for place in ("name", "comment", "violation", "quotation", "form", "error", "listed", "mark"):
        assert hostile(place) in found.text, place
    assert not found.names & {"script", "iframe", "object", "form", "img"}


@pytest.mark.parametrize("site", ["admin", "cms"])
def test_the_administration_shows_all_of_it_as_text(client: FlaskClient, file_id: int, site: str) -> None:
    for word, place in zip(LISTS, ("name", "comment", "listed", "source"), strict=True):
        found = check_page(client.get(f"/{site}/{word}/", headers={"Accept": "text/html"}))
        assert f"hostile-{place}" in found.text, word
    for path in ("comment/edit/?id=1", "violation/edit/?id=1", "source/edit/?id=1"):
        found = check_page(client.get(f"/{site}/{path}", headers={"Accept": "text/html"}))
        assert "hostile-" in found.text, path


@pytest.mark.parametrize(
    "path",
    [
        "/files/",
        "/files/1/",
        "/files/1/result",
        "/comments/",
        "/comments/1/",
        "/recommend/",
        "/recommend/1/",
        "/violations/",
        "/files/1/report?format=json",
    ],
)
def test_json_is_never_sent_as_a_page(client: FlaskClient, file_id: int, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html,*/*;q=0.1"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert "hostile-" in answer.text


def test_an_error_repeats_hostile_text_as_json_alone(client: FlaskClient, file_id: int) -> None:
    for answer in (
        client.get("/comments/", query_string={"severity": hostile("x")}, headers={"Accept": "text/html"}),
        client.get(f"/comments/{'%3Cscript%3E'}/", headers={"Accept": "text/html"}),
        client.post("/comments/", json={"refer_file": hostile("x")[:60], "comment": "x", "comment_author": "AI"}),
        client.get("/files/1/report?format=<script>", headers={"Accept": "text/html"}),
    ):
        assert (answer.status_code, answer.mimetype) in ((422, "application/json"), (404, "application/json"))
