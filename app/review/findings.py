"""What an analyser has found, as it is posted: its shape, its bounds, and the one form by which contents are compared.

findings
└── finding      violation, severity; start, end (s of the footage), page, quotation, confidence
error            one line: the analysis failed (beyond the contract)
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.errors import Invalid
from app.personalulti import MAX_ID, check_characters, check_lines, read_json

MAX_FINDINGS = 10_000
SHOWN_FAULTS = 100  # of an answer: ten thousand findings may all be wrong
MAX_VIOLATION, MAX_QUOTATION, MAX_ERROR = 255, 4096, 1000
LONGER_S = 0.1  # so much may a finding end behind the footage: who counts frames rounds
MAX_S = 1e9  # what no footage is as long as
Severity = Literal["----", "None", "mild", "moderate", "severe"]


def _positive_zero(value: float) -> float:
    return value + 0.0  # -0.0 and 0.0 are the same place


Seconds = Annotated[float, Field(strict=True, ge=0, le=MAX_S, allow_inf_nan=False), AfterValidator(_positive_zero)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False), AfterValidator(_positive_zero)]
Page = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
Violation = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_VIOLATION),
    BeforeValidator(check_characters),
]
Quotation = Annotated[str, StringConstraints(max_length=MAX_QUOTATION), AfterValidator(check_lines)]
OneLine = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ERROR),
    BeforeValidator(check_characters),
]


class NewFinding(BaseModel):
    """One finding: what, how grave, and where."""

    violation: Violation
    severity: Severity
    start: Seconds | None = None
    end: Seconds | None = None
    page: Page | None = None
    quotation: Quotation | None = None
    confidence: Share | None = None

    @model_validator(mode="after")
    def check_span(self) -> "NewFinding":
        """Refuse a finding that ends before it begins."""
        if self.start is not None and self.end is not None and self.start > self.end:
            raise PydanticCustomError("range_empty", "start must not be behind end")
        return self


def _from_text(value: Any) -> Any:
    """Return the list that JSON text is: a form and a query know only text."""
    return read_json(value, ("body", "findings")) if isinstance(value, str) else value


Findings = Annotated[list[NewFinding], Field(max_length=MAX_FINDINGS), BeforeValidator(_from_text)]


class NewResult(BaseModel):
    """What an analyser posts: what it has found; or why it could not look, with no findings beside it."""

    findings: Findings | None = None
    error: OneLine | None = Field(None, examples=[None])

    @model_validator(mode="after")
    def check_one(self) -> "NewResult":
        """Refuse neither, and findings beside an error."""
        if self.findings is None and self.error is None:
            raise PydanticCustomError("missing", "give findings, or a file under upload")
        if self.findings and self.error is not None:
            raise PydanticCustomError("either", "with an error there are no findings: give one or the other")
        return self


def distinct(findings: Sequence[NewFinding]) -> list[NewFinding]:
    """Return the findings in their order, each once: one that is repeated in every value counts once."""
    found: dict[tuple[Any, ...], NewFinding] = {}
    for finding in findings:
        found.setdefault(tuple(finding.model_dump().values()), finding)
    return list(found.values())


def canonical(findings: Sequence[NewFinding]) -> bytes:
    """Return findings as JSON that is the same however it was written: order of names, spaces, 1 or 1.0, null or none.

    The order of the findings counts.
    """
    rows = [finding.model_dump(exclude_none=True) for finding in findings]
    text = json.dumps({"findings": rows}, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def content_hash(findings: Sequence[NewFinding]) -> str:
    """Return the SHA-256, in hex, by which findings are told to be the same."""
    return hashlib.sha256(canonical(findings)).hexdigest()


def check_length(findings: Sequence[NewFinding], duration_s: float | None) -> None:
    """Raise Invalid for findings behind the end of what has a known length."""
    if duration_s is None:
        return
    found = (
        {
            "loc": ["body", "findings", number, name],
            "msg": f"{value} s is behind the end: it has {duration_s} s",
            "type": "behind_end",
        }
        for number, finding in enumerate(findings)
        for name, value in (("start", finding.start), ("end", finding.end))
        if value is not None and value > duration_s + LONGER_S
    )
    if details := list(islice(found, SHOWN_FAULTS)):
        raise Invalid("findings lie behind the end", details=details)
