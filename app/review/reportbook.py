"""The report as a workbook: a sheet of facts, the violations by severity, the findings and the comments."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from app.formats.workbooks import Sheet, Value, workbook_bytes
from app.models.result import SEVERITIES

VERDICTS = {"fits": "fits", "does_not_fit": "does not fit", "unknown": "unknown"}
FINDING_HEADERS = (
    ("Violation", 40),
    ("Code", 16),
    ("Severity", 12),
    ("From", 14),
    ("To", 14),
    ("Page", 8),
    ("Quotation", 60),
    ("Confidence", 12),
)
COMMENT_HEADERS = (
    ("Comment", 60),
    ("Author", 10),
    ("Account", 20),
    ("Severity", 12),
    ("Violation", 40),
    ("From", 14),
    ("To", 14),
    ("Written (UTC)", 20),
)


def report_book(report: dict[str, Any]) -> bytes:
    """Return the XLSX of a report of app/review/report.py."""
    severities = [(f"{kind} {severity}", 14) for kind in ("Findings", "Comments") for severity in SEVERITIES]
    headers = [("Violation", 40), ("Code", 16), ("Age", 14), ("Label", 30), *severities, ("All", 8)]
    return workbook_bytes(
        [
            Sheet("Report", (("What", 28), ("Value", 80)), list(_facts(report))),
            Sheet("Violations", headers, [_matrix_row(row) for row in report["matrix"]]),
            Sheet("Findings", FINDING_HEADERS, [*map(_finding_row, report["findings"])], report["findings_left_out"]),
            Sheet("Comments", COMMENT_HEADERS, [*map(_comment_row, report["comments"])], report["comments_left_out"]),
        ]
    )


def _facts(report: dict[str, Any]) -> Iterator[tuple[str, Value]]:
    rating, file, counts = report["rating"], report["file"], report["counts"]
    form, result, joined = (report[name] or {} for name in ("form", "result", "recommendation"))
    yield from (
        ("Verdict", VERDICTS[rating["verdict"]]),
        ("Why", rating["reason"]),
        ("Target audience", rating["target_audience"]),
        ("Needed age", rating["needed"] or "none known"),
        ("Labels", "; ".join(rating["labels"])),
        ("Not known", "; ".join(rating["unsure"])),
        ("Findings", counts["findings"]),
        ("Different violations", counts["violations"]),
        ("Comments of people", counts["comments_of_people"]),
        ("Comments of the AI", counts["comments_of_ai"]),
        ("Severity by votes", counts["severity"]),
        ("File", file["name"]),
        ("File id", file["id"]),
        ("Reference", file["refer"]),
        ("Status", file["status"]),
        ("SHA-256", file["sha256"]),
        ("Bytes", file["size_bytes"]),
        ("Type", file["media_type"]),
        ("Length", _span(file["duration_s"])),
        ("Sent (UTC)", _instant(file["created_utc"])),
        ("Complete (UTC)", _instant(file["completed_utc"])),
        ("Source", file["source_id"]),
        ("Source description", file["source_description"]),
        ("Footage from (UTC)", _instant(file["begin_utc"])),
        ("Footage to (UTC)", _instant(file["end_utc"])),
        ("Asked for", form.get("comment")),
        ("Asked by", form.get("actor")),
        ("Result of", result.get("actor")),
        ("Result came (UTC)", _instant(result.get("created_utc"))),
        ("SHA-256 of the result", result.get("content_sha256")),
        ("People say", joined.get("user")),
        ("The AI says", joined.get("ai")),
        ("Report made (UTC)", _instant(report["created_utc"])),
        ("Report made by", report["created_by"]),
    )


def _matrix_row(row: dict[str, Any]) -> list[Value]:
    cells: Iterable[int] = (row[kind][severity] for kind in ("findings", "comments") for severity in SEVERITIES)
    return [row["violation"], row["code"], row["age"], row["mark"], *cells, row["total"]]


def _finding_row(row: dict[str, Any]) -> list[Value]:
    place: list[Value] = [_span(row["start"]), _span(row["end"]), row["page"]]
    return [row["violation"], row["code"], row["severity"], *place, row["quotation"], row["confidence"]]


def _comment_row(row: dict[str, Any]) -> list[Value]:
    who: list[Value] = [row["comment_author"], row["actor"], row["severity"], row["violation"]]
    return [row["comment"], *who, _span(row["start"]), _span(row["end"]), _instant(row["created_utc"])]


def _span(value_s: float | None) -> timedelta | None:
    return None if value_s is None else timedelta(seconds=value_s)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
