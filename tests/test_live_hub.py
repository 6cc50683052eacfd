"""Watching through the hub: who grabs, who follows, who takes over. Two hubs on one folder are two processes."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.capture.watching import Hub, Shot, Viewer, Watch
from app.errors import Busy, CameraSilent, PlaybackError
from tests.service import wait_for


class Camera:
    """Gives numbered pictures as fast as wanted, at most 50 a second, and counts who grabs."""

    def __init__(self) -> None:
        self.grabbed = self.grabbing = 0
        self.number = 0
        self.failure: PlaybackError | None = None
        self.is_still = threading.Event()
        self.delays_s: list[float] = []

    def shots(self, watch: Watch) -> Iterator[Shot | None]:
        """Grab until nobody watches."""
        self.grabbed += 1
        self.grabbing += 1
        try:
            while not watch.is_over:
                if self.failure is not None:
                    raise self.failure
                self.delays_s.append(watch.delay_s)
                if self.is_still.is_set() and self.number:
                    yield None
                else:
                    self.number += 1
                    yield str(self.number).encode(), self.number
                watch.wait(max(min(watch.delay_s, 1.0), 0.02))
        finally:
            self.grabbing -= 1


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def ending() -> threading.Event:
    return threading.Event()


@pytest.fixture
def hubs(tmp_path: Path, ending: threading.Event) -> Iterator[tuple[Hub, Hub]]:
    """Yield two hubs as of two processes; the path is longer than a socket's address may be."""
    folder = tmp_path / ("long" * 25) / "live"
    over = threading.Event()
    yield Hub(folder, lambda: over.is_set() or ending.is_set()), Hub(folder, over.is_set)
    over.set()


def join(hub: Hub, camera: Camera, delay_s: float = 0.02, key: object = "same") -> Viewer:
    return hub.join(7, key, camera.shots, delay_s)


def numbers(viewer: Viewer, count: int) -> list[int]:
    """Return the numbers of the next pictures."""
    found = []
    while len(found) < count:
        shot = viewer.next(5.0)
        assert shot is not None
        assert shot[0] == str(shot[1]).encode()
        found.append(shot[1])
    return found


def test_one_grabber_serves_the_viewers_of_both_processes(hubs: tuple[Hub, Hub], camera: Camera) -> None:
    viewers = [join(hub, camera) for hub in hubs for _ in range(5)]
    for viewer in viewers:
        seen = numbers(viewer, 5)
        assert seen == sorted(set(seen))
    assert (camera.grabbed, camera.grabbing) == (1, 1)
    for viewer in viewers:
        viewer.leave()
    wait_for(lambda: camera.grabbing == 0, "the end of grabbing")
    assert not list(hubs[0].folder.glob("*.sock"))


def test_the_grabber_goes_on_while_only_another_process_watches(hubs: tuple[Hub, Hub], camera: Camera) -> None:
    first = join(hubs[0], camera)
    numbers(first, 1)
    second = join(hubs[1], camera)
    numbers(second, 1)
    first.leave()
    seen = numbers(second, 150)  # 3 s, longer than anybody lingers
    assert seen == sorted(set(seen))
    assert camera.grabbed == 1
    second.leave()


def test_a_process_that_followed_takes_over_when_the_other_ends(
    hubs: tuple[Hub, Hub], camera: Camera, ending: threading.Event
) -> None:
    numbers(join(hubs[0], camera), 1)
    viewer = join(hubs[1], camera)
    numbers(viewer, 3)
    ending.set()
    wait_for(lambda: camera.grabbed == 2, "the other's grabbing")
    before = camera.number
    wait_for(lambda: numbers(viewer, 1)[0] > before, "pictures of the other")
    assert camera.grabbing == 1
    viewer.leave()


@pytest.mark.parametrize("failure", [CameraSilent("no power", loc=("a", 1)), Busy("too much")], ids=["silent", "busy"])
def test_a_failure_is_told_to_all_viewers_and_the_camera_not_asked_again_at_once(
    hubs: tuple[Hub, Hub], camera: Camera, failure: PlaybackError
) -> None:
    viewers = [join(hub, camera) for hub in hubs]
    for viewer in viewers:
        numbers(viewer, 1)
    camera.failure = failure
    for viewer in viewers:
        with pytest.raises(type(failure), match=failure.message) as told:
            until_raised(lambda viewer=viewer: viewer.next(0.1))
        assert told.value.loc == failure.loc
        viewer.leave()
    wait_for(lambda: camera.grabbing == 0, "the end of grabbing")
    asked = camera.grabbed
    with pytest.raises(type(failure)):
        until_raised(lambda: join(hubs[0], camera).next(5.0))
    assert camera.grabbed == asked
    camera.failure = None
    viewer = join(hubs[0], camera, key="with other settings")
    numbers(viewer, 1)
    viewer.leave()


def until_raised(call: Callable[[], object]) -> None:
    for _ in range(100):
        call()


def test_each_viewer_has_its_own_pace(hubs: tuple[Hub, Hub], camera: Camera) -> None:
    begun_s = time.monotonic()
    fast, slow, other = join(hubs[0], camera), join(hubs[0], camera, 0.4), join(hubs[1], camera, 0.4)
    counts = dict.fromkeys((fast, slow, other), 0)

    def look() -> bool:
        for viewer in counts:
            counts[viewer] += viewer.next(0.0) is not None
        return counts[slow] >= 5

    wait_for(look, "five pictures of the slow one", pause_s=0.002)
    assert counts[fast] > 4 * counts[slow]
    assert time.monotonic() - begun_s >= 5 * 2.0 / 7, "at most 7 in 2 s, on however busy a machine"
    assert camera.number <= 5 * 100 / 3, "at least 3 while the camera gives what it has in 2 s at most"
    assert 3 <= counts[other] <= 7
    for viewer in counts:
        viewer.leave()


def test_the_camera_is_asked_as_often_as_the_most_eager_wants(hubs: tuple[Hub, Hub], camera: Camera) -> None:
    slow = join(hubs[0], camera, 60.0)
    numbers(slow, 1)
    fast = join(hubs[1], camera, 0.5)
    numbers(fast, 2)
    assert camera.delays_s[0] == 60.0
    assert camera.delays_s[-1] == 0.5
    fast.leave()
    wait_for(lambda: camera.delays_s[-1] == 60.0, "the slow pace")
    slow.leave()


def test_an_unchanged_picture_is_sent_once_and_is_the_first_of_who_comes_later(
    hubs: tuple[Hub, Hub], camera: Camera
) -> None:
    camera.is_still.set()
    viewers = [join(hub, camera) for hub in hubs]
    assert [numbers(viewer, 1) for viewer in viewers] == [[1], [1]]
    assert [viewer.next(0.3) for viewer in viewers] == [None, None]
    viewers += [join(hub, camera, 1.0) for hub in hubs]
    assert [numbers(viewer, 1) for viewer in viewers[2:]] == [[1], [1]]
    for viewer in viewers:
        viewer.leave()
