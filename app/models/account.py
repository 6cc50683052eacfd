"""Who may use the API in production. Only the first admin so far."""

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import new_uuid, now_us


class Account(Model):
    """A name with a bearer token; the token is random, so a plain SHA-256 of it is stored."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    name: Mapped[str] = mapped_column(String(255), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="hex, of the bearer token")

    def __repr__(self) -> str:
        """Name the account, never its token's hash."""
        return f"<Account {self.name} {self.role}>"
