"""How a model is written: the page to copy from. Its endpoint is served in development and tests only.

A model says what a row means, the unit and meaning of each column in `comment=`, and each invariant as a constraint.
It holds no logic that needs another table: that lives in the layer above.
"""

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import new_uuid, now_us


class ExampleModel(Model):
    """A note that an operator leaves."""

    __tablename__ = "example"
    __table_args__ = (CheckConstraint("length(text) > 0", name="text"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    text: Mapped[str] = mapped_column(String(4096), comment="1 to 4096 characters, as given")
