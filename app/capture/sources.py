"""Making, changing and deleting sources: what may be set, and when a stored password may stay.

`values` hold the names of the contract (record-api.md, "Sources"); a name that is not there was left out. They
have been checked one by one already; here is checked what needs the row or another value.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from sqlalchemy import delete, inspect

from app.archive.auditing import audit
from app.archive.recordings import is_recording, lock_sources
from app.capture import networks
from app.capture.addresses import (
    HTTP_SCHEMES,
    MASK,
    RTSP_SCHEMES,
    Address,
    AddressError,
    masked,
    parse,
    unmasked,
)
from app.capture.camera import Camera
from app.capture.networks import Networks
from app.capture.pinning import forbidden
from app.capture.template import check_template, effective_template
from app.errors import Invalid, Loc, NotFound, SourceIsRecording
from app.extensions import AnySession
from app.models import Lease, Source, group_source
from app.models.types import UNREADABLE, UNREADABLE_TEXT

PICTURE_KEYS = ("uri", "auth", "user", "password")
# What may be changed of a source, as its columns are called.
FIELDS = ("description", "uri_rtsp", "picture_uri", "picture_auth", "picture_user", "picture_password", "ffmpeg_cmd")
PICTURE_LOC = ("body", "uri_http_picture")
PICTURE_URI: Loc = ("uri_http_picture", "uri")
MASKED = "masked_password"


def find(session: AnySession, source_id: int) -> Source:
    """Return the source of this id. Raises NotFound when there is none, or it was deleted."""
    source = session.get(Source, source_id)
    if source is None or source.deleted_us is not None:
        raise NotFound(f"there is no source {source_id}", loc=("path", "source_id"))
    return source


def build(model: str, values: Mapping[str, Any], now_us: int) -> Source:
    """Return a new source, not added yet. Raises Invalid when an address is missing or holds the mask."""
    source = Source(model=model, created_us=now_us, status="unknown")
    _apply(source, values)
    return source


def tried(stored: Source | None, model: str, values: Mapping[str, Any]) -> Source:
    """Return the source that `create` or, with `stored`, `change` would make of `values`: in no session, changing none.

    Raises Invalid as they do.
    """
    row = Source(id=stored.id if stored else 0, model=model, status="unknown")
    if stored is not None:
        _check_model(stored, model)
        for name in FIELDS:
            setattr(row, name, getattr(stored, name))
    _apply(row, values)
    return row


def create(session: AnySession, model: str, values: Mapping[str, Any], now_us: int, *, who: str) -> Source:
    """Add a source. Raises Invalid as `build` does."""
    source = build(model, values, now_us)
    session.add(source)
    session.flush()
    note_created(session, source, who)
    return source


def misplaced(policy: Networks, rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, Loc, str]]:
    """Return the addresses among `values` that no camera may have: number of the row, place in it, reason.

    Waits for name servers, so no transaction may be open. A name that nothing is known of now is let pass: it is
    checked at every connection again.
    """
    places: list[tuple[int, Loc, tuple[str, int]]] = []
    for number, values in enumerate(rows):
        picture = values.get("uri_http_picture") or {}
        given = ((values.get("uri_rtsp"), RTSP_SCHEMES, ("uri_rtsp",)), (picture.get("uri"), HTTP_SCHEMES, PICTURE_URI))
        for uri, schemes, loc in given:
            if uri:
                address = parse(uri, schemes)
                places.append((number, loc, (address.host, address.port)))
    found = forbidden(policy, [place for _, _, place in places])
    return [(number, loc, found[place]) for number, loc, place in places if place in found]


def check_places(policy: Networks, values: Mapping[str, Any]) -> None:
    """Raise Invalid, with an entry for each address of one source that no camera may have. Waits as `misplaced`."""
    entries = [
        {"loc": ["body", *loc], "msg": text, "type": networks.KIND} for _, loc, text in misplaced(policy, [values])
    ]
    if entries:
        raise Invalid("no camera may have this address", kind=networks.KIND, details=entries)


def note_created(session: AnySession, source: Source, who: str) -> None:
    """Write down that a source was added. Addresses and templates may hold secrets anywhere: only that there is one."""
    fields = [name for name in FIELDS if getattr(source, name)]
    about = {"model": source.model, "description": source.description, "fields": fields}
    audit(session, who, "source.create", str(source.id), source.id, **about)


def change(session: AnySession, source_id: int, values: Mapping[str, Any], *, who: str) -> tuple[Source, bool]:
    """Change what `values` name; return the source and whether where or how it is recorded from changed.

    Raises NotFound, and Invalid for another model or a mask that may not stand for the stored password.
    """
    source = next(iter(lock_sources(session, [source_id])), None)
    if source is None:
        raise NotFound(f"there is no source {source_id}", loc=("path", "source_id"))
    _check_model(source, values.get("model", source.model))
    before = _recorded_from(source)
    _apply(source, values)
    is_other = _recorded_from(source) != before
    if is_other:
        source.status, source.status_detail, source.status_us = "unknown", None, None
        source.probe_asked_us = None
    fields = [name for name in FIELDS if inspect(source).attrs[name].history.has_changes()]
    session.flush()
    if fields:
        audit(session, who, "source.change", str(source_id), source_id, fields=fields)
    return source, is_other


def _check_model(source: Source, model: str) -> None:
    if model != source.model:
        message = f"the model of a source cannot change; this one is a {source.model}"
        raise Invalid(message, loc=("body", "model"), kind="model_fixed")


def remove(session: AnySession, source_id: int, now_us: int, *, who: str) -> Source:
    """Take a source out of all lists and groups; its footage stays. Raises SourceIsRecording, NotFound."""
    source = next(iter(lock_sources(session, [source_id])), None)
    if source is None:
        raise NotFound(f"there is no source {source_id}", loc=("path", "source_id"))
    if is_recording(session, source_id):
        raise SourceIsRecording(f"source {source_id} is recording: stop its recordings first (PUT /api/v1/record)")
    session.execute(delete(group_source).where(group_source.c.source_id == source_id))
    source.deleted_us = now_us
    session.flush()
    audit(session, who, "source.delete", str(source_id), source_id, model=source.model, description=source.description)
    return source


def is_held(session: AnySession, source_id: int, now_us: int) -> bool:
    """Tell whether a recorder is connected to the source now, or tries to be."""
    lease = session.get(Lease, source_id)
    return lease is not None and lease.expires_us > now_us


def startable_problem(source: Source) -> str | None:
    """Return why this source cannot be started, None when it can: what is stored may be unusable by now."""
    camera = Camera.of(source)
    try:
        camera.checked_uri()
        camera.template()
    except Invalid as error:
        return error.message
    return None


def _recorded_from(source: Source) -> tuple[str | None, ...]:
    """Return all that recording depends on: what the other model records from does not count."""
    if source.model == "Source":
        return source.uri_rtsp, source.ffmpeg_cmd
    return (*_picture(source).values(), source.ffmpeg_cmd)


def _apply(source: Source, values: Mapping[str, Any]) -> None:
    if "description" in values:
        source.description = values["description"]
    if "uri_rtsp" in values:
        source.uri_rtsp = _rtsp(source.uri_rtsp, values["uri_rtsp"])
    if "uri_http_picture" in values:
        _apply_picture(source, values["uri_http_picture"])
    if "ffmpeg_cmd" in values:
        source.ffmpeg_cmd = _template(source.model, values["ffmpeg_cmd"])
    _check_address(source)


def _check_address(source: Source) -> None:
    """Raise Invalid when the address that the source's model records from is missing."""
    if source.is_unreadable:
        return  # what is stored there stays: the old key may come back
    if source.model == "Source" and not source.uri_rtsp:
        raise Invalid("a Source records from uri_rtsp: give its address", loc=("body", "uri_rtsp"), kind="missing")
    if source.model == "PictureSource" and not source.picture_uri:
        loc = ("body", "uri_http_picture", "uri")
        raise Invalid("a PictureSource records from uri_http_picture.uri: give its address", loc=loc, kind="missing")


