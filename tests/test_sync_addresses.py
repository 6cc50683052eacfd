"""Where copies may go: roots as the setting names them, locations within them, and the names of copies."""

import os
import re
from pathlib import Path

import pytest

from app.transfer.addresses import AddressError, Location, NotAllowed, Root, find_location, parse_roots
from app.transfer.copying import CopyFailed
from app.transfer.naming import MAX_NAME_BYTES, file_name, safe_name
from app.transfer.targets import told
from instance.config import ConfigurationError, TestingConfig

BASE = Path("/srv/playback")
ROOTS = parse_roots(
    "/a/b, archive, sftp://u:p%40%2F@Files.example/srv, sftp://u:p@files.example:2222/, s3://KEY:SE%2FCRET@bucket/site"
    "?endpoint_url=http://127.0.0.1:9000, smb://u:p@nas/share/x, webdavs://u:p@dav.example/r%C3%A9c, "
    "http://:TOKEN@other.example:8000/, /a/b/inner",
    BASE,
    Path("/default"),
)
ALLOWED = {
    "weekend": ("/a/b", "weekend"),
    "./a//b/.": ("/a/b", "a/b"),
    ".": ("/a/b", ""),
    "/a/b": ("/a/b", ""),
    "/a/b/c d/%2e%2e": ("/a/b", "c d/%2e%2e"),
    "/a/b/inner/x": ("/a/b/inner", "x"),
    "/srv/playback/archive/x": ("/srv/playback/archive", "x"),
    "file:///a/b/c%20d": ("/a/b", "c d"),
    "file://localhost/a/b/c": ("/a/b", "c"),
    "SFTP://FILES.example/srv/x": ("sftp://files.example/srv", "x"),
    "sftp://files.example:22/srv/x": ("sftp://files.example/srv", "x"),
    "sftp://files.example:2222/anything": ("sftp://files.example:2222", "anything"),
    "sftp://files.example/%73rv/x": ("sftp://files.example/srv", "x"),
    "s3://bucket/site/%252e%252e": ("s3://bucket/site", "%2e%2e"),
    "smb://nas:445/share/x": ("smb://nas/share/x", ""),
    "webdavs://dav.example:443/réc/x": ("webdavs://dav.example/r%C3%A9c", "x"),
    "webdavs://dav.example/r%C3%A9c/x": ("webdavs://dav.example/r%C3%A9c", "x"),
    "http://other.example:8000": ("http://other.example:8000", ""),
    "http://other.example:8000/": ("http://other.example:8000", ""),
}
OUTSIDE = [
    "/",
    "/a",
    "/a/bc",
    "/etc/passwd",
    "file:///etc",
    "sftp://files.example/srv2",
    "sftp://files.example:23/srv",
    "sftp://files.example./srv",
    "sftp://evil.example/srv",
    "s3://bucket/sites",
    "s3://bucket2/site",
    "smb://nas/share",
    "webdav://dav.example/r%C3%A9c",
    "http://other.example/",
    "https://other.example:8000/",
    "ftp://files.example/srv",
    "local:///a/b",
]
MALFORMED = {
    "../x": "path_traversal",
    "x/../../y": "path_traversal",
    "/a/b/../c": "path_traversal",
    "sftp://files.example/srv/%2e%2e/x": "path_traversal",
    "sftp://files.example/srv/.%2E/x": "path_traversal",
    "sftp://files.example/srv/a%2F..%2Fb": "path_traversal",
    "sftp://files.example/srv/%5c..": "value_error",
    "sftp://files.example/srv/%00": "control_character",
    "sftp://files.example/srv/%0a": "control_character",
    "sftp://files.example/srv/%zz": "value_error",
    "sftp://files.example/srv/%ff": "value_error",
    "a\\b": "value_error",
    "a\x00b": "control_character",
    "a\nb": "control_character",
    "sftp://u:secret@files.example/srv": "credentials",
    "sftp://u@files.example/srv": "credentials",
    "sftp://files.example@evil.example/srv": "credentials",
    "sftp://files.example/srv?key=/etc/x": "value_error",
    "s3://bucket/site#x": "value_error",
    "sftp:///srv": "value_error",
    "sftp://files.example:99999/srv": "value_error",
    "sftp://files.example:22:22/srv": "value_error",
    "sftp://fi les/srv": "value_error",
    "x::sftp://files.example/srv": "value_error",
    "file://evil/a/b": "value_error",
    "http://other.example:8000/below": "value_error",
    "x" * 2049: "string_too_long",
}


