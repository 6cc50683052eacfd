"""A quick look at a camera, before an ffmpeg is spent on it: is the port open, and does RTSP answer there.

One connection of at most 6 s. ffmpeg begins with the same question (OPTIONS, RFC 2326 §10.1), so a camera that does not
answer it cannot be recorded either; but ffmpeg waits for 8 s and costs a process.
"""

import socket
from dataclasses import replace

from app.capture.addresses import RTSP_SCHEMES, Address, AddressError, parse
from app.capture.ffmpeg import Verdict, judge

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 4.0
NOT_RTSP = "Invalid data found when processing input"


def look(uri: str) -> Verdict | None:
    """Return what is wrong with an RTSP address, None where it is worth connecting."""
    try:
        address = parse(uri, RTSP_SCHEMES)
    except AddressError as error:
        return Verdict("bad_template", str(error), "unknown")
    try:
        with socket.create_connection((address.host.strip("[]"), address.port), CONNECT_TIMEOUT_S) as connection:
            return None if address.scheme == "rtsps" else _ask(connection, address)
    except TimeoutError:
        return judge("Connection timed out", has_footage=False)
    except (ConnectionResetError, BrokenPipeError):
        return None  # some hang up on a second client: ffmpeg finds out
    except OSError as error:
        return _unreachable(error)


def _unreachable(error: OSError) -> Verdict:
    found = judge(error.strerror or "", has_footage=False)
    return found if found.reason == "camera_unreachable" else judge("No route to host", has_footage=False)


def _ask(connection: socket.socket, address: Address) -> Verdict | None:
    """Send OPTIONS and look at the first bytes of the answer."""
    bare = replace(address, user=None, password=None).text()
    connection.settimeout(ANSWER_TIMEOUT_S)
    connection.sendall(f"OPTIONS {bare} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: flask-playback\r\n\r\n".encode())
    try:
        begun = connection.recv(4)
    except TimeoutError:
        detail = "the camera takes the connection but does not answer in time"
        return Verdict("camera_unreachable", detail, "offline", "no_answer")
    if begun and not b"RTSP".startswith(begun):
        return judge(NOT_RTSP, has_footage=False)
    return None
