"""A storage: a folder that holds media, known by the id in its marker file."""

from sqlalchemy import BigInteger, CheckConstraint, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us

STORAGE_STATES = ("ok", "full", "read_only", "away", "slow", "failing")


class Storage(Model):
    """`path` is where it was last seen; the marker file `storage.id` in it proves that it is the one.

    What is measured of it is written by the recorder; budget and reserve are those of the settings.
    """

    __tablename__ = "storage"
    __table_args__ = (CheckConstraint(f"state IN {STORAGE_STATES}", name="state"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, comment="UUID, the content of the marker file")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    path: Mapped[str] = mapped_column(Text, comment="absolute folder")
    priority: Mapped[int] = mapped_column(Integer, default=0, comment="lowest is written first")
    is_cold: Mapped[bool] = mapped_column(default=False, server_default="0", comment="footage moves here with age")
    budget_bytes: Mapped[int | None] = mapped_column(
        BigInteger, comment="most that footage may take; null for no limit"
    )
    reserve_bytes: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0", comment="left free on its disk"
    )
    state: Mapped[str] = mapped_column(
        String(16), default="ok", server_default="ok", comment="a word of STORAGE_STATES"
    )
    state_detail: Mapped[str | None] = mapped_column(Text, comment="one line: the cause and the way out")
    state_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant the state began")
    total_bytes: Mapped[int | None] = mapped_column(BigInteger, comment="of its file system, as measured last")
    free_bytes: Mapped[int | None] = mapped_column(BigInteger, comment="of its file system, as measured last")
    looked_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant of the measurement")
    write_us: Mapped[int | None] = mapped_column(BigInteger, comment="how long the last write to the disk took")
    write_worst_us: Mapped[int | None] = mapped_column(BigInteger, comment="the longest of the last minutes")
