"""The storages that footage is recorded to, and how they are."""

import math
from typing import Annotated, Any, Literal, NamedTuple

from flask import Blueprint, current_app
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from app.extensions import db
from app.models import KeptFootage, Storage
from app.personalulti import utc_text
from app.views import PlaybackApi, document
from app.views.metrics import kept_figures

storage = Blueprint("storage", __name__)
namespace = Namespace("storage", "Where footage lies", path="/")
INSTANT = "2026-11-20T22:44:05.123456Z"
Bytes = int | None
HELD = select(KeptFootage.storage_id, func.sum(KeptFootage.size_bytes), func.sum(KeptFootage.length_us)).group_by(
    KeptFootage.storage_id
)


class StorageObject(BaseModel):
    """One storage. What is measured is null before the recorder has looked at it for the first time."""

    id: Annotated[str, Field(description="The id in its marker file: a UUID")]
    path: Annotated[str, Field(description="Its folder, empty where another storage is there now", examples=["/srv/a"])]
    priority: Annotated[int, Field(description="The lowest is recorded to first", examples=[0])]
    is_cold: Annotated[bool, Field(description="Footage moves here with age; recorded to only where no other works",
                                   examples=[False])]  # fmt: skip
    state: Annotated[
        Literal["ok", "full", "read_only", "away", "slow", "failing"],
        Field(description="How the recorder found it at its last look", examples=["ok"]),
    ]
    state_detail: Annotated[str | None, Field(description="The cause and the way out, one line", examples=[None])]
    state_utc: Annotated[str | None, Field(description="Since when it is in this state", examples=[INSTANT])]
    looked_utc: Annotated[str | None, Field(description="When the recorder last looked", examples=[INSTANT])]
    total_bytes: Annotated[Bytes, Field(description="Size of its disk", examples=[4_000_000_000_000])]
    free_bytes: Annotated[Bytes, Field(description="Free on its disk", examples=[120_000_000_000])]
    budget_bytes: Annotated[Bytes, Field(description="The most that footage may take; null for no limit",
                                         examples=[500_000_000_000])]  # fmt: skip
    reserve_bytes: Annotated[int, Field(description="What stays free on its disk", examples=[268_435_456])]
    used_bytes: Annotated[int, Field(description="What closed footage takes there", examples=[380_000_000_000])]
    kept_s: Annotated[float, Field(description="Seconds of that footage, of all cameras together",
                                   examples=[1_209_600.0])]  # fmt: skip
    hours_until_full: Annotated[
        float | None,
        Field(description="Hours until budget or reserve is reached at the rate of now, as if nothing were deleted; "
              "null while nothing is recorded to it", examples=[412.5])
    ]  # fmt: skip
    cold_after_s: Annotated[int | None, Field(description="Footage so old moves here; null where it is recorded to",
                                              examples=[None])]  # fmt: skip
    write_us: Annotated[int | None, Field(description="How long the last small write took until it was on the disk",
                                          examples=[850])]  # fmt: skip
    write_worst_us: Annotated[int | None, Field(description="The longest of the last 5 minutes", examples=[21_400])]


class Held(NamedTuple):
    """What lies in a storage: bytes and seconds of closed footage."""

    used_bytes: int = 0
    length_us: int = 0


def storage_object(row: Storage, held: Held, hours: float | None, cold_after_s: int | None) -> dict[str, Any]:
    """Return STORAGE."""
    names = ("id", "path", "priority", "is_cold", "state", "state_detail", "total_bytes", "free_bytes", "budget_bytes",
             "reserve_bytes", "write_us", "write_worst_us")  # fmt: skip
    return {
        **{name: getattr(row, name) for name in names},
        "state_utc": utc_text(row.state_us),
        "looked_utc": utc_text(row.looked_us),
        "used_bytes": held.used_bytes,
        "kept_s": held.length_us / 1e6,
        "hours_until_full": hours if hours is not None and math.isfinite(hours) else None,
        "cold_after_s": cold_after_s,
    }


@namespace.route("/storage")
class Storages(Resource):
    """All storages."""

    @namespace.doc(
        description="In the order in which they are recorded to. The recorder looks at each several times a second and "
        "writes down what it found when it changes, at least every 10 s. States: `ok`; `full`, and nothing may be "
        "evicted; `read_only`; `away`, not mounted or another disk; `slow`, a small write takes more than 3 s; "
        "`failing`, writing gives errors."
    )
    @namespace.response(200, "The storages", [document(namespace, StorageObject)])
    def get(self) -> list[dict[str, Any]]:
        """List the storages: size, free space, limits and state."""
        figures = kept_figures()
        hours = {} if figures is None else {one.id: one.hours_until_full for one in figures.storages}
        held = {row[0]: Held(int(row[1]), int(row[2])) for row in db.session.execute(HELD)}
        cold = {str(one.path): one.cold_after_s for one in current_app.config["PLAYBACK"].storages}
        rows = db.session.scalars(select(Storage).order_by(Storage.path == "", Storage.priority, Storage.created_us))
        return [storage_object(row, held.get(row.id, Held()), hours.get(row.id), cold.get(row.path)) for row in rows]


PlaybackApi(storage).add_namespace(namespace)
