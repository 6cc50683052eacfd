"""The base list of violations: fixed names with which findings and comments are classified."""

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class BasisViolation(Model):
    """One violation, loaded from media/classification_events.xlsx and edited in the administration pages."""

    __tablename__ = "basis_violation"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    code: Mapped[str] = mapped_column(String(64), unique=True, comment="stable: what it is known by in the list")
    violations: Mapped[str] = mapped_column(String(255), comment="its name")
    context: Mapped[str] = mapped_column(Text, default="", comment="in which it counts")
    age: Mapped[str] = mapped_column(String(64), default="", comment="one or several ratings, as 12+ / 16+")
    mark: Mapped[str] = mapped_column(String(255), default="", comment="a duty to label instead of an age")
    loaded_sha256: Mapped[str | None] = mapped_column(String(64), comment="of the row as last loaded; null: by hand")
    is_edited: Mapped[bool] = mapped_column(default=False, comment="changed since in the administration pages")
    removed_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it was taken out; null: in the list")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    changed_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")


class LoadedList(Model):
    """The file that a list was last loaded from: a start reads it again only when it has changed."""

    __tablename__ = "loaded_list"

    name: Mapped[str] = mapped_column(String(64), primary_key=True, comment="of the list, as classification_events")
    sha256: Mapped[str] = mapped_column(String(64), comment="hex, of the file and of how it is read")
    loaded_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
