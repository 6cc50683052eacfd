"""The names of the recorder's metrics, and what of its figures each shows (docs/operations.md lists them)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.archive.activitysettings import Behind
from app.archive.figures import Figures
from app.archive.sourcefigures import SourceFigures
from app.archive.storagefigures import StorageFigures
from app.models.storage import STORAGE_STATES
from instance.config import WebhookSettings

# Name, meaning, what of the figures.
WHOLE = (
    ("playback_sources_wanted", "Sources that are to be recorded now", "wanted_sources"),
    ("playback_sources_recording", "Sources that a recorder holds", "leased_sources"),
    ("playback_records_open", "Recordings begun and not ended", "open_records"),
    ("playback_attempts_living", "Attempts to record that go on now", "living_attempts"),
    ("playback_segments", "Closed segments kept", "segments"),
    ("playback_segments_missing", "Segments known to be lost from the disk", "missing_segments"),
    ("playback_segment_bytes", "Bytes of the closed segments", "segment_bytes"),
    ("playback_recorded_seconds", "Seconds of footage in the closed segments", "recorded_s"),
    ("playback_records_unhashed", "Ended recordings whose MD5 is yet to be computed", "unhashed_records"),
    ("playback_files_doomed", "Files of deleted footage that are yet to be removed", "doomed_files"),
    ("playback_recorders", "Recorders that gave a sign of life in the last 15 seconds", "recorders"),
    ("playback_audit_unsealed", "Rows of the audit log without a seal, of the newest 1000", "unsealed_rows"),
    ("playback_scrub_oldest_age_seconds", "Time since the file read longest ago was verified", "verified_age_s"),
)
BY_WORD = (
    ("playback_sources", "Sources by measured status", "status", "sources"),
    ("playback_segments_faulty", "Segments whose file was found wrong, by what was found", "fault", "faults"),
    ("playback_sync_items", "Recordings that are to be copied, by state", "state", "sync_items"),
)
OF_SOURCE = (
    ("playback_source_wanted", "Whether the source is to be recorded now", "is_wanted"),
    ("playback_source_kept_bytes", "Bytes of the source's closed segments", "size_bytes"),
    ("playback_source_kept_seconds", "Seconds of footage in the source's closed segments", "kept_s"),
    ("playback_source_newest_footage_age_seconds", "Age of the newest footage of a wanted source", "newest_age_s"),
    ("playback_source_bytes_per_second", "Bytes a second of the newest segment of a wanted source", "bytes_s"),
    ("playback_source_clock_offset_seconds", "The camera's clock minus ours, as its run told", "clock_offset_s"),
)
OF_STORAGE = (
    ("playback_storage_total_bytes", "Size of the storage's file system", "total_bytes"),
    ("playback_storage_free_bytes", "Free bytes of the storage's file system", "free_bytes"),
    ("playback_storage_budget_bytes", "Most that footage may take in the storage", "budget_bytes"),
    ("playback_storage_reserve_bytes", "What is left free on the storage's disk", "reserve_bytes"),
    ("playback_storage_used_bytes", "Bytes of the closed segments in the storage", "used_bytes"),
    ("playback_storage_hours_until_full", "Hours until reserve or budget is reached at the rate of now, as if nothing "
     "were deleted", "hours_until_full"),
    ("playback_storage_write_seconds", "How long the last write to the disk took", "write_s"),
    ("playback_storage_write_worst_seconds", "The longest write to the disk of the last minutes", "write_worst_s"),
)  # fmt: skip


def families(figures: Figures, hooks: Sequence[WebhookSettings]) -> Iterator[Metric]:
    """Yield the metrics of some figures."""
    for name, text, what in WHOLE:
        if (value := getattr(figures, what)) is not None:
            yield GaugeMetricFamily(name, text, value=value)
    for name, text, label, what in BY_WORD:
        yield _gauges(name, text, [label], [((word,), value) for word, value in getattr(figures, what).items()])
    ended = [((reason,), value) for reason, value in figures.ended_attempts.items()]
    yield _counters("playback_attempts", "Ended attempts to record, by reason", ["reason"], ended)
    yield CounterMetricFamily("playback_clock_steps", "Times that a machine's clock was set", value=figures.clock_steps)
    untold = [((hook.host,), figures.untold.get(hook.target, 0)) for hook in hooks]
    yield _gauges("playback_notices_untold", "Notices that a webhook has not taken yet", ["webhook"], untold)
    yield from _of_sources(figures.by_source)
    yield from _of_storages(figures.storages)
    yield from _of_activity(figures.activity)


def _of_sources(sources: Sequence[SourceFigures]) -> Iterator[Metric]:
    label = ["source"]
    for name, text, what in OF_SOURCE:
        yield _gauges(name, text, label, [((str(one.id),), getattr(one, what)) for one in sources])
    expected = [((str(one.id),), one.expected_s) for one in sources]
    yield _counters("playback_source_expected_seconds", "Settled time in which the source was wanted", label, expected)
    recorded = [((str(one.id),), one.recorded_s) for one in sources]
    yield _counters("playback_source_recorded_seconds", "What of it was recorded, also if deleted", label, recorded)
    lost = [((str(one.id), cause), value) for one in sources for cause, value in one.lost_s.items()]
    yield _gauges("playback_source_lost_seconds", "What of it is missing, by cause", [*label, "cause"], lost)
    settled = [((str(one.id),), one.settled_us / 1e6) for one in sources if one.settled_us is not None]
    text = "Until when the ledger of the source is settled"
    yield _gauges("playback_source_settled_timestamp_seconds", text, label, settled)
    ended = [((str(one.id), reason), value) for one in sources for reason, value in one.attempts.items()]
    text = "Ended attempts to record the source: how often ffmpeg was started anew, and why"
    yield _counters("playback_source_attempts", text, [*label, "reason"], ended)


def _of_activity(cameras: Sequence[Behind]) -> Iterator[Metric]:
    label = ["source"]
    behind = [((str(one.source_id),), one.behind_us / 1e6) for one in cameras]
    text = "Footage of the source that is yet to be looked at for activity"
    yield _gauges("playback_source_activity_behind_seconds", text, label, behind)
    decoded = [((str(one.source_id),), one.decoded) for one in cameras]
    yield _counters("playback_source_activity_decoded", "Key frames looked at for activity", label, decoded)
    spent = [((str(one.source_id),), one.decoding_us / 1e6) for one in cameras]
    yield _counters("playback_source_activity_cpu_seconds", "CPU time that they took", label, spent)


def _of_storages(storages: Sequence[StorageFigures]) -> Iterator[Metric]:
    labels = ["storage", "path"]
    for name, text, what in OF_STORAGE:
        yield _gauges(name, text, labels, [((one.id, one.path), getattr(one, what)) for one in storages])
    states = [((one.id, one.path, word), word == one.state) for one in storages for word in STORAGE_STATES]
    yield _gauges("playback_storage_state", "1 for the state that the storage is in", [*labels, "state"], states)
    looked = [((one.id, one.path), one.looked_us / 1e6) for one in storages if one.looked_us is not None]
    yield _gauges("playback_storage_looked_timestamp_seconds", "When the storage was measured", labels, looked)


def _gauges(name: str, text: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], Any]]) -> Metric:
    return _family(GaugeMetricFamily(name, text, labels=labels), values)


def _counters(name: str, text: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], Any]]) -> Metric:
    return _family(CounterMetricFamily(name, text, labels=labels), values)


def _family(family: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[tuple[str, ...], Any]]) -> Metric:
    for words, value in values:
        if value is not None:
            family.add_metric(words, float(value))
    return family
