"""A camera as capture sees it: what its row says, decrypted, and nothing that is heavy to import."""

import hashlib
from dataclasses import astuple, dataclass

from app.capture.picture import PictureAddress
from app.capture.template import Template, effective_template, parse_template
from app.errors import Invalid
from app.models import Source
from app.models.types import UNREADABLE, UNREADABLE_TEXT


@dataclass(frozen=True, slots=True, repr=False)
class Camera:
    """What is needed to connect; a changed one is connected to anew."""

    source_id: int
    model: str
    uri_rtsp: str | None
    picture: PictureAddress | None
    ffmpeg_cmd: str | None

    @classmethod
    def of(cls, row: Source) -> "Camera":
        """Read from the source's row what its model records from: a change of the other address disturbs nothing."""
        if row.model == "Source":
            return cls(row.id, row.model, row.uri_rtsp, None, row.ffmpeg_cmd)
        picture = None
        if row.picture_uri is not None:
            picture = PictureAddress(row.picture_uri, row.picture_auth, row.picture_user, row.picture_password)
        return cls(row.id, row.model, None, picture, row.ffmpeg_cmd)

    @property
    def uri(self) -> str | None:
        """The address that is recorded from."""
        if self.model == "PictureSource":
            return self.picture.uri if self.picture else None
        return self.uri_rtsp

    @property
    def is_unreadable(self) -> bool:
        """Tell whether its address or password was encrypted with another secret key."""
        secrets = (self.picture.uri, self.picture.password) if self.picture else (self.uri_rtsp,)
        return any(secret is UNREADABLE for secret in secrets)

    @property
    def mark(self) -> str:
        """What tells it from the same source with other settings: a hash, for an ffmpeg's environment.

        A field more here makes all of them new: each camera is connected to anew at the next start.
        """
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()

    def checked_uri(self) -> str:
        """Return the address that is recorded from. Raises Invalid where there is none."""
        if self.is_unreadable:
            raise Invalid(UNREADABLE_TEXT, loc=("body", "uri_rtsp"))
        if not self.uri:
            raise Invalid("the source has no address to record from", loc=("body", "uri_rtsp"))
        return self.uri

    def template(self) -> Template:
        """Return the checked template. Raises Invalid."""
        return parse_template(self.model, effective_template(self.model, self.ffmpeg_cmd))
