"""The report on a handed file as JSON, for the documentation; made by app/review/report.py."""

from typing import Literal

from pydantic import BaseModel, Field

from app.review.findings import Severity
from app.views.comments import Author

Audience = Literal["----", "0+", "6+", "12+", "16+", "18+"]
Needed = Literal["0+", "6+", "12+", "16+", "18+"]
BY_SEVERITY = {"----": 0, "None": 0, "mild": 1, "moderate": 2, "severe": 0}


class ReportFile(BaseModel):
    """The file; source, record and span only where it is recorded footage."""

    id: int = Field(description="The id of the file", examples=[1])
    refer: str
    name: str = Field(description="As its sender named it", examples=["film.mp4"])
    kind: Literal["upload", "footage"] = Field(description="Uploaded, or a view of recorded footage")
    status: Literal["--------", "processing", "ready", "error", "db_ready"] = Field(description="Of the file")
    error: str | None = Field(description="What failed; null where nothing did", examples=[None])
    owner: str = Field(description="The account that sent it", examples=["admin"])
    size_bytes: int | None = Field(description="Null until it is known", examples=[450000000])
    sha256: str | None = Field(description="In hex; null until it is complete", examples=["ab" * 32])
    media_type: str | None = Field(description="Found from its content", examples=["video/mp4"])
    duration_s: float | None = Field(description="Seconds; null where it has no length, or none is known")
    source_id: int | None = Field(description="The source of footage", examples=[None])
    source_description: str | None = Field(description="Its description", examples=[None])
    record_id: str | None = Field(description="The record that was asked for", examples=[None])
    begin_utc: str | None = Field(description="Where footage begins", examples=[None])
    end_utc: str | None = Field(description="Where footage ends", examples=[None])
    created_utc: str
    completed_utc: str | None


class ReportForm(BaseModel):
    """What was asked of the analysis."""

    target_audience: Audience = Field(description="Whom the file is meant for; `----` not said", examples=["12+"])
    comment: str = Field(description="Of the person who asked", examples=["Please look at the second half"])
    actor: str = Field(description="The account that asked", examples=["admin"])
    changed_utc: str


class ReportResult(BaseModel):
    """The result that came."""

    kind: Literal["json", "file"] = Field(description="Findings, or a file, which is not read here")
    name: str | None = Field(description="Of a file", examples=[None])
    media_type: str | None = Field(description="Of a file", examples=[None])
    size_bytes: int = Field(description="Of a file, or of the JSON", examples=[512])
    content_sha256: str = Field(description="In hex", examples=["cd" * 32])
    actor: str = Field(description="The account that posted it", examples=["analyser"])
    created_utc: str


class RatingReason(BaseModel):
    """What needs the age: a violation and how grave it is."""

    violation: str
    severity: Severity
    age: str = Field(description="What the list says of the violation", examples=["12+ / 16+"])


class Rating(BaseModel):
    """The age that is needed against the one that is wanted.

    `does_not_fit` as soon as what is known needs more; `fits` only where nothing is unknown.
    """

    target_audience: Audience = Field(description="Whom the file is meant for; `----` not said", examples=["12+"])
    needed: Needed | None = Field(description="Highest of all; null where nothing needs any", examples=["16+"])
    needed_by_findings: Needed | None = Field(description="Of the findings alone", examples=["16+"])
    needed_by_comments: Needed | None = Field(description="Of the comments alone", examples=["12+"])
    verdict: Literal["fits", "does_not_fit", "unknown"] = Field(description="Whether the audience has that age")
    reason: str = Field(description="Why, in words", examples=["16+ is needed, for Blood; 12+ is wanted"])
    labels: list[str] = Field(description="What must be labelled", examples=[["Warning of strong language"]])
    because: list[RatingReason] = Field(description="What needs the highest age")
    unsure: list[str] = Field(description="Why more may be needed than is known", examples=[[]])


