"""A port that a test gives out, or wants to be dead, is taken by nobody else until it is used."""

import socket
from itertools import combinations

import pytest

from tests.ports import FIRST, begin_of, free_port, outside, own_ports

GIVEN = 50
ALL = range(FIRST, 65_536)


def test_a_port_is_none_that_the_kernel_gives_by_itself() -> None:
    """Regression: another test's server or connection got the port before the one it was meant for bound it."""
    given = {free_port() for _ in range(GIVEN)}
    assert len(given) == GIVEN
    assert given <= {*own_ports()}
    is_apart = own_ports() != ALL  # else this machine leaves too few
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not (is_apart and server.getsockname()[1] in own_ports())
        with socket.create_connection(server.getsockname()) as client:
            assert not (is_apart and client.getsockname()[1] in own_ports())


@pytest.mark.parametrize(
    ("low", "high", "given"),
    [
        (32_768, 60_999, range(FIRST, 32_768)),
        (11_000, 32_000, range(32_001, 65_536)),
        (1024, 65_535, ALL),
        (11_000, 65_000, ALL),
    ],
)
def test_where_a_machine_leaves_too_few_ports_all_are_given(low: int, high: int, given: range) -> None:
    assert outside(low, high) == given


def test_processes_that_are_started_together_begin_far_apart() -> None:
    begins = [begin_of(pid) for pid in range(4_000, 4_016)]
    assert min(abs(one - other) for one, other in combinations(begins, 2)) > 100


def test_a_port_that_something_holds_is_passed_over() -> None:
    with socket.socket() as held:
        ports, port = own_ports(), free_port()
        held.bind(("127.0.0.1", ports[(ports.index(port) + 1) % len(ports)]))
        assert free_port() != held.getsockname()[1]
