"""How far time is believed to have passed, as each machine has seen it pass."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class RetentionMark(Model):
    """A clock that leaps ahead must not make all footage old: ages are counted to what was seen to pass."""

    __tablename__ = "retention_mark"

    host_id: Mapped[str] = mapped_column(String(64), primary_key=True, comment="machine id, or host name")
    boot_id: Mapped[str] = mapped_column(String(36), comment="of the kernel, new at each boot")
    booted_us: Mapped[int] = mapped_column(BigInteger, comment="us since the boot, at the last pass")
    believed_us: Mapped[int] = mapped_column(
        BigInteger, comment="instant that ages were counted to, us since the epoch"
    )
