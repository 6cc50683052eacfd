"""A weekly schedule: when a group records by itself."""

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class Schedule(Model):
    """At most one a group. `begun_us` is set while the schedule itself has started the tag: it stops only that."""

    __tablename__ = "schedule"

    group_id: Mapped[str] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"), primary_key=True)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    tag_name: Mapped[str] = mapped_column(String(255), comment="the tag to record under")
    time_zone: Mapped[str] = mapped_column(String(64), comment="IANA name, as Europe/Berlin")
    windows: Mapped[str] = mapped_column(Text, comment="JSON: [[day 0 to 6 from Monday, begin minute, end minute]]")
    is_enabled: Mapped[bool] = mapped_column(default=True)
    begun_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it started its tag; null while it rests")
