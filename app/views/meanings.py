"""What a line of documentation about a field is made of, and the values that its examples share."""

from typing import Any, NamedTuple


class Meaning(NamedTuple):
    """One line about a field, and an example of its value; None where it is composed of the fields within it."""

    text: str
    example: Any = None


BEGIN, END = "2026-11-20T22:44:05.123456Z", "2026-11-20T23:44:05.123456Z"
RECORD_ID = "7a9f3c52-6d1e-4b7b-9a53-0c8f1c3b2d10"
OTHER_ID = "f2b1d0c4-3e5a-4f6b-8c7d-9e0f1a2b3c4d"
REFER, KEY = "3f0c9a1be6d24c578a90f1e2d3c4b5a6", "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"
MEDIA = f"/playbackapi/source/1/video.mp4?start={BEGIN}&end={END}"
