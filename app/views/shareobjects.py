"""Share links as they are asked for and answered: their shape, and what each field means."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from app.access.sharing import PASSWORD_LEAST, PASSWORD_MOST
from app.personalulti import MAX_ID, Description, Exactly, check_characters, left_out, no_truth
from app.playback.asked import Moment
from app.views.meanings import BEGIN, END, KEY
from app.views.playbackobjects import Interval, UrlsObject

MAX_COUNT = 1_000_000
Count = Annotated[int, Field(ge=1, le=MAX_COUNT), BeforeValidator(no_truth)]
Password = Annotated[
    str,
    StringConstraints(min_length=PASSWORD_LEAST, max_length=PASSWORD_MOST),
    BeforeValidator(check_characters),
]
WORDS = "The parcel, at 22:50"


class NewShare(Exactly):
    """The span of a camera that is to be shown, for how long, and to how many."""

    source_id: int = Field(ge=1, le=MAX_ID, description="The source", examples=[1])
    start: Moment = Field(description="Where the span begins; ISO 8601, or seconds since the epoch", examples=[BEGIN])
    end: Moment = Field(description="Where it ends; at most 31 days later", examples=[END])
    expires: Moment | None = Field(
        None, description="When the link ends: in 7 days where left out, a year at most", examples=[None]
    )
    count: Count | None = Field(None, description="How often it may be opened; null for no limit", examples=[5])
    password: Password | None = Field(
        None, description="What is asked for beside the link, 8 to 128 characters", examples=["correct horse"]
    )
    may_download: bool = Field(False, description="Whether the page offers the span as a file", examples=[False])
    description: Description | None = Field(
        None, description="Shown to whoever opens the link; 4,096 characters at most", examples=[WORDS]
    )


class ShareChange(Exactly):
    """What of a link may change; what is left out stays. It can be shortened only."""

    expires: Moment = left_out(description="An earlier end", examples=[END])
    count: Count = left_out(description="How often it may be opened in all; no more than before", examples=[3])
    may_download: bool = left_out(description="false: the page offers no file any more", examples=[False])
    description: Description | None = Field(
        None, description="Shown to whoever opens the link; 4,096 characters at most", examples=[WORDS]
    )
    revoked: Literal[True] | None = Field(None, description="true ends the link, as DELETE does", examples=[None])


class ShareObject(BaseModel):
    """A share link; one that has ended stays listed."""

    id: str
    created_utc: str
    created_by: str = Field(description="Who made it", examples=["olga"])
    source_id: int
    start_utc: str
    end_utc: str
    expires_utc: str = Field(description="When it ends", examples=[END])
    count: int | None = Field(description="How often it may be opened; null for no limit", examples=[5])
    uses: int = Field(description="How often it was opened", examples=[1])
    has_password: bool = Field(description="Whether a password is asked for", examples=[False])
    may_download: bool = Field(description="Whether the page offers the span as a file", examples=[False])
    description: str | None = Field(description="What is shown to whoever opens it", examples=[WORDS])
    revoked_utc: str | None = Field(description="When it was revoked; null while it was not", examples=[None])
    revoked_by: str | None = Field(description="Who revoked it", examples=[None])
    last_used_utc: str | None = Field(description="When it was opened last; null where never", examples=[END])
    is_active: bool = Field(description="Whether it can be opened now", examples=[True])


class NewShareObject(ShareObject):
    """A new share link with its address, which nobody can be told again."""

    url: str = Field(
        description="Its address, told this once",
        examples=[f"https://video.example.org/share/{KEY}"],
    )


class Opening(BaseModel):
    """What is sent to open a link."""

    password: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        None, description="The password, where the link has one", examples=[None]
    )


class SharedObject(BaseModel):
    """What a link that was opened shows."""

    description: str | None = Field(description="What its maker wrote to it", examples=[WORDS])
    start_utc: str
    end_utc: str
    expires_utc: str = Field(description="When the link ends", examples=[END])
    opened_until_utc: str = Field(description="Until when these addresses are good", examples=[END])
    may_download: bool = Field(description="Whether it offers the span as a file", examples=[False])
    duration: float
    gaps: list[Interval] = Field(description="Where nothing was recorded")
    urls: UrlsObject | None = Field(description="Where the media are; null where nothing of the span is there")
