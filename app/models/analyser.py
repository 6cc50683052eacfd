"""How far each analyser has been told of download addresses."""

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class AnalyserMark(Model):
    """How far one address of PLAYBACK_ANALYSER_URLS has been told."""

    __tablename__ = "analyser_mark"

    target: Mapped[str] = mapped_column(String(64), primary_key=True, comment="hex SHA-256 of its address")
    last_id: Mapped[int] = mapped_column(BigInteger, default=0, comment="the last event that it has taken")
    next_us: Mapped[int] = mapped_column(BigInteger, default=0, comment="instant of the next try")
    tries: Mapped[int] = mapped_column(Integer, default=0, comment="that failed since the last success")
    error: Mapped[str | None] = mapped_column(Text, comment="one line, without secrets")
