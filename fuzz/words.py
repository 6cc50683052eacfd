"""Targets: what people type and machines say: addresses, templates of ffmpeg, its logs."""

import contextlib
import re
import shlex
from pathlib import Path
from urllib.parse import quote

from app.capture import addresses, facts, ffmpeg, template
from app.errors import Invalid
from app.formats import wsdiscovery
from app.logs import MASK, mask_secrets, without_addresses
from app.transfer import addresses as targets
from fuzz.target import Source, Target, as_text, hold, same

SECRET = "s3cr3t%2Fx"
UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ROOTS = targets.parse_roots(
    "/srv/copies,/srv/copies/inner,sftp://u:p@host:22/up,s3://K:S@bucket/pre,smb://u:p@host/share,http://:T@peer:8000/,"
    "webdavs://u:p@dav/a%20b",
    Path("/base"),
    Path("/base/default"),
)

ASKED = "urn:uuid:5f2c41d0-9b7e-4a63-a8d1-c0e97b64f3d2"
ANSWER = (
    f'<s:Envelope xmlns:s="{wsdiscovery.SOAP}" xmlns:a="{wsdiscovery.ADDRESSING}" xmlns:d="{wsdiscovery.DISCOVERY}">'
    f"<s:Header><a:RelatesTo>{ASKED}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
    "<a:EndpointReference><a:Address>urn:uuid:1</a:Address></a:EndpointReference>"
    f"<d:Scopes>{wsdiscovery.SCOPE}name/%s {wsdiscovery.SCOPE}hardware/X1</d:Scopes>"
    "<d:XAddrs>http://192.168.1.10/onvif/device_service</d:XAddrs>"
    "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
)


def check_discovery(data: bytes) -> None:
    """Read answers of devices to a search for cameras; what one says of itself can be shown."""
    found = wsdiscovery.matches(data, {ASKED})
    hold(len(found) <= wsdiscovery.MOST_MATCHES, "so many devices")
    named = as_text(data)
    [told] = wsdiscovery.matches((ANSWER % quote(named, errors="replace")).encode(), {ASKED})
    for match in (*found, told):
        texts = (match.endpoint, match.name, match.hardware, match.location, *match.xaddrs)
        hold(all(len(text) <= wsdiscovery.MOST_TEXT for text in texts), "texts of some length")
        hold(not any(UNSHOWN.search(text) for text in texts), "nothing that cannot be shown, or turns the direction")
        hold(len(match.xaddrs) <= wsdiscovery.MOST_XADDRS, "so many addresses")
    if named.isascii() and named.isprintable() and named.strip():
        same(told.name, named.strip()[: wsdiscovery.MOST_TEXT], "a name is read as said")
    same(wsdiscovery.matches(data, ()), [], "nothing answers what was not asked")


def check_camera_address(data: bytes) -> None:
    """Read addresses of cameras, hide their passwords, and put a hidden one back."""
    text = as_text(data)
    addresses.masked(text)
    address = addresses.parse(text, (*addresses.RTSP_SCHEMES, *addresses.HTTP_SCHEMES))
    hold(1 <= address.port <= 65_535, "a port")
    same(address.text().partition("://")[2], text.partition("://")[2], "an address is written as read")
    shown = addresses.masked(text)
    assert shown is not None
    if address.has_mask:
        return
    masked = addresses.parse(shown, (*addresses.RTSP_SCHEMES, *addresses.HTTP_SCHEMES))
    same(masked.origin, address.origin, "hiding a password changes nothing else")
    if address.user is None:
        return
    plain = addresses.parse(f"rtsp://u:{SECRET}@{address.host_port}{address.rest}", ("rtsp",))
    shown = addresses.masked(plain.text()) or ""
    hold(SECRET not in shown.replace(address.rest, ""), "a password is hidden")
    secrets = addresses._QUERY_SECRET.findall(address.rest)
    if len({name.lower() for name, _ in secrets}) == len(secrets):
        same(addresses.unmasked(addresses.parse(shown, ("rtsp",)), plain), plain.text(), "a hidden password comes back")


def check_template(data: bytes) -> None:
    """Check templates of ffmpeg: what is taken is of the lists alone, and is taken again."""
    source = Source(data)
    model, text = ("Source", "PictureSource")[source.number(1)], as_text(source.rest())
    found = template.parse_template(model, text)
    names = [name for name, _ in found.input_options]
    hold(set(names) <= template.INPUT_OPTIONS.keys() and len(set(names)) == len(names), "input options of the list")
    outputs = list(found.output_options)
    while outputs:
        name = outputs.pop(0)
        hold(name in template.OUTPUT_OPTIONS or name in template.FLAGS, "output options of the list")
        if name not in template.FLAGS:
            hold(bool(re.fullmatch(template.OUTPUT_OPTIONS[name], outputs.pop(0))), "a value of the list")
    before = [word for pair in found.input_options for word in pair]
    again = shlex.join(["ffmpeg", *before, "-i", "{uri}", *found.output_options, "{output}"])
    same(template.parse_template(model, again), found, "a template is taken as written")
    lines = ffmpeg.rtsp_input("rtsp://host/it's", found).decode().splitlines()
    hold(all(line.startswith(("ffconcat ", "file '", "option ")) for line in lines), "one line each for ffmpeg")


