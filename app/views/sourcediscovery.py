"""Cameras that answer in the networks of this machine (ONVIF WS-Discovery). Beyond the contract (docs/api.md)."""

from typing import Any

from flask import Blueprint, current_app
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.archive.auditing import audit
from app.auth import actor
from app.capture.addresses import HTTP_SCHEMES, RTSP_SCHEMES, AddressError, parse
from app.capture.discovery import Device, discover
from app.capture.networks import networks
from app.capture.seats import take_seats
from app.extensions import db, writing
from app.models import Source
from app.models.types import UNREADABLE
from app.personalulti import read_parameters
from app.views import PlaybackApi, document

sourcediscovery = Blueprint("sourcediscovery", __name__)
namespace = Namespace("source", "Cameras and their addresses", path="/")


class DiscoverParameters(BaseModel):
    """Nothing is to be said."""


class DeviceObject(BaseModel):
    """A device that answered, in its own words but for `address` and what follows `xaddrs`."""

    address: str = Field(description="Where its answer came from", examples=["192.168.1.10"])
    endpoint: str = Field(description="Its own id", examples=["urn:uuid:2f5d3c10-8b7e-4a51-9d0c-4419b6a1f0de"])
    name: str = Field(description="Its name; empty where it tells none", examples=["Front door"])
    hardware: str = Field(description="What it is; empty where it does not tell", examples=["DS-2CD2143G2"])
    location: str = Field(description="Where it hangs; empty where it does not tell", examples=["Lobby"])
    xaddrs: list[str] = Field(
        description="Addresses of its ONVIF service, as far as they are at `address`",
        examples=[["http://192.168.1.10/onvif/device_service"]],
    )
    problem: str | None = Field(description="Why no camera may be there; null where one may", examples=[None])
    source_ids: list[int] = Field(description="The sources whose address is there", examples=[[1]])


def device_object(device: Device, known: dict[str, list[int]]) -> dict[str, Any]:
    """Return a device as it is answered."""
    return {
        "address": device.address,
        "endpoint": device.endpoint,
        "name": device.name,
        "hardware": device.hardware,
        "location": device.location,
        "xaddrs": list(device.xaddrs),
        "problem": device.problem,
        "source_ids": known.get(device.address, []),
    }


def _known_hosts() -> dict[str, list[int]]:
    """Return the ids of the sources by the hosts of their addresses, as they are written there."""
    found: dict[str, list[int]] = {}
    query = select(Source.id, Source.uri_rtsp, Source.picture_uri).where(Source.deleted_us.is_(None))
    for source_id, *uris in db.session.execute(query.order_by(Source.id)):
        for host in dict.fromkeys(filter(None, map(_host, uris))):
            found.setdefault(host, []).append(source_id)
    db.session.rollback()
    return found


def _host(uri: str | None) -> str | None:
    if not uri or uri is UNREADABLE:
        return None
    try:
        return parse(uri, (*RTSP_SCHEMES, *HTTP_SCHEMES)).host
    except AddressError:
        return None


@namespace.route("/source/discover")
class Discovery(Resource):
    """What answers in the networks of this machine."""

    @namespace.doc(
        description="Asks by multicast for 3 s, one at a time, and connects to nothing that answers. `address` is "
        "where the answer came from, `problem` why no camera may be there, `source_ids` the cameras that are there. "
        "What a device says of itself is not to be believed."
    )
    @namespace.expect(document(namespace, DiscoverParameters), validate=False)
    @namespace.response(200, "The devices that answered, by address", [document(namespace, DeviceObject)])
    @namespace.response(429, "Somebody asks already; Retry-After says when to ask again")
    @namespace.response(504, "No network of this machine takes multicast")
    def post(self) -> list[dict[str, Any]]:
        """Ask the networks for cameras."""
        read_parameters().checked(DiscoverParameters)
        config, who = current_app.config["PLAYBACK"], actor()
        db.session.remove()  # nothing of the database is held meanwhile
        free = take_seats(config.run_path / "trials", {"discovery": 1}, "search for cameras goes on")
        try:
            devices = discover(networks(config))
        finally:
            free()
        with writing() as session:
            audit(session, who, "source.discover", "", found=len(devices))
        known = _known_hosts()
        return [device_object(device, known) for device in devices]


PlaybackApi(sourcediscovery).add_namespace(namespace)
