"""The errors of the domain. Each leaf names a condition and knows its status, kind and place; none knows HTTP.

PlaybackError
├── NotFound 404
│   ├── NoFootage          (before_utc, after_utc)
│   ├── PictureUnreadable  (before_utc, after_utc)
│   ├── Deleted 410
│   └── Gone 410
├── Conflict 409
│   ├── SourceIsRecording
│   ├── StillRecording     (recorded_until_utc, retry_after_s)
│   ├── HasGaps            (gaps)
│   ├── OffsetWrong        (received_bytes)
│   ├── CopyBroken         (received_bytes)
│   ├── NameTaken
│   ├── Pinned             (pin_id)
│   ├── Unreachable        (forecast)
│   ├── OffsetConflict
│   └── StillRunning       (retry_after_s)
├── BadHeader 400
├── Invalid 422
├── Unauthorised 401
│   ├── WrongSignIn
│   └── CodeNeeded
├── Forbidden 403
│   └── PasswordForOnce
├── PreconditionFailed 412
├── TooLarge 413
├── UnsupportedBody 415
├── Misdirected 421
├── Locked 423              (retry_after_s)
├── TooMany 429             (retry_after_s)
├── ChecksumMismatch 460
├── CameraSilent 504        (reason)
├── StorageUnusable 503
├── FootageLost 503
├── Busy 503               (retry_after_s)
├── PagesNotBuilt 503
└── StorageFull 507

`detail` of every answer is a list of {"loc", "msg", "type"} (record-api.md, "Bad input"); `extra` holds the keys
that stand beside it. `retry_after_s`, where it is set, says when to ask again.
"""

from typing import Any

Loc = tuple[str | int, ...]


