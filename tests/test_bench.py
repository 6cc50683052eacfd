"""The arithmetic of the benchmark: a fault in what it compares must show."""

import os

from bench.figures import Figure, percentile, table
from bench.packets import compare
from bench.processes import cpu_s, pss_bytes

SENT = [f"{number:03d}" for number in range(100)]


def test_an_equal_recording_has_no_differences() -> None:
    found = compare(SENT, 90, SENT[:95])
    assert found == {"sent": 95, "recorded": 95, "lost": 0, "doubled": 0, "altered": 0, "is_equal": True}


def test_each_fault_is_counted_as_what_it_is() -> None:
    assert compare(SENT, 90, SENT[:50] + SENT[51:95])["lost"] == 1
    assert compare(SENT, 90, SENT[:50] + SENT[49:95])["doubled"] == 1
    assert compare(SENT, 90, [*SENT[:50], "x", *SENT[51:95]])["altered"] == 1
    assert compare(SENT, 90, SENT[3:95])["lost"] == 3
    assert compare(SENT, 90, SENT[:80])["lost"] == 10
    assert compare(SENT, 90, [])["lost"] == 90


def test_an_exchange_of_two_packets_is_no_equal_recording() -> None:
    assert not compare(SENT, 90, [*SENT[:50], SENT[51], SENT[50], *SENT[52:95]])["is_equal"]


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([5.0, 1.0, 4.0, 2.0, 3.0], 95) == 5.0
    assert percentile([5.0, 1.0, 4.0, 2.0, 3.0], 50) == 3.0


def test_a_missed_target_stands_out_in_the_table() -> None:
    assert table([Figure("time", "< 1 s", "2 s", False)]).endswith("| time | < 1 s | 2 s | **no** |")


def test_a_process_has_cost_cpu_and_memory() -> None:
    assert cpu_s([os.getpid()]) > 0
    assert pss_bytes(os.getpid()) > 1_000_000
