"""What an analyser may say: shapes, bounds, and which contents are the same."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.errors import Invalid
from app.review.findings import MAX_FINDINGS, NewResult, canonical, check_length, content_hash, distinct

FULL = {
    "violation": "Насилие",
    "severity": "mild",
    "start": 1,
    "end": 2.5,
    "page": 3,
    "quotation": "a\nb",
    "confidence": 0.5,
}


def taken(*findings: dict[str, Any]) -> Any:
    return NewResult.model_validate({"findings": list(findings)}).findings


def test_the_order_of_names_and_the_way_numbers_are_written_do_not_change_a_content() -> None:
    other = {**{key: FULL[key] for key in reversed(FULL)}, "start": 1.0, "note": "not known here"}
    assert content_hash(taken(FULL)) == content_hash(taken(other))
    assert content_hash(taken({"violation": "v", "severity": "None"})) == content_hash(
        taken({"violation": " v ", "severity": "None", "start": None, "quotation": None})
    )
    zero = {"violation": "v", "severity": "None"}
    assert content_hash(taken({**zero, "start": 0})) == content_hash(taken({**zero, "start": -0.0}))


@pytest.mark.parametrize("name", sorted(FULL))
def test_each_value_belongs_to_the_content(name: str) -> None:
    new = {"violation": "x", "severity": "severe", "start": 1.25, "end": 2.25, "page": 4, "quotation": "c"}
    changed = {**FULL, name: new.get(name, 0.75)}
    assert content_hash(taken(FULL)) != content_hash(taken(changed))


def test_a_finding_that_is_repeated_counts_once_and_order_stays() -> None:
    other = {**FULL, "page": 1}
    assert [finding.page for finding in distinct(taken(other, FULL, other))] == [1, 3]
    assert json.loads(canonical(taken(FULL)))["findings"] == [FULL]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"violation": ""}, "string_too_short"),
        ({"violation": "  "}, "string_too_short"),
        ({"violation": 5}, "string_type"),
        ({"violation": None}, "string_type"),
        ({"violation": "v" * 256}, "string_too_long"),
        ({"violation": "a\x00"}, "control_character"),
        ({"violation": "a\nb"}, "control_character"),
        ({"violation": "\ud800"}, "control_character"),
        ({"severity": None}, "literal_error"),
        ({"severity": "Mild"}, "literal_error"),
        ({"severity": ["mild"]}, "literal_error"),
        ({"start": -1}, "greater_than_equal"),
        ({"start": True}, "float_type"),
        ({"start": "1"}, "float_type"),
        ({"start": float("inf")}, "finite_number"),
        ({"start": float("nan")}, "finite_number"),
        ({"end": 10**400}, "float_type"),
        ({"start": 3, "end": 2}, "range_empty"),
        ({"page": 0}, "greater_than_equal"),
        ({"page": 1.0}, "int_type"),
        ({"page": 2**31}, "less_than_equal"),
        ({"page": True}, "int_type"),
        ({"confidence": 1.01}, "less_than_equal"),
        ({"confidence": -0.1}, "greater_than_equal"),
        ({"quotation": "q" * 4097}, "string_too_long"),
        ({"quotation": "a\x1b[0m"}, "control_character"),
        ({"quotation": {}}, "string_type"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_a_value_out_of_its_bounds_is_refused(values: dict[str, Any], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        taken({**FULL, **values})
    assert [entry["type"] for entry in caught.value.errors()] == [kind]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"findings": None},
        {"findings": {}},
        {"findings": [[]]},
        {"findings": ["violation"]},
        {"findings": [FULL] * (MAX_FINDINGS + 1)},
        {"findings": [FULL], "error": "and yet"},
        {"error": ""},
        {"error": "two\nlines"},
    ],
    ids=["nothing", "null", "object", "lists", "texts", "too many", "both", "no words", "two lines"],
)
def test_what_is_no_result_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewResult.model_validate(given)


def test_findings_as_text_are_read_and_broken_text_is_refused() -> None:
    assert NewResult.model_validate({"findings": json.dumps([FULL])}).findings == taken(FULL)
    for text in ("", "[NaN]", "[" * 100_000, '[{"a": 1, "a": 2}]'):
        with pytest.raises(Invalid):
            NewResult.model_validate({"findings": text})


def test_a_finding_may_end_with_the_footage_but_not_behind_it() -> None:
    check_length(taken(FULL), None)
    check_length(taken(FULL), 2.5)
    check_length(taken(FULL), 2.41)
    with pytest.raises(Invalid) as caught:
        check_length(taken({"violation": "v", "severity": "mild"}, FULL), 0.8)
    assert [entry["loc"] for entry in caught.value.detail] == [
        ["body", "findings", 1, "start"],
        ["body", "findings", 1, "end"],
    ]
