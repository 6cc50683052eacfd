"""What is answered of retention: rules, the explanation of an instant, the forecast."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.archive.explaining import Explanation
from app.archive.forecast import Forecast
from app.archive.ruling import LIMITS, Rule
from app.models import RetentionRule
from app.personalulti import utc_text
from app.views.deletion import DeletionObject, deletion_object
from app.views.pins import PinObject, pin_object

Scope = Literal["all", "group", "tag", "source"]


class RuleObject(BaseModel):
    """A rule of retention; a limit that is null is left to a wider scope."""

    id: str
    created_utc: str
    changed_utc: str
    actor: str
    scope: Scope
    group_id: str | None = Field(examples=[None])
    tag_id: str | None
    source_id: int | None = Field(examples=[None])
    name: str
    min_age_s: int | None
    max_age_s: int | None
    min_bytes: int | None
    max_bytes: int | None


class LimitObject(BaseModel):
    """A limit that holds for an instant, and the rule that it comes from."""

    value: int
    rule_id: str
    scope: Scope
    name: str


class LimitsObject(BaseModel):
    """The four limits; null where no rule has one."""

    min_age_s: LimitObject | None
    max_age_s: LimitObject | None
    min_bytes: LimitObject | None
    max_bytes: LimitObject | None


class KeptFileObject(BaseModel):
    """The file that holds an instant."""

    start_utc: str
    end_utc: str
    size_bytes: int
    storage_id: str


class ExplanationObject(BaseModel):
    """What holds for an instant of a source, and why."""

    source_id: int
    at_utc: str
    state: Literal["kept", "open", "deleted", "none"]
    tags: list[str]
    limits: LimitsObject
    is_pinned: bool
    pins: list[PinObject]
    file: KeptFileObject | None
    earliest_utc: str | None
    why: str
    deletion: DeletionObject | None


class SourceRateObject(BaseModel):
    """What a source comes to while it records."""

    source_id: int
    bytes_s: float | None = Field(description="Bytes a second, of the last day; null where nothing was recorded")
    is_recording: bool


class StorageRoomObject(BaseModel):
    """What a storage holds and can hold; null where it is not there."""

    storage_id: str
    path: str
    used_bytes: int
    pinned_bytes: int
    free_bytes: int | None
    budget_bytes: int | None
    reserve_bytes: int
    capacity_bytes: int | None


class RuleForecastObject(BaseModel):
    """Whether there is room for the minimum of a rule beside all others."""

    rule_id: str
    scope: Scope
    name: str
    needed_bytes: int | None
    is_met: bool | None


class ForecastObject(BaseModel):
    """What the storages can keep when all that records now goes on so."""

    sources: list[SourceRateObject]
    storages: list[StorageRoomObject]
    rules: list[RuleForecastObject]
    bytes_s: float
    used_bytes: int
    pinned_bytes: int
    needed_bytes: int
    deletes_bytes: int | None = Field(
        description="Of the rule that is asked with: the bytes that go by it as soon as it is there, without what is "
        "pinned or kept by a minimum. null without a rule, or where telling it would take too long",
        examples=[1_500_000_000],
    )
    capacity_bytes: int | None
    hours_until_full: float | None
    reachable_days: float | None


def rule_object(row: RetentionRule, name: str) -> dict[str, Any]:
    """Return RULE."""
    return {
        "id": row.id,
        "created_utc": utc_text(row.created_us),
        "changed_utc": utc_text(row.changed_us),
        "actor": row.actor,
        "scope": row.scope,
        "group_id": row.group_id,
        "tag_id": row.tag_id,
        "source_id": row.source_id,
        "name": name,
        **{limit: getattr(row, limit) for limit in LIMITS},
    }


def _limit_object(rule: Rule | None, limit: str) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {"value": rule.limit(limit), "rule_id": rule.id, "scope": rule.scope, "name": rule.name}


def explanation_object(source_id: int, at_us: int, found: Explanation, now_us: int) -> dict[str, Any]:
    """Return EXPLANATION."""
    segment, file = found.segment, None
    if segment is not None:
        file = {
            "start_utc": utc_text(segment.start_us),
            "end_utc": utc_text(segment.end_us),
            "size_bytes": segment.size_bytes,
            "storage_id": segment.storage_id,
        }
    return {
        "source_id": source_id,
        "at_utc": utc_text(at_us),
        "state": found.state,
        "tags": found.tags,
        "limits": {limit: _limit_object(found.rules[limit], limit) for limit in LIMITS},
        "is_pinned": bool(found.pins),
        "pins": [pin_object(pin, now_us) for pin in found.pins],
        "file": file,
        "earliest_utc": utc_text(found.goes_us),
        "why": found.why,
        "deletion": deletion_object(found.deletion) if found.deletion is not None else None,
    }


def forecast_object(forecast: Forecast, deletes_bytes: int | None = None) -> dict[str, Any]:
    """Return FORECAST; `deletes_bytes` of a rule that is proposed."""
    rooms = StorageRoomObject.model_fields
    return {
        "sources": [
            {"source_id": rate.source_id, "bytes_s": rate.bytes_s, "is_recording": rate.is_recording}
            for rate in forecast.rates
        ],
        "storages": [{name: getattr(room, name) for name in rooms} for room in forecast.rooms],
        "rules": [
            {
                "rule_id": told.rule.id,
                "scope": told.rule.scope,
                "name": told.rule.name,
                "needed_bytes": told.needed_bytes,
                "is_met": told.is_met,
            }
            for told in forecast.rules
        ],
        "bytes_s": forecast.bytes_s,
        "used_bytes": forecast.used_bytes,
        "pinned_bytes": forecast.pinned_bytes,
        "needed_bytes": forecast.needed_bytes,
        "deletes_bytes": deletes_bytes,
        "capacity_bytes": forecast.capacity_bytes,
        "hours_until_full": forecast.hours_until_full,
        "reachable_days": forecast.reachable_days,
    }
