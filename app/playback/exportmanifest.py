"""The texts of an export: manifest, playlist, how to check it (format: app/formats/exports.py).

The manifest is sent last, since the hashes in it are of the very bytes that were sent; but its size is known before: it
is filled up with spaces.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app.archive.segments import Found
from app.archive.signing import Signer
from app.formats import exports, playlists
from app.instants import utc_text
from app.logs import without_addresses
from app.models import Deletion, Run
from app.playback.exportplan import Plan

WRONG_HASH = "wrong_hash"
NO_HASH = "0" * 64


class Read(NamedTuple):
    """What reading a segment has told: SHA-256 of all of it, the chain that it says to follow, a fault."""

    sha256: str
    previous: str | None
    fault: str | None


# How a stranger checks an export of either kind.
CHECKING = """Is it whole and unchanged? Any one of these tells, without a network and without the recorder:

  flask verify-export EXPORT.zip --key KEY
  python verify_export.py EXPORT.zip     40 lines that anybody can read: docs/verify_export.py of flask-playback
  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json -sigfile manifest.sig
                                         the signature alone; then compare `sha256sum` of each file with manifest.json

Anybody can make a key. That it is the recorder's is told by its fingerprint, which the operator of the recorder gives
on another way (`flask export-key`, or GET /api/v1/export/key):

  {fingerprint}
"""
README = f"""Footage of one camera, exactly as it was recorded, with a signed list of what it is.

  media/         the recorded files, named by when each begins (UTC)
  play.m3u8      plays them all in a player that opens playlists, as VLC does
  manifest.json  what is in here, and what is missing and why
  manifest.sig   the signature of manifest.json (Ed25519)
  public_key.pem the key that it was signed with

{CHECKING}
Only closed files are exported: footage is complete until complete_until_utc of manifest.json. Files are whole, so the
first begins before the asked range, and the last ends after it. A file with a `fault` is not what was recorded.
"""


def media_name(start_us: int) -> str:
    """Return the name of a segment in an export: no two of a camera begin at the same instant."""
    moment = datetime.fromtimestamp(start_us // 1_000_000, UTC)
    return f"{exports.MEDIA}/{moment:%Y%m%dT%H%M%S}.{start_us % 1_000_000:06d}Z.mp4"


def readme(signer: Signer) -> bytes:
    """Return the text that says how to check."""
    return README.format(fingerprint=signer.fingerprint).encode("ascii")


def playlist(plan: Plan) -> bytes:
    """Return what plays the files (RFC 8216), each whole."""
    segments = plan.segments
    edges_ms = [segments.column(name) // 1000 for name in ("start_us", "end_us")]
    durations_ms = (edges_ms[1] - edges_ms[0]).tolist()
    bodies = zip(segments.column("body_begin_bytes").tolist(), segments.column("body_end_bytes").tolist(), strict=True)
    starts = segments.column("start_us").tolist()
    is_next = (segments.follows & ~segments.changes_entries).tolist()
    lines = [playlists.playlist_head(kind="VOD", target_duration_s=-(-max(durations_ms) // 1000))]
    for number, (start_us, (begin, end)) in enumerate(zip(starts, bodies, strict=True)):
        uri = media_name(start_us)
        if not is_next[number]:
            lines.append(playlists.DISCONTINUITY if number else "")
            lines.append(playlists.init_map(uri, begin))
            lines.append(playlists.program_date_time(start_us))
        lines.append(playlists.part_entry(uri, durations_ms[number], begin, end))
    return "".join((*lines, playlists.END)).encode("ascii")


class Manifest:
    """The manifest of a plan; the hashes of the media are filled in while they are sent."""

    def __init__(self, plan: Plan, files: Mapping[str, bytes], signer: Signer) -> None:
        """Take over the plan and the small files that are listed beside the media."""
        self._plan, self._signer = plan, signer
        self._about = _about(plan, files, signer)
        self._lines = [self._line(number, None) for number in range(len(plan.segments))]
        self.size_bytes = len(self._text().encode())

    def _line(self, number: int, read: Read | None) -> str:
        """Return what is said of a segment; before it was read as long as that may become."""
        segment, known = self._plan.segments[number], self._plan.known[number]
        read = read or Read(NO_HASH, NO_HASH, WRONG_HASH)
        said = {
            **self._place(segment),
            "segment_id": segment.id,
            "run_id": segment.run_id,
            "sequence": segment.sequence,
            "start_utc": utc_text(segment.start_us),
            "end_utc": utc_text(segment.end_us),
            "slew_ppm": segment.slew_ppm,
            "size_bytes": int(self._plan.segments.column("size_bytes")[number]),
            "sha256": read.sha256,
            "media_sha256": known.sha256,
            "chain": known.chain,
            "previous": read.previous,
            "fault": known.fault or read.fault,
        }
        return json.dumps(said, separators=(",", ":"))

    def _place(self, segment: Found) -> dict[str, Any]:
        """Return where in the export a segment is."""
        return {"file": media_name(segment.start_us)}

    def _head(self) -> Mapping[str, Any]:
        """Return all but the segments; no longer once all is known than before."""
        return self._about

    def note(self, number: int, read: Read) -> None:
        """Write down what a segment was when it was sent."""
        self._lines[number] = self._line(number, read)

    def _text(self) -> str:
        head = json.dumps(self._head(), ensure_ascii=True, indent=1).removesuffix("\n}")
        return head + ',\n "segments": [\n' + ",\n".join(self._lines) + "\n]}"

    def encode(self) -> bytes:
        """Return the bytes of the manifest, size_bytes long, once all segments are noted."""
        data = self._text().encode()
        return data + b" " * (self.size_bytes - len(data) - 1) + b"\n"

    def sign(self, data: bytes) -> bytes:
        """Return the signature of the manifest's bytes."""
        return self._signer.sign(data)


