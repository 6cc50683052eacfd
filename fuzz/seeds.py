"""The inputs to begin with: small files of ffmpeg's, written with the recorder's own options, and texts by hand."""

import json
import struct
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path

from app.capture.ffmpeg import SEGMENT_FORMAT, find_ffmpeg
from app.formats.boxes import find_box, iter_boxes_in
from app.formats.closing import FIRST, Closing, Facts
from app.formats.fragments import Fragment, Init, read_init, scan
from app.formats.initsegment import parse_moov
from app.formats.sampleindex import COLUMNS, COUNTERS, SampleIndex
from fuzz import files, words
from fuzz.media import in_memory
from fuzz.target import piece

KINDS = {
    "h264": ("-c:v", "libx264", "-bf", "2"),
    "hevc": ("-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hev1"),
    "aac": ("-c:v", "libx264", "-f", "lavfi", "-i", "sine=sample_rate=16000:duration=1", "-c:a", "aac"),
}


@cache
def film(kind: str) -> bytes:
    """Return half a second of 32 by 32 pixels as the recorder's ffmpeg writes files."""
    options = list(KINDS[kind])
    sound = options[2:6] if kind == "aac" else []
    codec = options[:2] + options[6:] if kind == "aac" else options
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        muxed = SEGMENT_FORMAT.format(fragment_us=250_000).split(":")
        flags = [word for one in muxed for word in (f"-{one.partition('=')[0]}", one.partition("=")[2])]
        made = Path(folder) / "film.mp4"
        subprocess.run(
            [
                *(find_ffmpeg(), "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=s=32x32:r=12:d=0.5", *sound),
                *(*codec, "-g", "6", "-crf", "51", "-pix_fmt", "yuv420p", "-t", "0.5", *flags, "-f", "mp4", str(made)),
            ],
            check=True,
        )
        return made.read_bytes()


def _first_sample(data: bytes) -> bytes:
    """Return the first video sample of a film."""
    part = _fragments(data)[1][0].tracks[1]
    return data[part.data_offset : part.data_offset + int(part.sizes[0])]


def _fragments(data: bytes) -> tuple[Init, list[Fragment]]:
    handle = in_memory(data)
    init = read_init(handle)
    return init, scan(handle, init.size_bytes, init)[0]


def _index(data: bytes) -> bytes:
    """Return the index of a film as `fitting_index` takes it."""
    index = SampleIndex.build(*_fragments(data))
    numbers = struct.pack(f"<{len(COUNTERS)}h", *(value % 30_000 for value in index.counts.values()))
    return numbers + b"".join(getattr(index, name).tobytes() for name in COLUMNS)


def _closing(data: bytes) -> bytes:
    """Return the closing box that fits a film."""
    init, fragments = _fragments(data)
    begin_us = 1_700_000_000_000_000
    facts = Facts(
        FIRST, begin_us + 500_000, fragments[0].offset_bytes, len(data), SampleIndex.build(init, fragments).counters()
    )
    return Closing(7, uuid.UUID(int=1), 3, begin_us, 0, None, 0, bytes(32), facts=facts).encode()


def _head(data: bytes) -> int:
    return next(item.end for item in iter_boxes_in(data) if item.kind == b"moov")


def _of_films() -> dict[str, list[bytes]]:
    films = [film(kind) for kind in KINDS]
    entries, sets = [], []
    for data in films:
        head = find_box(data, (b"moov",))
        entries += [(track.entry, _first_sample(data)) for track in parse_moov(data[head.offset : head.end])]
    for entry, sample in entries:
        sets += [b"\3" + sample[:200], b"\0" + entry[86:]]
    swapped = [piece(entries[0][0]) + entries[2][1][:400], piece(entries[1][0]) + entries[1][1][:400]]
    indexes = [_index(data) for data in films]
    return {
        "boxes": [data[:1500] for data in films],
        "init": [data[: _head(data)] for data in films],
        "fragments": [data[_head(data) :] for data in films],
        "live_file": films,
        "file_facts": [_closing(data)[24:-4] + data for data in films],
        "closing": [_closing(films[0])[24:-4], _closing(films[0])[24:116]],
        "parameter_sets": sets,
        "entries": [*(piece(entry) + sample[:400] for entry, sample in entries), *swapped],
        "index": indexes,
        "index_walk": [b"\1" + piece(indexes[0]), b"\2" + piece(indexes[0]) * 2 + b"FPSI"],
        "matroska": [b"\2\x80\1\xe0" + bytes(8) + b"\xff\xd8\xff\xd9"],
    }