class ReportCounts(BaseModel):
    """How much there is, whatever is listed one by one."""

    findings: int = Field(description="Findings", examples=[3])
    violations: int = Field(description="Different violations that findings and comments name", examples=[2])
    comments: int = Field(description="Comments", examples=[2])
    comments_of_people: int = Field(description="Comments of people", examples=[1])
    comments_of_ai: int = Field(description="Comments of the AI", examples=[1])
    findings_by_severity: dict[str, int] = Field(description="Findings by severity", examples=[BY_SEVERITY])
    comments_by_severity: dict[str, int] = Field(description="Comments by severity", examples=[BY_SEVERITY])
    severity: Severity


class MatrixRow(BaseModel):
    """A violation: of the list with its code, age and mark; any other as it was first written."""

    violation: str
    violation_id: int | None
    code: str = Field(description="Its code in the list; empty where it is not in it", examples=["violence-05"])
    age: str = Field(description="Its ratings in the list", examples=["12+ / 16+"])
    mark: str = Field(description="Its label in the list", examples=[""])
    findings: dict[str, int] = Field(description="Findings by severity", examples=[BY_SEVERITY])
    comments: dict[str, int] = Field(description="Comments by severity", examples=[BY_SEVERITY])
    total: int = Field(description="All of them", examples=[6])


class ReportRecommendation(BaseModel):
    """The recommendation, where one was asked for."""

    id: int = Field(description="The id of the recommendation", examples=[1])
    user: str = Field(description="What people said, a comment a line", examples=["Blood on the wall"])
    ai: str = Field(description="What the AI said, a comment a line", examples=["[01:05–01:10] Close-up of a wound"])
    severity: Severity
    changed_utc: str


class ReportFinding(BaseModel):
    """One finding."""

    violation: str = Field(description="As the list calls it, else as it was named", examples=["Blood"])
    violation_id: int | None
    code: str = Field(description="Its code in the list; empty where it is not in it", examples=["violence-05"])
    severity: Severity
    start: float | None = Field(description="Where it begins, seconds of the footage", examples=[65.0])
    end: float | None = Field(description="Where it ends", examples=[70.5])
    page: int | None = Field(description="Page of a document, from 1", examples=[None])
    quotation: str | None = Field(description="What is quoted of it", examples=["There is blood on the wall"])
    confidence: float | None = Field(description="0 to 1", examples=[0.9])


class ReportComment(BaseModel):
    """One comment."""

    id: int = Field(description="The id of the comment", examples=[1])
    comment: str
    comment_author: Author
    actor: str = Field(description="The account that wrote it", examples=["admin"])
    severity: Severity
    violation: str | None = Field(description="As the list calls it, else as it was named", examples=["Blood"])
    violation_id: int | None
    code: str = Field(description="Its code in the list; empty where it is not in it", examples=["violence-05"])
    start: float | None = Field(description="Where it begins, seconds of the footage", examples=[65.0])
    end: float | None = Field(description="Where it ends", examples=[70.5])
    created_utc: str


class ReportObject(BaseModel):
    """The report on a file."""

    created_utc: str
    created_by: str = Field(description="The account that asked for it", examples=["admin"])
    file: ReportFile = Field(description="The file")
    form: ReportForm | None = Field(description="What was asked of the analysis; null where nobody asked")
    result: ReportResult | None = Field(description="The result; null where none has come")
    rating: Rating = Field(description="The age that is needed against the one that is wanted")
    counts: ReportCounts = Field(description="How much there is of everything")
    matrix: list[MatrixRow] = Field(description="Violations by severity, the gravest first")
    recommendation: ReportRecommendation | None = Field(description="Null where none was asked for")
    findings: list[ReportFinding] = Field(description="In its order, at most 10,000 with 4 million characters")
    comments: list[ReportComment] = Field(description="As they were written, at most as many")
    findings_left_out: int = Field(description="How many more findings there are", examples=[0])
    comments_left_out: int = Field(description="How many more comments there are", examples=[0])
