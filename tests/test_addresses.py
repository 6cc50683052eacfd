"""Addresses of cameras: what is one, what is shown of it, and when a mask may stand for the stored password."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.capture.addresses import HTTP_SCHEMES, RTSP_SCHEMES, AddressError, masked, parse, unmasked


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("rtsp://camera", "camera", 554),
        ("rtsp://camera/", "camera", 554),
        ("RTSP://192.168.1.9:8554/live?channel=1&stream=0", "192.168.1.9", 8554),
        ("rtsps://camera:322/x", "camera", 322),
        ("rtsp://user:pa%40ss%2F@[fe80::1]:554/x", "[fe80::1]", 554),
        ("rtsp://user@kamera-tür.local/x", "kamera-tür.local", 554),
        ("rtsp://user:p@ss@camera/x", "camera", 554),
        ("rtsp://camera:/x", "camera", 554),
    ],
)
def test_an_address_is_taken_apart(text: str, host: str, port: int) -> None:
    address = parse(text, RTSP_SCHEMES)
    assert (address.host, address.port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "camera",
        "http://camera/",
        "file:///etc/passwd",
        "rtsp:/camera",
        "rtsp://",
        "rtsp:///path",
        "rtsp://user:secret@/path",
        "rtsp://camera:0/",
        "rtsp://camera:65536/",
        "rtsp://camera:port/",
        "rtsp://user:sec/ret@camera/",
        "rtsp://user:123/ret@camera/",
        "rtsp://user:123#ret@camera/",
        "rtsp://user:123?ret@camera/",
        "rtsp://camera/a b",
        "rtsp://camera\\evil/",
        "rtsp://[::g]/",
        "rtsp://[camera]/",
        "rtsp://cam'era/",
        "concat:rtsp://camera/",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse(text, RTSP_SCHEMES)
    assert not any(word in str(refused.value) for word in ("secret", "ret@", "sec/", "123"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, None),
        ("rtsp://camera/x", "rtsp://camera/x"),
        ("rtsp://user@camera/x", "rtsp://user@camera/x"),
        ("rtsp://user:secret@camera:554/x?a=1", "rtsp://user:***@camera:554/x?a=1"),
        ("rtsp://user:sec@ret@camera/x", "rtsp://user:***@camera/x"),
        ("rtsp://:secret@camera/", "rtsp://:***@camera/"),
        ("http://camera/s.jpg?user=u&pwd=secret", "http://camera/s.jpg?user=u&pwd=***"),
        ("rtsp://camera/user=u&password=secret&channel=1", "rtsp://camera/user=u&password=***&channel=1"),
        ("rtsp://camera/user=u_password=secret_channel=1", "rtsp://camera/user=u_password=***"),
        ("http://camera/s.jpg?Password=&x=1", "http://camera/s.jpg?Password=&x=1"),
        ("rtsp://camera/bypass=1/y", "rtsp://camera/bypass=1/y"),
    ],
)
def test_no_password_is_shown(text: str | None, shown: str | None) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("stored", "given", "restored"),
    [
        ("rtsp://u:pw@c/1", "rtsp://u:***@c/2", "rtsp://u:pw@c/2"),
        ("rtsp://u:pw@c/1", "rtsp://u:%2A%2A%2A@c:554/1", "rtsp://u:pw@c:554/1"),
        ("rtsp://u:p%40@c/1", "rtsp://u:***@C/1", "rtsp://u:p%40@C/1"),
        ("rtsp://c/pass=x", "rtsp://c/a?pass=***", "rtsp://c/a?pass=x"),
        ("rtsp://u:pw@c/1", "rtsp://v:***@c/1", None),
        ("rtsp://u:pw@c/1", "rtsp://u:***@d/1", None),
        ("rtsp://u:pw@c/1", "rtsp://u:***@c:555/1", None),
        ("rtsp://u:pw@c/1", "rtsps://u:***@c:554/1", None),
        ("rtsp://u@c/1", "rtsp://u:***@c/1", None),
        ("rtsp://c/1", "rtsp://c/1?pwd=***", None),
        (None, "rtsp://u:***@c/1", None),
    ],
)
def test_a_mask_stands_for_the_stored_password_of_the_same_place_only(
    stored: str | None, given: str, restored: str | None
) -> None:
    address = parse(given, RTSP_SCHEMES)
    assert address.has_mask
    before = parse(stored, RTSP_SCHEMES) if stored else None
    if restored is None:
        with pytest.raises(AddressError):
            unmasked(address, before)
    else:
        assert unmasked(address, before) == restored


secrets = st.text(st.characters(codec="utf-8", exclude_characters="/?#\\*", exclude_categories=("C", "Z")), min_size=6)


@settings(deadline=None)
@given(secret=secrets, path=st.sampled_from(["", "/", "/a?b=c", "/user=a&channel=1"]))
def test_what_is_shown_never_holds_the_password_and_leads_back_to_it(secret: str, path: str) -> None:
    text = f"http://user:{secret}@camera{path}"
    shown = masked(text)
    assert shown == f"http://user:***@camera{path}"
    assert unmasked(parse(shown, HTTP_SCHEMES), parse(text, HTTP_SCHEMES)) == text
    assert secret not in repr(parse(text, HTTP_SCHEMES))
