"""A storage: a folder that holds media, known by the id in its marker file."""

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class Storage(Model):
    """`path` is where it was last seen; the marker file `storage.id` in it proves that it is the one."""

    __tablename__ = "storage"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, comment="UUID, the content of the marker file")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    path: Mapped[str] = mapped_column(Text, comment="absolute folder")
    priority: Mapped[int] = mapped_column(Integer, default=0, comment="lowest is written first")