def _rtsp(stored: str | None, given: str | None) -> str | None:
    if not given:
        return None
    return _restored(given, stored, RTSP_SCHEMES, ("body", "uri_rtsp"))


def _restored(given: str, stored: str | None, schemes: tuple[str, ...], loc: tuple[str, ...]) -> str:
    address = parse(given, schemes)
    if not address.has_mask:
        return given
    if stored is UNREADABLE:
        raise Invalid(UNREADABLE_TEXT, loc=loc, kind=MASKED)
    try:
        return unmasked(address, parse(stored, schemes) if stored else None)
    except AddressError as error:
        raise Invalid(str(error), loc=loc, kind=MASKED) from None


def _apply_picture(source: Source, given: Mapping[str, Any] | None) -> None:
    """Merge the keys given into the stored picture address; null, or an address of null alone, clears it all."""
    stored = _picture(source)
    given = dict.fromkeys(PICTURE_KEYS) if given is None else _without_userinfo(given)
    if given.get("uri", stored["uri"]) is None and not any(given.values()):
        given = dict.fromkeys(PICTURE_KEYS)
    if stored["uri"] is UNREADABLE and "uri" not in given:
        raise Invalid(UNREADABLE_TEXT, loc=(*PICTURE_LOC, "uri"), kind=MASKED)
    merged = {**stored, **given}
    if merged["uri"] is None and any(merged.values()):
        raise Invalid("user and password need an address: give uri", loc=(*PICTURE_LOC, "uri"), kind="missing")
    if given.get("password", MASK) == MASK:
        merged["password"] = _kept_password(stored, merged, is_asked_for="password" in given)
    if merged["uri"] is not None:
        merged["uri"] = _restored(merged["uri"], stored["uri"], HTTP_SCHEMES, (*PICTURE_LOC, "uri"))
    source.picture_uri, source.picture_auth = merged["uri"], merged["auth"]
    source.picture_user, source.picture_password = merged["user"], merged["password"]