def _about(plan: Plan, files: Mapping[str, bytes], signer: Signer) -> dict[str, Any]:
    """Return what is said of any export."""
    return {
        "kind": exports.KIND,
        "version": exports.VERSION,
        "software": plan.software,
        "exported_utc": utc_text(plan.exported_us),
        "exported_by": plan.exported_by,
        "key_fingerprint": signer.fingerprint,
        "source": {"id": plan.source_id, "model": plan.model, "description": plan.description},
        "start_utc": utc_text(plan.begin_us),
        "end_utc": utc_text(plan.end_us),
        "complete_until_utc": utc_text(plan.complete_until_us),
        "spans": [{"start_utc": utc_text(span.begin_us), "end_utc": utc_text(span.end_us)} for span in plan.spans],
        "gaps": [
            {
                "start_utc": utc_text(gap.begin_us),
                "end_utc": utc_text(gap.end_us),
                "cause": gap.cause,
                "detail": without_addresses(gap.detail) if gap.detail else None,
            }
            for gap in plan.gaps
        ],
        "audit_head": None if plan.audit_head is None else plan.audit_head._asdict(),
        "runs": [_run(run) for run in plan.runs],
        "deletions": [_deletion(row) for row in plan.deletions],
        "files": [
            {"file": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
        ],
    }


def _run(run: Run) -> dict[str, Any]:
    """Return what is said of a run: its clock is that of the machine, and the camera's differs by the offset."""
    return {
        "run_id": run.id,
        "begin_utc": utc_text(run.begin_us),
        "end_utc": utc_text(run.end_us),
        "clock": run.clock,
        "clock_offset_s": None if run.clock_offset_us is None else run.clock_offset_us / 1_000_000,
        "is_picture": run.is_picture,
    }


def _deletion(row: Deletion) -> dict[str, Any]:
    spans: Sequence[Sequence[int]] = json.loads(row.spans)
    return {
        "at_utc": utc_text(row.at_us),
        "actor": row.actor,
        "rule": row.rule,
        "reason": row.reason,
        "spans": [{"start_utc": utc_text(begin), "end_utc": utc_text(end)} for begin, end in spans],
    }