def _form(*parts: str) -> bytes:
    return "".join(f"--b\r\n{part}\r\n" for part in parts).encode() + b"--b--\r\n"


def _of_wire() -> dict[str, list[bytes]]:
    named = 'Content-Disposition: form-data; name="a"'
    form = _form(f"{named}\r\n\r\nx", f'{named}; filename="f.txt"\r\nContent-Length: 2\r\n\r\ny\r\n')
    finding = {
        "violation": "smoking",
        "severity": "mild",
        "start": 1.5,
        "end": 2,
        "page": 1,
        "quotation": "a\nb",
        "confidence": 0.5,
    }
    return {
        "tus": [b"filename ZmlsZS50eHQ=,type dGV4dA==,empty", b"sha1 " + b"A" * 27 + b"=", b"1000", b"md5 AAAA"],
        "form": [b"\x07b       " + form, b"\x01b       a|b|c", b"\x03b       --b--"],
        "range": [b"\1\0" + text for text in (b"bytes=0-9", b"bytes=-5", b"bytes=0-0, 5-9,-1", b"bytes=10-", b"0-9")],
        "conditions": [
            b"\0\1\0\0\0\1\1" + b'"a1"|W/"a1", "b"|%s|%s|"a1"' % ((b"Sun, 06 Nov 1994 08:49:37 GMT",) * 2),
            b"\0\1\0\0\0\1\0||||Sunday, 06-Nov-94 08:49:37 GMT",
            b"\0\0\0\0\0\0\0*|*|Sun Nov  6 08:49:37 1994",
        ],
        "instants": [
            b"2026-11-20T22:44:05.123456Z|2026-11-20T23:44:05+01:00",
            b"1700000000|1700000001.5",
            b"0||30|fail",
            b"2026-W47-5T22Z|9999-12-31T23:59:59.999999Z",
            b"20261120T224405,5 0100||0.000001",
        ],
        "paths": [b"1", b"5f2c41d0-9b7e-4a63-a8d1-c0e97b64f3d2", b"1,2, 3", b"-1"],
        "events": [b"\0\0\0\0\0\0\0\x0c12", b"\0\0\0\0\0\0\0\1a\nb\xe2\x80\xa8"],
        "names": [
            "Отчёт.pdf".encode(),
            b"=?utf-8?b?0J7RgtGH0ZHRgi5wZGY=?=",
            b"..\\..\\a/b.txt",
            b"a" * 300 + b".docx",
            b"=?koi8-r?q?=EF?= =?utf-8?q?x?=",
        ],
        "body": [
            b"\0\0" + b'{"name":"a","uri_http_picture":{"uri":"http://h/","auth":null}}',
            b"\1\5a=%d1name=a&uri_http_picture.user=u&b=%D0%B0",
            b"\2\0" + form,
            b"\4\x10text/json+json ;\0{}",
        ],
        "json": [b'{"a":[1,-2.5e3,"\\u0431\\ud83d\\ude00",null,true,{}]}', b"[" * 40 + b"]" * 40, b'{"a":1,"a":2}'],
        "findings": [
            json.dumps({"findings": [finding, finding]}).encode(),
            b'{"error":"no","findings":[]}',
            b'{"findings":"[]"}',
        ],
    }


