"""Messages of WS-Discovery (April 2005), as ONVIF devices speak it (ONVIF Core §7.3): SOAP 1.2 in one datagram.

    Envelope
    ├── Header: Action, MessageID, To; of an answer RelatesTo, the MessageID of the question
    └── Body
        ├── Probe: Types                              what is asked for
        └── ProbeMatches
            └── ProbeMatch: EndpointReference/Address, Types, Scopes, XAddrs, MetadataVersion

Answers come from strangers: no DTD and no entity is read, and texts are cut and freed of what cannot be shown.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import TreeBuilder  # nosec B405  what is read is given to it by defusedxml

import defusedxml.ElementTree as Xml
from defusedxml import DefusedXmlException

MOST_TEXT, MOST_XADDRS, MOST_MATCHES = 200, 8, 16
MOST_ELEMENTS = 2000  # of one answer: each device takes some ten
SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
SCOPE = "onvif://www.onvif.org/"
# Devices answer to the one or the other: video transmitters all, newer ones to Device alone.
TYPES = {
    "NetworkVideoTransmitter": "http://www.onvif.org/ver10/network/wsdl",
    "Device": "http://www.onvif.org/ver10/device/wsdl",
}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


@dataclass(frozen=True, slots=True)
class Match:
    """A device in its own words; empty where it says nothing. `endpoint` names it, as `urn:uuid:…`."""

    endpoint: str
    name: str
    hardware: str
    location: str
    xaddrs: tuple[str, ...]


def probe(message_id: str, type_name: str) -> bytes:
    """Return the question for devices of a type, one of TYPES."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:d="{DISCOVERY}" xmlns:t="{TYPES[type_name]}">'
        f"<s:Header><a:Action>{DISCOVERY}/Probe</a:Action><a:MessageID>{message_id}</a:MessageID>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>"
        f"<s:Body><d:Probe><d:Types>t:{type_name}</d:Types></d:Probe></s:Body></s:Envelope>"
    ).encode()


def matches(data: bytes, asked: Container[str]) -> list[Match]:
    """Return the devices of an answer to one of the MessageIDs `asked`; none for anything else."""
    try:
        parser = Xml.XMLParser(target=_Builder(), forbid_dtd=True)
        parser.feed(data)
        envelope = parser.close()
    except (Xml.ParseError, DefusedXmlException, ValueError, LookupError):  # LookupError: of an encoding that is none
        return []
    if _text(envelope.find(f"{{{SOAP}}}Header/{{{ADDRESSING}}}RelatesTo")) not in asked:
        return []
    found = envelope.findall(f"{{{SOAP}}}Body/{{{DISCOVERY}}}ProbeMatches/{{{DISCOVERY}}}ProbeMatch")
    return [_match(one) for one in found[:MOST_MATCHES]]


class _Builder(TreeBuilder):
    """Makes a tree of MOST_ELEMENTS at the most."""

    def __init__(self) -> None:
        super().__init__()
        self._left = MOST_ELEMENTS

    def start(self, tag: str, attrs: dict[str, str], /) -> Any:
        """Begin an element. Raises ValueError for one too many."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many elements")
        return super().start(tag, attrs)


def _match(element: "Xml.Element") -> Match:
    scopes = _text(element.find(f"{{{DISCOVERY}}}Scopes")).split()
    xaddrs = _text(element.find(f"{{{DISCOVERY}}}XAddrs")).split()[:MOST_XADDRS]
    return Match(
        endpoint=_shown(_text(element.find(f"{{{ADDRESSING}}}EndpointReference/{{{ADDRESSING}}}Address"))),
        name=_scope(scopes, "name"),
        hardware=_scope(scopes, "hardware"),
        location=_scope(scopes, "location"),
        xaddrs=tuple(one for one in dict.fromkeys(xaddrs) if len(one) <= MOST_TEXT and _shown(one) == one),
    )


def _text(element: object) -> str:
    return str(getattr(element, "text", None) or "").strip()


def _scope(scopes: list[str], word: str) -> str:
    """Return what the scopes say under a word: onvif://www.onvif.org/name/Front%20door (ONVIF Core §7.3.2.2)."""
    begin = f"{SCOPE}{word}/"
    texts = (_shown(unquote(scope[len(begin) :])) for scope in scopes if scope.lower().startswith(begin))
    return next(filter(None, texts), "")


def _shown(text: str) -> str:
    """Return a stranger's text as it may be shown: no controls, none that turn the direction, not without end."""
    return _UNPRINTABLE.sub("", text).strip()[:MOST_TEXT]
