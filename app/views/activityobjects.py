"""The objects of activity, and what its requests may ask for."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from app.archive.activitysettings import THRESHOLD, how_far_behind
from app.extensions import AnySession
from app.models import ActivitySetting
from app.personalulti import left_out, utc_text
from app.playback.asked import Instant, Length, Moment, split_ids

MAX_SOURCES = 256
Threshold = Annotated[float, Field(ge=0.0001, le=1, allow_inf_nan=False)]


class ActivityParameters(BaseModel):
    """From when to when, and how fine."""

    model_config = ConfigDict(extra="ignore")

    start: Instant
    end: Instant | None = None
    duration: Length | None = None
    resolution: Length | None = None


class ManyActivityParameters(ActivityParameters):
    """The same of several cameras."""

    source_id: list[int]

    @field_validator("source_id", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Read `1,2,3`."""
        return split_ids(value, MAX_SOURCES)


class NextParameters(BaseModel):
    """After or before which instant, and what counts."""

    model_config = ConfigDict(extra="ignore")

    after: Instant | None = None
    before: Instant | None = None
    threshold: Threshold | None = None
    min_s: Length | None = None

    @model_validator(mode="after")
    def check_one(self) -> "NextParameters":
        """Refuse both directions, and none."""
        if (self.after is None) == (self.before is None):
            raise PydanticCustomError("after_or_before", "give either after or before")
        return self


class ActivityChange(BaseModel):
    """What of a camera's setting may change; what is left out stays."""

    is_enabled: bool = left_out(description="Whether its footage is looked at", examples=[True])
    threshold: Threshold = left_out(description="Share of the picture that is movement", examples=[0.002])
    since: Moment | None = Field(
        None,
        description="Footage recorded before it is not looked at; null: from now on",
        examples=["2026-11-01T00:00:00Z"],
    )


class ActivitySettingObject(BaseModel):
    """Whether a camera is looked at, and how far that has come."""

    source_id: int
    is_enabled: bool
    threshold: float
    since_utc: str | None
    behind_s: float
    looked_utc: str | None
    decoded: int
    decoding_s: float


class ActivityObject(BaseModel):
    """The highest activity in each cell of a range; null where nothing is known."""

    start_utc: str
    end_utc: str
    resolution: float
    values: list[float | None]


class SourceActivityObject(BaseModel):
    """The same of one of several cameras."""

    source_id: int
    is_enabled: bool
    threshold: float
    values: list[float | None]


class ManyActivityObject(BaseModel):
    """The activity of several cameras in the same cells."""

    start_utc: str
    end_utc: str
    resolution: float
    sources: list[SourceActivityObject]


class NextActivityObject(BaseModel):
    """A stretch with movement; all null for none. `searched_utc`: where the search was given up."""

    start_utc: str | None
    end_utc: str | None
    peak: float | None
    searched_utc: str | None


def setting_object(session: AnySession, source_id: int, row: ActivitySetting | None) -> dict[str, Any]:
    """Return what is set of a camera, and how far behind it is; of one that was never set, that it is off."""
    if row is None:
        row = ActivitySetting(source_id=source_id, is_enabled=False, threshold=THRESHOLD, decoded=0, decoding_us=0)
    behind = how_far_behind(session, row)
    return {
        "source_id": source_id,
        "is_enabled": row.is_enabled,
        "threshold": row.threshold,
        "since_utc": utc_text(row.since_us),
        "behind_s": behind.behind_us / 1_000_000,
        "looked_utc": utc_text(behind.looked_us),
        "decoded": behind.decoded,
        "decoding_s": behind.decoding_us / 1_000_000,
    }