def check_location(data: bytes) -> None:
    """Find where copies go: below a root, whatever is asked for."""
    text = as_text(data)
    # The roots are a setting, which comes without zero bytes.
    with contextlib.suppress(targets.AddressError):
        for root in targets.parse_roots(text.replace("\0", ""), Path("/base"), Path("/base/default")):
            hold(not any(secret in root.text for secret in root.secrets if len(secret) > 12), "no secret in a name")
    try:
        found = targets.find_location(text, ROOTS)
    except targets.NotAllowed:
        return
    hold(not {"", ".", ".."} & set(found.below) and not any("/" in part for part in found.below), "parts of a path")
    hold(not any(character in "\0\n\\" for part in found.below for character in part), "no control characters")
    again = targets.find_location(found.root.address(found.below), ROOTS)
    same((again.root.text, again.below), (found.root.text, found.below), "an address is found again as shown")


def check_log(data: bytes) -> None:
    """Read what ffmpeg says, in which a camera may put anything."""
    text = as_text(data)
    for has_footage in (False, True):
        verdict = ffmpeg.judge(text, has_footage=has_footage)
        hold("\n" not in verdict.detail and len(verdict.detail) < 300, "one line of detail")
    ffmpeg.audio_codec(text)
    ffmpeg.is_audio_fault(text)
    ffmpeg.has_ended_itself(text)
    found = facts.logged_facts(text)
    hold((found.width or 0) < 10**5 and (found.audio_rate_hz or 0) < 2**31, "numbers that a row can have")
    hold((found.audio_channels or 0) < 2**31, "channels that a row can have")
    once = mask_secrets(text)
    same(mask_secrets(once), once, "what is masked stays")
    without_addresses(text)
    inner = mask_secrets(f"{text} rtsp://u:{SECRET}@h/ ")
    hold(SECRET not in inner.removeprefix(once), f"a password is masked whatever stands before it ({MASK})")


def check_many_words(data: bytes) -> None:
    """Read long texts of few words: searching them must not cost the square of their length."""
    source = Source(data)
    parts = [source.take(1 + source.number(15)) for _ in range(3)]
    count = 20_000 // max(sum(map(len, parts)), 1)
    text = as_text(parts[0] * count + parts[1] * count + parts[2])
    check_log(text.encode("utf-8", "surrogatepass"))
    for read in (check_camera_address, check_location, check_template):
        with contextlib.suppress(Invalid, addresses.AddressError, targets.AddressError):
            read(text.encode("utf-8", "surrogatepass"))


OPTIONS = tuple(name.encode() for name in (*template.INPUT_OPTIONS, *template.OUTPUT_OPTIONS, *template.ALIASES))
SAID = (
    b"Stream #0:0",
    b": Video: h264",
    b": Audio: aac (LC)",
    b", 640x480",
    b" fps",
    b" Hz, ",
    b"stereo",
    b"SDP:",
    b"Connection timed out",
    b"rtsp://",
    b"password=",
    b"Bearer ",
    b"download/",
    b"Input stream #0:1 (video): ",
    b" packets read",
    b"Invalid data found when processing input",
    b"x-refer-key: ",
)
TARGETS = (
    Target(
        "discovery",
        check_discovery,
        (),
        (
            ASKED.encode(),
            b"<a:RelatesTo>",
            b"<d:ProbeMatch>",
            b"</d:ProbeMatch>",
            b"<d:Scopes>",
            b"onvif://www.onvif.org/name/",
            b"<!DOCTYPE a [",
            b"<!ENTITY",
            b"&a;",
            b"&#x202e;",
            b"%E2%80%AE",
            b'<?xml version="1.0" encoding="UTF-16"?>',
        ),
    ),
    Target(
        "camera_address",
        check_camera_address,
        (addresses.AddressError,),
        (
            b"rtsp://",
            b"https://",
            b"***",
            b"%2A",
            b"@",
            b"password=",
            b"&pwd=",
            b"[::1]",
            b":554",
            b"admin:secret@",
            b"/user=a_password=b",
        ),
        512,
    ),
    Target(
        "ffmpeg_cmd",
        check_template,
        (Invalid,),
        (
            b"ffmpeg ",
            b"-i {uri}",
            b" {output}",
            b"scale=640:-2",
            b"fps=25",
            b"copy",
            b"libx264",
            b"'",
            b'"',
            b"\\",
            b"30000/1001",
            b"1/0",
            *OPTIONS,
        ),
        1024,
    ),
    Target(
        "sync_location",
        check_location,
        (targets.AddressError,),
        (
            b"sftp://",
            b"s3://",
            b"%2e%2e",
            b"..",
            b"%2f",
            b"file:///srv/copies/",
            b"/srv/copies/inner",
            b"u:p@",
            b"?key=",
            b"#",
            b"bucket",
            b"webdavs://dav/",
        ),
        512,
    ),
    Target("ffmpeg_log", check_log, (), SAID, 4096),
    Target("long_texts", check_many_words, (), (*SAID, b" ", b"a", b"\n", b"://", b"-", b"%"), 64),
)