@pytest.mark.parametrize("text", list(ALLOWED))
def test_a_location_lies_below_the_root_that_allows_it(text: str) -> None:
    found = find_location(text, ROOTS)
    assert (found.root.text, "/".join(found.below)) == ALLOWED[text]


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_location_outside_every_root_is_not_allowed(text: str) -> None:
    with pytest.raises(NotAllowed):
        find_location(text, ROOTS)


@pytest.mark.parametrize("number", range(len(MALFORMED)))
def test_a_malformed_location_is_refused_and_not_repeated(number: int) -> None:
    text, kind = list(MALFORMED.items())[number]
    with pytest.raises(AddressError) as error:
        find_location(text, ROOTS)
    assert error.value.kind == kind
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://h/x", "ftp:// is not known"),
        ("sftp://h/x", "needs a user"),
        ("sftp://u:hidden@h:0/x", "port is wrong"),
        ("sftp://u:hid/den@h/x", "percent-encode / ?"),
        ("webdav://u:1234/den@h/x", "@ follows the host"),
        ("sftp://u:hidden@h/x?kee=1", "takes key after"),
        ("sftp://u:hidden@h/../x", "upwards"),
        ("s3://k:hidden@bucket:1/", "none after a bucket"),
        ("smb://u:hidden@h/", "needs a share"),
        ("http://user:hidden@h/", "token alone"),
        ("webdav://u:hidden@h/#x", "%23"),
        ("://u:hidden@h/", "folder or an address"),
        ("/x,/x", "stands there twice"),
        ("sftp://a:hidden@h/x,sftp://b:hidden@H:22/x", "stands there twice"),
    ],
)
def test_a_wrong_root_ends_the_start_with_one_line_without_secrets(text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=r"PLAYBACK_SYNC_TARGETS, entry \d: ") as error:
        _ = TestingConfig(SYNC_TARGETS=text).sync_roots
    assert why in str(error.value)
    assert not {"hidden", "1234", "den"} & set(re.findall(r"\w+", str(error.value)))
    assert "\n" not in str(error.value)


def test_without_the_setting_copies_lie_in_the_instance_folder(tmp_path: Path) -> None:
    (root,) = TestingConfig(INSTANCE=str(tmp_path)).sync_roots
    assert root.text == str(tmp_path / "sync")


def test_credentials_are_decoded_and_never_shown() -> None:
    sftp, s3, peer = ROOTS[2], ROOTS[4], ROOTS[7]
    assert (sftp.user, sftp.password) == ("u", "p@/")
    assert (s3.user, s3.password) == ("KEY", "SE/CRET")
    assert s3.options == {"endpoint_url": "http://127.0.0.1:9000"}
    assert (peer.user, peer.password) == (None, "TOKEN")
    for shown in (*map(repr, ROOTS), repr(Location(s3, ())), *(root.text for root in ROOTS)):
        assert not any(secret in shown for secret in ("p@", "KEY", "SE/", "TOKEN"))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("login KEY:SE/CRET failed\nat line 2\x00"),
        CopyFailed("no http://x:SE%2FCRET@h/"),
        OSError(28, "No space left on device"),
        ValueError(),
        RuntimeError("x" * 5000),
    ],
    ids=["secrets", "quoted", "errno", "empty", "long"],
)
def test_an_error_is_told_in_one_line_without_secrets(error: Exception) -> None:
    line = told(error, ROOTS[4])
    assert line
    assert len(line) <= 500
    assert line.isprintable()
    assert not any(secret in line for secret in ("KEY", "CRET"))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("gate", "gate"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "_"),
        (".hidden.", "hidden"),
        (" x ", "x"),
        ("Ворота №1", "Ворота №1"),
        ("\u202eevil", "_evil"),
        ("CON", "CON_"),
        ("nul.txt", "nul.txt_"),
        ("/", "_"),
        ("é", "é"),
        ("e\u0301", "é"),
        ("😀" * 100, "😀" * 50),
    ],
    ids=lambda value: "".join(f"{ord(character):x}." for character in value)[:40],
)
def test_a_tag_becomes_a_name_that_every_target_takes(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert len(os.fsencode(safe_name(name))) <= MAX_NAME_BYTES


def test_a_copy_is_named_by_begin_source_and_record() -> None:
    assert file_name(1_795_702_503_999_999, 7, "r") == "20261126T141503Z-source7-r.mp4"


def test_an_address_without_credentials_is_percent_encoded() -> None:
    root = Root("sftp", "h", 22, ("a b",), "u", "p")
    assert root.address(("tag #1", "x.mp4")) == "sftp://h/a%20b/tag%20%231/x.mp4"
