"""A device that answers WS-Discovery on loopback as ONVIF cameras do, and ones that answer as they should not.

with OnvifResponder(name="Front door", hardware="X1") as device:
discover(policy, wait_s=0.5, port=device.port)
"""

import re
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import quote

GROUP = "239.255.255.250"
IP_MULTICAST_ALL = 49  # ip(7): else what is sent out of other interfaces comes here too
SOAP = "http://www.w3.org/2003/05/soap-envelope"
ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?>{dtd}<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
    "<a:MessageID>urn:uuid:{own_id}</a:MessageID><a:RelatesTo>{asked_id}</a:RelatesTo>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></s:Header><s:Body>"
    "<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference>"
    "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs>"
    "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
)
Answers = Callable[["OnvifResponder", str], Iterator[bytes]]


def as_cameras_do(device: "OnvifResponder", asked_id: str) -> Iterator[bytes]:
    """Answer once."""
    yield device.answer(asked_id)


class OnvifResponder:
    """Listens to the group on loopback, at a port of its own unless one is given; `probes` are what was asked of it."""

    def __init__(self, port: int = 0, answers: Answers = as_cameras_do, **words: str) -> None:
        self.endpoint, self.probes, self._answers, self._words = f"urn:uuid:{uuid.uuid4()}", list[str](), answers, words
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        self._socket.bind((GROUP, port))
        self.port = int(self._socket.getsockname()[1])
        member = struct.pack("4s4si", socket.inet_aton(GROUP), b"", socket.if_nametoindex("lo"))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._outlet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outlet.bind(("127.0.0.1", 0))
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="onvif", daemon=True)

    def __enter__(self) -> "OnvifResponder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._socket.close()
        self._outlet.close()

    def answer(self, asked_id: str, **changed: str) -> bytes:
        """Return the answer to a question."""
        texts = {"dtd": "", "own_id": str(uuid.uuid4()), "asked_id": asked_id, "endpoint": self.endpoint}
        texts |= {"xaddrs": "http://127.0.0.1/onvif/device_service", "scopes": self._scopes()}
        return ANSWER.format(**{**texts, **changed}).encode()

    def _scopes(self) -> str:
        own = [f"onvif://www.onvif.org/{word}/{quote(text)}" for word, text in self._words.items()]
        return " ".join(["onvif://www.onvif.org/type/video_encoder", *own])

    def _serve(self) -> None:
        self._socket.settimeout(0.05)
        while not self._is_over.is_set():
            try:
                data, asker = self._socket.recvfrom(65_535)
            except TimeoutError:
                continue
            self.probes.append(data.decode())
            found = re.search(rb"MessageID>([^<]+)<", data)
            for answer in self._answers(self, found[1].decode() if found else ""):
                self._outlet.sendto(answer, asker)
