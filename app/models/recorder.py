"""A recorder process and its last sign of life."""

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Recorder(Model):
    """Identity of the process: host, boot, pid and its start time, so that a reused pid is told apart."""

    __tablename__ = "recorder"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, comment="UUID, new at each start")
    host_id: Mapped[str] = mapped_column(String(64), comment="machine id, or host name")
    boot_id: Mapped[str] = mapped_column(String(36), comment="of the kernel, new at each boot")
    pid: Mapped[int] = mapped_column(Integer)
    started_ticks: Mapped[int] = mapped_column(BigInteger, comment="start of the process, clock ticks since boot")
    seen_us: Mapped[int] = mapped_column(BigInteger, index=True, comment="last heartbeat, us since the epoch")
    ended_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it said that it ends")
