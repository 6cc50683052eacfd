"""The storages that footage is recorded to, and how they are."""

from typing import Annotated, Any, Literal

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.extensions import db
from app.models import Storage
from app.personalulti import utc_text
from app.views import PlaybackApi, document

storage = Blueprint("storage", __name__)
namespace = Namespace("storage", "Where footage lies", path="/")
INSTANT = "2026-11-20T22:44:05.123456Z"
Bytes = int | None


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
    write_us: Annotated[int | None, Field(description="How long the last small write took until it was on the disk",
                                          examples=[850])]  # fmt: skip
    write_worst_us: Annotated[int | None, Field(description="The longest of the last 5 minutes", examples=[21_400])]


def storage_object(row: Storage) -> dict[str, Any]:
    """Return STORAGE."""
    names = ("id", "path", "priority", "is_cold", "state", "state_detail", "total_bytes", "free_bytes", "budget_bytes",
             "reserve_bytes", "write_us", "write_worst_us")  # fmt: skip
    instants = {"state_utc": row.state_us, "looked_utc": row.looked_us}
    return {name: getattr(row, name) for name in names} | {
        name: utc_text(instant_us) if instant_us is not None else None for name, instant_us in instants.items()
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
        rows = db.session.scalars(select(Storage).order_by(Storage.path == "", Storage.priority, Storage.created_us))
        return [storage_object(row) for row in rows]


PlaybackApi(storage).add_namespace(namespace)