def _of_words() -> dict[str, list[bytes]]:
    log = (
        b"  Stream #0:0: Video: h264 (High), yuv420p(progressive), 640x360, 25 fps, 25 tbr, 90k tbn\n"
        b"  Stream #0:1: Audio: aac (LC), 48000 Hz, stereo, fltp\nInput stream #0:0 (video): 12 packets read\n"
        b"[rtsp @ 0x5581] method DESCRIBE failed: 401 Unauthorized\nrtsp://a:b@h/?password=x Basic YWRtaW46c2VjcmV0\n"
    )
    answer = (words.ANSWER % "Front%20door").encode()
    return {
        "discovery": [
            answer,
            answer.replace(b"http:", b"javascript:"),
            b'<?xml version="1.0" encoding="klingon"?><a/>',
        ],
        "camera_address": [
            b"rtsp://admin:secret@127.0.0.1:554/s?a=1",
            b"http://h/cgi?user=a&password=b",
            b"rtsps://[::1]/user=a_password=b_channel=1",
            b"rtsp://u:***@h/",
        ],
        "ffmpeg_cmd": [
            b"\0ffmpeg -rtsp_transport tcp -i {uri} -c:v libx264 -vf 'scale=640:-2,fps=30000/1001' -an {output}",
            b"\1ffmpeg -i {uri} -vcodec libx265 -crf 23 -r 1/0 {output}",
            b"\0ffmpeg -i {uri} -c copy {output}",
        ],
        "sync_location": [
            b"a/b",
            b"sftp://host/up/x%20y",
            b"file:///srv/copies/inner/z",
            b"s3://bucket/pre/a",
            b"/srv/copies",
            b"http://peer:8000/",
            b"smb://u:p@h/s,https://:T@h:1/?ca=/etc/hostname",
        ],
        "ffmpeg_log": [log, b"SDP:\nv=0\ns=Stream #0:0: Video: x\nInvalid data found when processing input\n"],
        "long_texts": [b"\0a\0 \0b", b"\6rtsp://\2://\1@@", b"\7SDP:\nv=\1ab\0c"],
    }


def _of_files() -> dict[str, list[bytes]]:
    parts = files.plain_parts()
    chosen = [bytes([number]) + piece(parts[name]) for number, name in enumerate(files.PARTS) if name in parts]
    sheet = next(one for one in chosen if one[0] == files.PARTS.index("xl/worksheets/sheet1.xml"))
    small = _small_workbook(parts)
    told = files.manifest()
    return {
        "workbook": [small] if len(small) < 8192 else [],
        "workbook_parts": [one for one in chosen if len(one) < 3000]
        + [sheet + one for one in chosen if len(one) < 900],
        "written_workbook": [b"=1+1|#N/A|_x0041_|plain\ntext|" + "Ж".encode()],
        "zip": [b"\2\3abc" + bytes(7) + piece(b"body") + b"\1x" + bytes(7) + piece(b"")],
        "sheet_index": [b"\2" + struct.pack(">IHIH", 0, 36_000, 36, 0)],
        "signed_export": [
            piece(told) + b"x",
            piece(files.film_manifest()) + b"x",
            piece(told.replace(b"[", b"[{},")) + b"x",
        ],
        "export": [
            files.signed_archive(told, b"x"),
            _zip({"manifest.json": b"{}"}),
        ],
        "picture": [files.PNG, *files.pictures(), files.PNG[:16] + b"\0\0\x7f\xff\0\0\x7f\xff" + files.PNG[24:]],
        "file_type": [
            b"%PDF-1.7\n",
            b"PK\3\4word/document.xml",
            b"<!-- a --><svg>",
            "Ж".encode("cp1251") * 9,
            small[:999],
            b"\0\0\0\x18ftypqt  ",
        ],
    }


def _zip(parts: dict[str, bytes]) -> bytes:
    import io
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return target.getvalue()


def _small_workbook(parts: dict[str, bytes]) -> bytes:
    left_out = ("docProps/", "xl/theme/")
    return _zip({name: text for name, text in parts.items() if not name.startswith(left_out)})


@cache
def make() -> dict[str, list[bytes]]:
    """Return the seeds of each target."""
    return _of_films() | _of_wire() | _of_words() | _of_files()
