"""The report on a file: what is counted, which age is needed, and that all three forms say the same."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from app.extensions import writing
from app.formats.workbooks import CELL_UNITS, MOST_ROWS, Sheet, clean_text, workbook_bytes
from app.models import Cinema, Finding, Result
from app.models.result import SEVERITIES
from app.review.rating import RATINGS, Judged, judge, needed_for, rate, ratings_of
from tests.browser import Browser, why_no_browser
from tests.conftest import missing
from tests.reviewed import add_file, add_footage_file, add_violations
from tests.served import answering
from tests.test_comments import comment
from tests.test_record_files import error_of

S = 1_000_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HOSTILE = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://x")',
    "#N/A",
    "'x",
    "_x0041_",
    "<b>&amp;",
)


def add_result(
    app: Flask, file_id: int, *findings: dict[str, Any], kind: str = "json", name: str | None = None
) -> None:
    with app.app_context(), writing() as session:
        session.add(
            Result(file_id=file_id, content_sha256="cd" * 32, kind=kind, name=name, size_bytes=9, actor="analyser")
        )
        session.add_all(Finding(file_id=file_id, position=n, **values) for n, values in enumerate(findings))


def add_form(app: Flask, file_id: int, audience: str) -> None:
    with app.app_context(), writing() as session:
        session.add(Cinema(file_id=file_id, target_audience=audience, comment="Whole film", actor="anna"))


def report(client: FlaskClient, file_id: int) -> Any:
    answer = client.get(f"/files/{file_id}/report")
    assert answer.status_code == 200, answer.json
    return answer.json


def book_of(client: FlaskClient, file_id: int) -> Any:
    answer = client.get(f"/files/{file_id}/report?format=xlsx")
    assert (answer.status_code, answer.mimetype) == (200, XLSX)
    return load_workbook(io.BytesIO(answer.data))


def some_findings(app: Flask, file_id: int) -> list[int]:
    """Add a result of four findings on two listed violations and one that is not."""
    ids = add_violations(
        app, ("blood", "Кровь", "12+ / 16+", ""), ("smoke", "Курение", "12+", ""), ("ad", "Реклама", "", "Маркировка")
    )
    add_result(
        app,
        file_id,
        {"violation": "BLOOD", "violation_id": ids[0], "severity": "severe", "start_s": 65.0, "end_s": 70.5},
        {"violation": "кровь", "violation_id": ids[0], "severity": "mild", "page": 12, "quotation": "«Кровь»"},
        {"violation": "smoke", "violation_id": ids[1], "severity": "None", "confidence": 0.875},
        {"violation": "ad", "violation_id": ids[2], "severity": "mild"},
    )
    return ids


@pytest.mark.parametrize(
    ("severity", "age", "expected"),
    [
        ("mild", "12+ / 16+", "12+"),
        ("moderate", "12+ / 16+", "16+"),
        ("severe", "12+ / 16+", "16+"),
        ("moderate", "6+, 12+,16 +", "12+"),
        ("moderate", "18+/6+/12+/16+", "16+"),
        ("mild", "18+", "18+"),
        ("None", "18+", "0+"),
        ("----", "18+", None),
        ("severe", "", None),
        ("severe", "116+ 7+", None),
    ],
)
def test_the_age_of_a_finding_follows_its_severity(severity: str, age: str, expected: str | None) -> None:
    assert needed_for(severity, age) == expected


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Judged,
            violation=st.sampled_from("abc"),
            severity=st.sampled_from(SEVERITIES),
            age=st.lists(st.sampled_from(RATINGS), max_size=3).map(" / ".join),
            mark=st.sampled_from(["", "label"]),
            is_known=st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from(RATINGS),
)
def test_an_audience_is_fit_only_where_nothing_needs_more_and_nothing_is_unknown(
    rows: list[Judged], target: str
) -> None:
    rating = rate(rows)
    verdict, reason = judge(rating, target)
    years = [int(needed.rstrip("+")) for one in rows if (needed := needed_for(one.severity, one.age)) is not None]
    most, wanted = max(years, default=0), int(target.rstrip("+"))
    assert (verdict == "does_not_fit") == (most > wanted)
    is_all_known = all(one.severity == "None" or needed_for(one.severity, one.age) or one.mark for one in rows)
    if verdict == "fits":
        assert all(one.is_known or needed_for(one.severity, one.age) for one in rows)
        assert is_all_known
    if not rows:
        assert verdict == "fits"
    assert reason
    assert rating.needed == (f"{most}+" if years else None)
    assert judge(rating, "----")[0] == "unknown"
    assert judge(rating, target, ["no result yet"])[0] != "fits"


def test_ratings_are_read_from_what_people_write() -> None:
    assert ratings_of("16+ / 12+") == ["12+", "16+"]
    assert ratings_of("12 +\u00a0или 18+") == ["12+", "18+"]
    assert ratings_of(None) == ratings_of("adults") == []


def test_the_report_counts_findings_and_comments_and_names_the_age(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id, refer = add_file(database_app, name="фильм.mp4", status="db_ready", sha256="ab" * 32, size_bytes=7)
    ids = some_findings(database_app, file_id)
    add_form(database_app, file_id, "12+")
    comment(client, refer, "Real blood", severity="moderate", violation="Кровь!", start=66)
    comment(client, refer, "A fight", severity="severe", violation="Драка", comment_author="AI")
    comment(client, refer, "Another", severity="severe", violation="ДРАКА.", comment_author="AI")
    comment(client, refer, "Well made")
    made = client.post("/recommend/", json={"refer": refer}).json
    found = report(client, file_id)
    assert (found["file"]["name"], found["file"]["sha256"], found["form"]["actor"]) == ("фильм.mp4", "ab" * 32, "anna")
    assert (found["created_by"], found["result"]["actor"]) == ("anyone (testing)", "analyser")
    assert [(row["violation"], row["code"], row["total"]) for row in found["matrix"]] == [
        ("Кровь", "blood", 3),
        ("Драка", "", 2),
        ("Реклама", "ad", 1),
        ("Курение", "smoke", 1),
    ]
    blood = found["matrix"][0]
    assert blood["findings"] == {"----": 0, "None": 0, "mild": 1, "moderate": 0, "severe": 1}
    assert blood["comments"] == {"----": 0, "None": 0, "mild": 0, "moderate": 1, "severe": 0}
    assert blood["violation_id"] == ids[0]
    assert found["counts"] == {
        "findings": 4,
        "violations": 4,
        "comments": 4,
        "comments_of_people": 2,
        "comments_of_ai": 2,
        "findings_by_severity": {"----": 0, "None": 1, "mild": 2, "moderate": 0, "severe": 1},
        "comments_by_severity": {"----": 1, "None": 0, "mild": 0, "moderate": 1, "severe": 2},
        "severity": "severe",
    }
    rating = found["rating"]
    assert (rating["verdict"], rating["needed"], rating["labels"]) == ("does_not_fit", "16+", ["Маркировка"])
    assert rating["reason"] == "16+ is needed, for Кровь; 12+ is wanted"
    assert rating["unsure"] == ["not in the list of violations: Драка"]
    assert [row["violation"] for row in found["findings"]] == ["Кровь", "Кровь", "Курение", "Реклама"]
    assert (found["findings"][0]["start"], found["findings"][1]["page"]) == (65.0, 12)
    assert found["comments"][0]["violation"] == "Кровь"
    assert found["recommendation"]["user"] == made["user"]


@pytest.mark.parametrize(
    ("audience", "verdict"),
    [("----", "unknown"), ("12+", "does_not_fit"), ("16+", "fits"), ("18+", "fits"), (None, "unknown")],
)
def test_the_verdict_is_against_the_target_audience(
    app: Flask, client: FlaskClient, audience: str, verdict: str
) -> None:
    file_id, _ = add_file(app)
    some_findings(app, file_id)
    if audience is not None:
        add_form(app, file_id, audience)
    rating = report(client, file_id)["rating"]
    assert rating["verdict"] == verdict
    assert verdict != "unknown" or "audience" in rating["reason"]


def test_a_file_without_a_result_has_a_report_that_says_so(app: Flask, client: FlaskClient) -> None:
    file_id, _ = add_file(app, status="--------")
    add_form(app, file_id, "18+")
    found = report(client, file_id)
    assert (found["result"], found["findings"], found["matrix"], found["recommendation"]) == (None, [], [], None)
    assert (found["rating"]["verdict"], found["rating"]["reason"]) == ("unknown", "there is no result yet")
    page = client.get(f"/files/{file_id}/report?format=html").text
    assert "There is no result yet" in page
    assert book_of(client, file_id)["Findings"].max_row == 1


def test_a_result_that_failed_or_is_a_file_leaves_the_verdict_open(app: Flask, client: FlaskClient) -> None:
    failed, _ = add_file(app, status="error", error="model ran out of memory")
    foreign, _ = add_file(app)
    add_result(app, foreign, kind="file", name="<i>.docx")
    for file_id, words in ((failed, "model ran out of memory"), (foreign, "a file, which is not read")):
        add_form(app, file_id, "18+")
        assert words in report(client, file_id)["rating"]["reason"]
    assert "The result is a file: &lt;i&gt;.docx" in client.get(f"/files/{foreign}/report?format=html").text


def test_what_people_say_counts_where_the_analyser_found_nothing(app: Flask, client: FlaskClient) -> None:
    file_id, refer = add_file(app)
    add_violations(app, ("blood", "Кровь", "16+", ""))
    add_result(app, file_id)
    add_form(app, file_id, "12+")
    assert report(client, file_id)["rating"]["verdict"] == "fits"
    comment(client, refer, severity="mild", violation="blood")
    rating = report(client, file_id)["rating"]
    assert (rating["verdict"], rating["needed_by_findings"], rating["needed_by_comments"]) == (
        "does_not_fit",
        None,
        "16+",
    )


def test_footage_names_its_source_and_span(app: Flask, client: FlaskClient) -> None:
    file_id, _ = add_footage_file(app, S, 9 * S)
    found = report(client, file_id)["file"]
    assert (found["source_id"], found["duration_s"], found["end_utc"]) == (1, 8.0, "1970-01-01T00:00:09.000000Z")
    page = client.get(f"/files/{file_id}/report?format=html").text
    assert "1970-01-01 00:00:09 UTC" in page


@pytest.mark.parametrize(
    ("accept", "query", "kind"),
    [
        ("*/*", "", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", "text/html"),
        (XLSX, "", XLSX),
        ("image/png", "", "application/json"),
        ("text/html", "?format=json", "application/json"),
        ("application/json", "?format=html", "text/html"),
    ],
)
def test_the_form_is_that_of_the_query_else_of_accept(
    app: Flask, client: FlaskClient, accept: str, query: str, kind: str
) -> None:
    file_id, _ = add_file(app)
    answer = client.get(f"/files/{file_id}/report{query}", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Accept" in answer.headers["Vary"]


def test_a_report_that_cannot_be_is_refused(app: Flask, client: FlaskClient) -> None:
    file_id, _ = add_file(app, deleted_us=1)
    assert error_of(client.get(f"/files/{file_id}/report"))[::2] == (410, "deleted")
    assert error_of(client.get("/files/99/report")) == (404, ["path", "file_id"], "not_found")
    assert error_of(client.get(f"/files/{10**25}/report"))[0] == 404
    assert error_of(client.get("/files/x/report")) == (422, ["path", "file_id"], "int_parsing")
    assert error_of(client.get("/files/1/report?format=pdf")) == (422, ["query", "format"], "literal_error")


def test_the_workbook_holds_text_numbers_and_times_and_no_formula(app: Flask, client: FlaskClient) -> None:
    file_id, refer = add_file(app, name="=cmd|'/c calc'!A0.mp4", status="db_ready", duration_s=90.5)
    add_result(
        app,
        file_id,
        *(
            {
                "violation": text.strip() or "x",
                "severity": "mild",
                "quotation": text,
                "start_s": 65.25,
                "end_s": 66.0,
                "page": 3,
                "confidence": 0.5,
            }
            for text in HOSTILE
        ),
    )
    for text in ("=1+1", "@x", "-2+3", "\ufffe\uffffend", "Привет \U0001f3a5"):
        comment(client, refer, text)
    client.post("/recommend/", json={"refer": refer})
    answer = client.get(f"/files/{file_id}/report?format=xlsx")
    book = load_workbook(io.BytesIO(answer.data))
    assert book.sheetnames == ["Report", "Violations", "Findings", "Comments"]
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            assert cell.data_type in ("s", "n", "d"), (sheet.title, cell.coordinate, cell.value)
            assert cell.data_type != "s" or cell.row == 1 or cell.quotePrefix
    quoted = [row[6].value for row in book["Findings"].iter_rows(min_row=2)]
    assert quoted == [clean_text(text) for text in HOSTILE]
    first = next(book["Findings"].iter_rows(min_row=2, values_only=True))
    assert first[3:6] == (timedelta(seconds=65.25), timedelta(seconds=66), 3)
    assert first[7] == 0.5
    said = [row[0] for row in book["Comments"].iter_rows(min_row=2, values_only=True)]
    assert said == ["=1+1", "@x", "-2+3", "end", "Привет \U0001f3a5"]
    facts = dict(book["Report"].iter_rows(min_row=2, values_only=True))
    assert facts["File"] == "=cmd|'/c calc'!A0.mp4"
    assert facts["Length"] == timedelta(seconds=90.5)
    assert isinstance(facts["Sent (UTC)"], datetime)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        parts = [ElementTree.fromstring(archive.read(name)) for name in archive.namelist() if "/sheet" in name]
    assert len(parts) == 4
    assert not [
        part for sheet in parts for part in sheet.iter("{http://schemas.openxmlformats.org/spreadsheetml/2006/main}f")
    ]
    given_name = (
        "attachment; filename=\"report-c calc'!A0.mp4.xlsx\"; filename*=UTF-8''report-c%20calc%27%21A0.mp4.xlsx"
    )
    assert answer.headers["Content-Disposition"] == given_name


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_comes_back_from_a_workbook_without_what_xml_forbids(text: str) -> None:
    book = load_workbook(io.BytesIO(workbook_bytes([Sheet("S", [("h", 9)], [[text]])])))
    cell = book["S"]["A2"]
    assert (cell.value or "") == clean_text(text)
    assert cell.data_type == ("s" if cell.value is not None else "n")
    assert unescaped(clean_text(text)) == "".join(filter(is_xml, text.replace("\r\n", "\n").replace("\r", "\n")))


def is_xml(sign: str) -> bool:
    """Tell whether XML 1.0 allows a character (§2.2); lone surrogates and U+FFFE it does not."""
    category = unicodedata.category(sign)
    return sign in "\t\n" or (category != "Cs" and sign not in "\ufffe\uffff" and (category != "Cc" or sign >= "\x7f"))


def unescaped(text: str) -> str:
    """Return what a spreadsheet shows of a text (ECMA-376 part 1 §22.9.2.19)."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def test_what_looks_like_an_escape_is_shown_as_it_was_written() -> None:
    for text in ("_x0041_", "__x0041_", "_x0041_x0042_", "_x005F_x0041_", "_x41_", "x0041_"):
        assert unescaped(clean_text(text)) == text


