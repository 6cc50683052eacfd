"""Whether the metrics tell of the same losses as the ledger: an operator's alerts are made of them."""

import time
from collections import defaultdict
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from torture.judge import SourceVerdict
from torture.rig import Rig

SETTLED, LOST_S = "playback_source_settled_timestamp_seconds", "playback_source_lost_seconds"
WAIT_S = 150.0  # the ledger of the last minute is settled later
UNSETTLED_S = 6.0  # less than this is left for the next turn
FIT_S, FIT_SHARE = 3.0, 0.05
NO_LOSS = frozenset({"not_recording", "deleted"})


def judge_metrics(rig: Rig, source_ids: dict[str, int], sources: Sequence[SourceVerdict]) -> list[str]:
    """Return where the lost seconds of /metrics are not those of the ledger, once that is settled."""
    until_s, end_s = time.monotonic() + WAIT_S, rig.clock.at(rig.end_s) - UNSETTLED_S
    while min(_read(rig, SETTLED).get((str(number), ""), 0.0) for number in source_ids.values()) < end_s:
        if time.monotonic() > until_s:
            return [f"/metrics: the ledger is not settled {WAIT_S:.0f} s after the end"]
        time.sleep(1)
    told: dict[str, float] = defaultdict(float)
    for (number, cause), value in _read(rig, LOST_S).items():
        told[number] += value if cause not in NO_LOSS else 0.0
    wrong = []
    for source in sources:
        gaps_s = sum(gap.end_s - gap.begin_s for gap in source.gaps if gap.cause not in NO_LOSS)
        metric_s = told[str(source_ids[source.name])]
        if abs(metric_s - gaps_s) > FIT_S + FIT_SHARE * gaps_s:
            wrong.append(f"/metrics: {source.name} lost {metric_s:.1f} s, by the ledger {gaps_s:.1f} s")
    return wrong


def _read(rig: Rig, name: str) -> dict[tuple[str, str], float]:
    """Return a metric by source and cause ("" where it has none)."""
    text = rig.service.session.get(f"{rig.service.base}/metrics", timeout=60).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(one.labels["source"], one.labels.get("cause", "")): one.value for one in samples if one.name == name}
