"""A tag: the name under which sources record together."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import new_uuid, now_us


class Tag(Model):
    """Comes into being with the first recording started under its name."""

    __tablename__ = "tag"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    name: Mapped[str] = mapped_column(String(255), unique=True)
