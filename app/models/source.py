"""A camera: an RTSP stream (`Source`) or one that serves still pictures over HTTP (`PictureSource`)."""

from sqlalchemy import BigInteger, CheckConstraint, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UNREADABLE, EncryptedText, now_us

STATUSES = ("online", "offline", "unauthorised", "no_video", "unknown")
MODELS = ("Source", "PictureSource")


class Source(Model):
    """One table for both models; `model` decides. A deleted source keeps its row: its id is never used again."""

    __tablename__ = "source"
    __table_args__ = (
        CheckConstraint(f"model IN {MODELS}", name="model"),
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(String(16), comment="Source or PictureSource")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    deleted_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it left the lists")
    description: Mapped[str | None] = mapped_column(Text, comment="at most 4096 characters")
    uri_rtsp: Mapped[str | None] = mapped_column(EncryptedText, comment="address with userinfo, encrypted")
    picture_uri: Mapped[str | None] = mapped_column(EncryptedText, comment="address of the still picture, encrypted")
    picture_auth: Mapped[str | None] = mapped_column(String(8), comment="basic or digest")
    picture_user: Mapped[str | None] = mapped_column(String(255))
    picture_password: Mapped[str | None] = mapped_column(EncryptedText, comment="encrypted")
    ffmpeg_cmd: Mapped[str | None] = mapped_column(Text, comment="template; null is the default, a copy")
    status: Mapped[str] = mapped_column(String(16), default="unknown", comment="measured availability")
    status_detail: Mapped[str | None] = mapped_column(Text, comment="one line: the cause and the way out")
    status_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant of the measurement")
    probe_asked_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant a measurement was last asked for")
    video_codec: Mapped[str | None] = mapped_column(String(64), comment="as measured last, in words of RFC 6381")
    width: Mapped[int | None] = mapped_column(Integer, comment="pixels, as measured last")
    height: Mapped[int | None] = mapped_column(Integer, comment="pixels, as measured last")
    frame_rate: Mapped[float | None] = mapped_column(comment="frames a second, as measured last")
    audio_codec: Mapped[str | None] = mapped_column(String(64), comment="as the camera sends it; null for no sound")
    audio_rate_hz: Mapped[int | None] = mapped_column(Integer, comment="samples a second")
    audio_channels: Mapped[int | None] = mapped_column(Integer)

    @property
    def is_unreadable(self) -> bool:
        """Tell whether what it is recorded from was encrypted with another secret key."""
        if self.model == "Source":
            return self.uri_rtsp is UNREADABLE
        return self.picture_uri is UNREADABLE or self.picture_password is UNREADABLE

    def __repr__(self) -> str:
        """Name the row, never its address."""
        return f"<Source {self.id} {self.model}>"