def _picture(source: Source) -> dict[str, str | None]:
    return {
        "uri": source.picture_uri,
        "auth": source.picture_auth,
        "user": source.picture_user,
        "password": source.picture_password,
    }


def _kept_password(stored: dict[str, Any], merged: dict[str, Any], *, is_asked_for: bool) -> str | None:
    """Return the stored password. Raises Invalid when none is stored, or it belongs to another host or user."""
    password: str | None = stored["password"]
    if password is None and not is_asked_for:
        return None
    if password is UNREADABLE:
        raise Invalid(UNREADABLE_TEXT, loc=(*PICTURE_LOC, "password"), kind=MASKED)
    if not stored["uri"]:
        raise Invalid(
            f"{MASK} is what is shown instead of a password, and none is stored: give the password itself, or null",
            loc=(*PICTURE_LOC, "password"),
            kind=MASKED,
        )
    if password is None or _place(merged) != _place(stored):
        raise Invalid(
            f"{MASK}, or a password left out, keeps the stored one, but none is stored for this scheme, host, port "
            "and user: give the password itself, or null",
            loc=(*PICTURE_LOC, "password"),
            kind=MASKED,
        )
    return password


def _place(picture: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the password of a picture address belongs to."""
    scheme, host, port, _ = parse(picture["uri"], HTTP_SCHEMES).origin
    return scheme, host, port, picture["user"]


def _without_userinfo(given: Mapping[str, Any]) -> dict[str, Any]:
    """Move user and password from the address to the fields of their own, where these are not given."""
    if not given.get("uri"):
        return dict(given)
    address = parse(given["uri"], HTTP_SCHEMES)
    moved = {"user": address.user, "password": address.password}
    found = {key: unquote(text) for key, text in moved.items() if text is not None and given.get(key) is None}
    bare = Address(address.scheme, None, None, address.host, address.port, address.host_port, address.rest)
    return {**given, **found, "uri": bare.text()}


def _template(model: str, given: str | None) -> str | None:
    """Return the template to store; the default is stored as null, so that a later default applies."""
    text = (given or "").strip()
    if not text or text == effective_template(model, None):
        return None
    check_template(model, text)
    return text


def shown_picture(source: Source) -> dict[str, str | None]:
    """Return `uri_http_picture` as it is answered: four keys, no password in clear."""
    picture = _picture(source)
    has_password = picture["password"] is not None and picture["password"] is not UNREADABLE
    return {**picture, "uri": masked(picture["uri"] or None), "password": MASK if has_password else None}
