"""Who may use the service in production: accounts, and the cameras that they may see."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import EncryptedText, folded_name, new_uuid, now_us


def _key_of_name(context: Any) -> str:
    return folded_name(context.get_current_parameters()["name"])


class Account(Model):
    """A person. The names of the columns of signing in are those that Flask-Security reads."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    name: Mapped[str] = mapped_column(String(255), unique=True)
    name_key: Mapped[str] = mapped_column(
        String(255), unique=True, default=_key_of_name, comment="the same for all spellings of the name"
    )
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str | None] = mapped_column(String(255), comment="hash; null: cannot sign in with a password")
    is_once: Mapped[bool] = mapped_column(default=False, comment="the password must be changed at the first sign-in")
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(
        String(64), unique=True, default=new_uuid, comment="what sessions name; a new one ends them all"
    )
    tf_primary_method: Mapped[str | None] = mapped_column(String(64), comment="authenticator, or none")
    tf_totp_secret: Mapped[str | None] = mapped_column(EncryptedText, comment="encrypted")
    tf_last_step: Mapped[int | None] = mapped_column(BigInteger, comment="of the last code used, half minutes")
    sees_all: Mapped[bool] = mapped_column(default=True, comment="all cameras; else those of its rights")
    last_sign_in_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant, us since the epoch")

    def __repr__(self) -> str:
        """Name the account, never a hash."""
        return f"<Account {self.name} {self.role}>"


class AccountRight(Model):
    """A camera, or a group of cameras, that an account may see which does not see all."""

    __tablename__ = "account_right"
    __table_args__ = (
        CheckConstraint("(source_id IS NULL) <> (group_id IS NULL)", name="one"),
        UniqueConstraint("account_id", "source_id"),
        UniqueConstraint("account_id", "group_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"), index=True)
    group_id: Mapped[str | None] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"), index=True)


class ApiToken(Model):
    """What a program signs in with. Never may it do more than its account can at the time."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("role IN ('viewer', 'operator', 'admin', 'analyser')", name="role"),
        UniqueConstraint("account_id", "name"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="hex, of the bearer token")
    endpoints: Mapped[str | None] = mapped_column(Text, comment="JSON list of areas; null: all")
    source_ids: Mapped[str | None] = mapped_column(Text, comment="JSON list; null: all of the account's")
    begin_us: Mapped[int | None] = mapped_column(BigInteger, comment="begin of the footage that it may see")
    end_us: Mapped[int | None] = mapped_column(BigInteger, comment="end of it")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    created_by: Mapped[str] = mapped_column(String(255))
    parent_id: Mapped[str | None] = mapped_column(
        ForeignKey("api_token.id", ondelete="CASCADE"), index=True, comment="the token that it was made with"
    )
    expires_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it is no longer taken")
    revoked_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant, us since the epoch")
    revoked_by: Mapped[str | None] = mapped_column(String(255))
    last_used_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant, to a minute")

    def __repr__(self) -> str:
        """Name the token, never its hash."""
        return f"<ApiToken {self.id} {self.role}>"


class ShareLink(Model):
    """An address that shows one span of one camera to whoever has it."""

    __tablename__ = "share_link"
    __table_args__ = (Index("ix_share_link_account_id", "account_id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="hex, of the key in the address")
    account_id: Mapped[str | None] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), comment="who made it; null where nobody signs in"
    )
    token_id: Mapped[str | None] = mapped_column(
        ForeignKey("api_token.id", ondelete="CASCADE"), comment="the token that it was made with"
    )
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), index=True)
    begin_us: Mapped[int] = mapped_column(BigInteger, comment="begin of the span")
    end_us: Mapped[int] = mapped_column(BigInteger, comment="end of the span")
    may_download: Mapped[bool] = mapped_column(default=False)
    description: Mapped[str | None] = mapped_column(String(4096))
    password: Mapped[str | None] = mapped_column(String(255), comment="hash; null: none is asked for")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    created_by: Mapped[str] = mapped_column(String(255))
    expires_us: Mapped[int] = mapped_column(BigInteger, comment="instant it ends")
    max_uses: Mapped[int | None] = mapped_column(Integer, comment="openings; null: no limit")
    uses: Mapped[int] = mapped_column(Integer, default=0)
    revoked_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant, us since the epoch")
    revoked_by: Mapped[str | None] = mapped_column(String(255))
    last_used_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant of the last opening")

    def __repr__(self) -> str:
        """Name the link, never its key."""
        return f"<ShareLink {self.id} of source {self.source_id}>"