class PlaybackError(Exception):
    """A condition that the caller can be told about. `kind` is the stable machine-readable word of the answer."""

    status = 500
    kind = "internal_error"
    loc: Loc = ()
    retry_after_s: int | None = None

    def __init__(self, message: str, *, loc: Loc | None = None, kind: str | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.loc = self.loc if loc is None else loc
        self.kind = kind or self.kind
        self.extra = extra

    @property
    def detail(self) -> list[dict[str, Any]]:
        """Return the `detail` list of the answer."""
        return [{"loc": list(self.loc), "msg": self.message, "type": self.kind}]


class NotFound(PlaybackError):
    """An id of the right form that nothing has."""

    status = 404
    kind = "not_found"
    loc: Loc = ("path",)


class NoFootage(NotFound):
    """A range without any footage; `extra` has `before_utc` and `after_utc`, the nearest footage or None."""

    kind = "no_footage"
    loc: Loc = ("query", "start")


class PictureUnreadable(NotFound):
    """There is footage, but its picture cannot be read or decoded; `extra` names what lies around, as NoFootage."""

    kind = "picture_unreadable"
    loc: Loc = ("query", "at")


class Deleted(PlaybackError):
    """The record is still known, its file was deleted."""

    status = 410
    kind = "deleted"
    loc: Loc = ("path", "record_id")


class Gone(PlaybackError):
    """What was here for a time has run out, or was taken back."""

    status = 410
    kind = "gone"
    loc: Loc = ("path",)


class Conflict(PlaybackError):
    """Not allowed now."""

    status = 409
    kind = "conflict"


class SourceIsRecording(Conflict):
    """The source records; stop it first."""

    kind = "source_is_recording"
    loc: Loc = ("path", "source_id")


class StillRecording(Conflict):
    """The end of a span is yet to be written; `extra` has `recorded_until_utc`."""

    kind = "still_recording"
    loc: Loc = ("body", "end")
    retry_after_s = 5


class NameTaken(Conflict):
    """A name that must be unique is in use."""

    kind = "name_taken"
    loc: Loc = ("body", "name")


class Pinned(Conflict):
    """Footage that a pin protects was to be deleted; `extra` has `pin_id`."""

    kind = "pinned"
    loc: Loc = ("path", "record_id")


class Unreachable(Conflict):
    """A minimum of retention for which there is no room; `extra` has `forecast`."""

    kind = "unreachable"
    loc: Loc = ("body",)


class HasGaps(Conflict):
    """`gaps=fail` was asked for and there are gaps; `extra` has `gaps`."""

    kind = "has_gaps"
    loc: Loc = ("query", "gaps")


class StillRunning(Conflict):
    """The first request with this `Idempotency-Key` has no answer yet."""

    kind = "still_running"
    loc: Loc = ("header", "Idempotency-Key")
    retry_after_s = 1


class OffsetWrong(Conflict):
    """A piece of a copy does not follow what has come; `extra` has `received_bytes`, where it must begin."""

    kind = "offset_wrong"
    loc: Loc = ("header", "Content-Range")


class OffsetConflict(Conflict):
    """A piece of an upload does not begin where the last one ended."""

    kind = "offset_conflict"
    loc: Loc = ("header", "Upload-Offset")


class CopyBroken(Conflict):
    """A copy came whole, but with another checksum than announced; it must be sent from its begin."""

    kind = "copy_broken"
    loc: Loc = ("body",)


class Invalid(PlaybackError):
    """A value is wrong. `details` replaces the single entry where several values are."""

    status = 422
    kind = "value_error"
    loc: Loc = ("body",)

    def __init__(self, message: str, *, details: list[dict[str, Any]] | None = None, **keywords: Any) -> None:
        super().__init__(message, **keywords)
        self.details = details

    @property
    def detail(self) -> list[dict[str, Any]]:
        """Return the `detail` list of the answer."""
        return self.details if self.details is not None else super().detail


class BadHeader(PlaybackError):
    """A header of a protocol that has 400 for it (tus)."""

    status = 400
    kind = "bad_request"
    loc: Loc = ("header",)


class Unauthorised(PlaybackError):
    """Nobody signed in."""

    status = 401
    kind = "unauthorised"
    loc: Loc = ("header", "Authorization")


class Forbidden(PlaybackError):
    """Signed in, but not permitted."""

    status = 403
    kind = "forbidden"


class WrongSignIn(Unauthorised):
    """Name, password or code are wrong; which of them is not said."""

    kind = "wrong_sign_in"
    loc: Loc = ("body",)


class CodeNeeded(Unauthorised):
    """The password was right, and a code of the authenticator is wanted beside it."""

    kind = "code_needed"
    loc: Loc = ("body", "code")


class PasswordForOnce(Forbidden):
    """The password was right, but holds for one sign-in: a new one is wanted beside it."""

    kind = "password_change_needed"
    loc: Loc = ("body", "new_password")


class PreconditionFailed(PlaybackError):
    """The request names a version or a state that is not the one here."""

    status = 412
    kind = "changed"
    loc: Loc = ("header",)


class TooLarge(PlaybackError):
    """More bytes than are taken."""

    status = 413
    kind = "too_large"
    loc: Loc = ("body",)


class Misdirected(PlaybackError):
    """A request that was meant for another name than this service has."""

    status = 421
    kind = "wrong_host"
    loc: Loc = ("header", "Host")


class Locked(PlaybackError):
    """Another request writes, and does not let go."""

    status = 423
    kind = "locked"
    loc: Loc = ("path",)
    retry_after_s = 2


class TooMany(PlaybackError):
    """As many as may do this at once do it already."""

    status = 429
    kind = "too_many"
    loc: Loc = ("path",)
    retry_after_s = 5


class ChecksumMismatch(PlaybackError):
    """The bytes that came are not those that the checksum was made of (tus: 460 Checksum Mismatch)."""

    status = 460
    kind = "checksum_mismatch"
    loc: Loc = ("header", "Upload-Checksum")


class UnsupportedBody(PlaybackError):
    """A body of a content type that is not read here."""

    status = 415
    kind = "unsupported_media_type"
    loc: Loc = ("header", "Content-Type")


class CameraSilent(PlaybackError):
    """The camera gave nothing in time; `extra` may have `reason`, a word of `capture.trial.REASONS`."""

    status = 504
    kind = "camera_silent"


class StorageUnusable(PlaybackError):
    """The storage cannot be written."""

    status = 503
    kind = "storage_unusable"


class FootageLost(PlaybackError):
    """A file went while the answer was being made: asked for again, it is a gap."""

    status = 503
    kind = "footage_lost"
    retry_after_s = 1


class Busy(PlaybackError):
    """More is being decoded than this process takes on at once."""

    status = 503
    kind = "busy"
    retry_after_s = 2


class PagesNotBuilt(PlaybackError):
    """The scripts of the operator's pages are not there."""

    status = 503
    kind = "pages_not_built"

    def __init__(self) -> None:
        super().__init__("The operator's pages are not built on this machine: run `make pages` and load this again")


class StorageFull(PlaybackError):
    """The storage is full."""

    status = 507
    kind = "storage_full"
