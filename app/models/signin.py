"""What signing in leaves behind: the sessions that go on, recovery codes, and attempts that failed."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import new_uuid


class AccountSession(Model):
    """A browser that is signed in. Without its row its cookie is worth nothing."""

    __tablename__ = "account_session"
    __table_args__ = (CheckConstraint("expires_us > begun_us", name="span"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    begun_us: Mapped[int] = mapped_column(BigInteger, comment="instant of signing in, us since the epoch")
    expires_us: Mapped[int] = mapped_column(BigInteger, index=True, comment="instant, us since the epoch")
    address: Mapped[str] = mapped_column(String(64), comment="network address it was begun from")
    agent: Mapped[str] = mapped_column(String(200), comment="what the browser said it is")


class RecoveryCode(Model):
    """A code that stands once in the place of an authenticator's; gone when it was used."""

    __tablename__ = "recovery_code"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True, comment="hex")


class SignInFailure(Model):
    """How often signing in failed of late, for a name (there may be no such account), or for it from one place."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (CheckConstraint("failures > 0", name="failures"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True, comment="hex, keyed hash of name and place")
    failures: Mapped[int] = mapped_column()
    last_us: Mapped[int] = mapped_column(BigInteger, index=True, comment="instant, us since the epoch")