def test_cells_and_sheets_are_bounded() -> None:
    assert len(clean_text("\U0001f3a5" * 20_000).encode("utf-16-le")) <= 2 * CELL_UNITS
    assert clean_text("x" * CELL_UNITS) == "x" * CELL_UNITS
    rows = [[number] for number in range(MOST_ROWS + 5)]
    book = load_workbook(io.BytesIO(workbook_bytes([Sheet("S", [("h", 9)], rows, left_out=2)])), read_only=True)
    last = list(book["S"].iter_rows(values_only=True))[-1]
    assert last == ("… and 7 more rows, which are left out",)
    book.close()


def test_long_lists_are_cut_on_the_page_and_counted_whole(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.views.filereport.MOST_SHOWN", 2)
    file_id, _ = add_file(app)
    add_result(app, file_id, *({"violation": f"v{n}", "severity": "mild"} for n in range(5)))
    page = client.get(f"/files/{file_id}/report?format=html").text
    assert page.count("The first 2 of 5") == 2
    assert "v4" not in page.partition("Findings (5)")[2]
    assert len(report(client, file_id)["findings"]) == 5


def test_long_texts_are_listed_up_to_a_bound_and_counted_whole(
    database_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.review.report.MOST_CHARACTERS", 25)
    client = database_app.test_client()
    file_id, refer = add_file(database_app)
    add_result(database_app, file_id, *({"violation": "v", "severity": "mild", "quotation": "x" * 9} for _ in range(4)))
    for _ in range(5):
        assert comment(client, refer, comment="y" * 10).status_code == 200
    found = report(client, file_id)
    assert (len(found["findings"]), found["findings_left_out"], found["counts"]["findings"]) == (2, 2, 4)
    assert (len(found["comments"]), found["comments_left_out"], found["counts"]["comments"]) == (2, 3, 5)
    page = client.get(f"/files/{file_id}/report?format=html").text
    assert ("The first 2 of 4" in page, "The first 2 of 5" in page) == (True, True)


def test_a_file_name_of_any_kind_makes_a_header(app: Flask, client: FlaskClient) -> None:
    for name in ("Кино «Ночь».mp4", '"; filename="x.exe', "a\u202egnp.exe", "..", "\U0001f3a5" * 200, "a/b\\c"):
        file_id, _ = add_file(app, name=name[:255])
        given_header = client.get(f"/files/{file_id}/report?format=xlsx").headers["Content-Disposition"]
        assert re.fullmatch(
            r"attachment; filename=\"report-[ !#$&-~]+\.xlsx\"; filename\*=UTF-8''[A-Za-z0-9%._~-]+", given_header
        )


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if reason := why_no_browser():
        missing(reason)
    with Browser(tmp_path) as found:
        yield found


def test_the_page_stands_alone_and_shows_hostile_text_as_text(
    app: Flask, client: FlaskClient, browser: Browser, tmp_path: Path
) -> None:
    name = "<img src=x onerror=document.title='broken'>.mp4"
    file_id, refer = add_file(app, name=name, status="db_ready", sha256="ab" * 32, size_bytes=7, duration_s=3700.0)
    some_findings(app, file_id)
    add_form(app, file_id, "12+")
    text = "</td><script>document.title = 'broken'</script> " + "очень" * 60
    for author in ("User", "AI"):
        said = {"refer_file": refer, "comment": text, "comment_author": author, "severity": "severe", "start": 65}
        said["violation"] = "\"><svg onload=document.title='broken'>"
        assert client.post("/comments/", json=said).status_code == 200
    assert client.post("/recommend/", json={"refer": refer}).status_code == 200
    with answering(app) as base:
        judge_page(browser, f"{base}/files/{file_id}/report", (name, text), tmp_path)


def judge_page(browser: Browser, address: str, hostile: tuple[str, str], tmp_path: Path) -> None:
    """Look at the page of a report in a browser."""
    browser.open(address)
    shown = browser.script("return document.body.innerText")
    for words in (
        *hostile,
        "Does not fit the target audience",
        "16+ is needed, for Кровь; 12+ is wanted",
        "01:05–01:10",
        "p. 12",
    ):
        assert words in shown, words
    assert browser.script("return document.title").startswith("Report: <img src=x")
    assert browser.script("return document.querySelectorAll('script, img, svg').length") == 0
    assert browser.script("return performance.getEntriesByType('resource').length") == 0
    for scheme, width in (("light", 1280), ("dark", 1280), ("dark", 390)):
        browser.prefer(scheme)
        browser.resize(width, 1000)
        browser.screenshot(tmp_path / f"{scheme}-{width}.png")
        fits = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert browser.script(fits), (scheme, width)
    background = "return getComputedStyle(document.body).backgroundColor"
    assert browser.script(background) == "rgb(13, 16, 20)"  # the style was not refused by the policy
    assert browser.console() == []
