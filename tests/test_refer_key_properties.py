"""Which key opens, after any sequence of turns, downloads, revocations, restarts and pauses: against a plain model."""

from dataclasses import dataclass, field

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.errors import Gone, NotFound
from app.extensions import db, writing
from app.models import File, Rotation
from app.transfer import leasing, rotating
from app.transfer.leasing import Asker, begin_download, look_up
from app.transfer.referkeys import current_key, key_of
from tests.handed import T0_US, store_file

S = 1_000_000
WHOLE = Asker(None, False)


@dataclass
class Key:
    """A key of the model; times in microseconds."""

    issued: int
    dies: int
    is_used: bool = False
    is_revoked: bool = False

    def opens(self, now: int) -> bool:
        """Tell whether a download may begin."""
        lives_until = self.dies if self.is_used else min(self.issued + 105 * S, self.dies)
        return not self.is_revoked and now < lives_until

    def is_told(self, now: int) -> bool:
        """Tell whether it is given out."""
        lives_until = self.dies if self.is_used else min(self.issued + 90 * S, self.dies)
        return not self.is_revoked and now < lives_until


@dataclass
class Model:
    """What the contract says of one file: its keys by generation, and when the open rotation began."""

    keys: dict[int, Key] = field(default_factory=dict)
    begun: int | None = None
    first: int = 0

    def restart(self, now: int) -> None:
        """Begin a rotation, or give out the key that is due."""
        if self.begun is not None and now >= self.begun + 600 * S:
            self.begun = None
        if self.begun is None:
            self.begun, self.first = now, max(self.keys, default=-1) + 1
            self.keys[self.first] = Key(now, now + 600 * S)
        else:
            self.turn(now)

    def turn(self, now: int) -> None:
        """Give out the key that is due, or end the rotation."""
        if self.begun is None:
            return
        if now >= self.begun + 600 * S:
            self.begun = None
            return
        number = (now - self.begun) // (90 * S)
        self.keys.setdefault(self.first + number, Key(self.begun + number * 90 * S, self.begun + 600 * S))

    def download(self, generation: int, now: int) -> bool:
        """Begin a download; tell whether that was possible."""
        key = self.keys.get(generation)
        if key is None or not key.opens(now):
            return False
        key.is_used = True
        if self.begun is not None and generation >= self.first:
            self.begun = None
        return True

    def revoke(self) -> None:
        """End every key."""
        self.begun = None
        for key in self.keys.values():
            key.is_revoked = True

    def told(self, now: int) -> int | None:
        """Return the newest key that is given out."""
        return max((number for number, key in self.keys.items() if key.is_told(now)), default=None)


ACTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 14, 15, 16, 74, 75, 89, 90, 91, 105, 180, 450, 600, 700])),
    st.tuples(st.just("wait"), st.integers(1, 100)),
    st.tuples(st.just("turn"), st.just(0)),
    st.tuples(st.just("download"), st.integers(0, 2)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("revoke"), st.just(0)),
)


class System:
    """The same of the database, each act in a transaction of its own."""

    def __init__(self, file_id: int) -> None:
        self.file_id = file_id

    def do(self, act: str, argument: int, now_us: int) -> bool:
        """Do one act; tell whether it was possible."""
        with writing() as session:
            row = session.get_one(File, self.file_id)
            if act == "turn":
                rotating.turn(session, self.file_id, now_us)
            elif act == "restart":
                rotating.restart(session, row, "anna", now_us)
            elif act == "revoke":
                rotating.revoke(session, row, "anna", now_us)
            elif act == "download":
                try:
                    lease = begin_download(session, key_of(row, argument), WHOLE, now_us)
                except (Gone, NotFound):
                    return False
                leasing.end_lease(session, lease.id, 1, now_us, now_us)
        return True

    def opens(self, generation: int, now_us: int) -> bool:
        """Tell whether a download may begin."""
        key = key_of(db.session.get_one(File, self.file_id), generation)
        try:
            look_up(db.session, key, WHOLE, now_us)
        except (Gone, NotFound):
            return False
        return True

    def told(self, now_us: int) -> int | None:
        """Return the newest key that is given out."""
        key = current_key(self.file_id, now_us)
        return None if key is None else key.generation


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=3, max_size=10))
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_a_key_opens_when_the_model_says_so(app: Flask, acts: list[tuple[str, int]]) -> None:
    file_id = store_file(app, b"film")
    model, now = Model(), T0_US
    with app.app_context():
        system = System(file_id)
        for act, argument in [("restart", 0), *acts]:
            if act == "wait":
                now += argument * S
            elif act == "download":
                generation = max(max(model.keys) - argument, 0)
                assert system.do(act, generation, now) == model.download(generation, now)
            else:
                system.do(act, argument, now)
                model.revoke() if act == "revoke" else getattr(model, act)(now)
            assert system.told(now) == model.told(now)
            running = select(func.count()).where(Rotation.file_id == file_id, Rotation.ended_us.is_(None))
            assert db.session.scalar(running) == (model.begun is not None)
            db.session.rollback()
        assert not system.opens(max(model.keys) + 1, now)
        for generation, key in model.keys.items():
            turning = (now, key.issued + 90 * S, key.issued + 105 * S, key.dies)
            for at_us in (instant - early for instant in turning for early in (0, 1) if instant - early >= now):
                assert system.opens(generation, at_us) == key.opens(at_us)
                assert system.told(at_us) == model.told(at_us)
        db.session.rollback()
