"""How often a secret may be tried: a few times at once, then after waits that grow (docs/design/access.md).

An attempt is counted before the secret is looked at, and taken back when it was right: a hundred at the same instant
are a hundred attempts. While a wait goes on an attempt is refused and not counted, so that nobody makes it longer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, or_, select

from app.errors import TooMany
from app.extensions import AnySession, insert_missing
from app.models import SignInFailure

FORGET_S = 86_400
AHEAD_S = 900  # what is later than now by more was counted before the clock was set back
_LAST_DOUBLING = 20


@dataclass(frozen=True, slots=True)
class Budget:
    """What is counted together: `key` (a hash), how many failures are free, and the longest wait after more."""

    key: str
    free: int
    most_s: int

    def wait_s(self, failures: int) -> int:
        """Return how long after the last failure the next attempt is looked at: 2 s, 4 s, 8 s and so on."""
        over = min(failures - self.free + 1, _LAST_DOUBLING)
        return 0 if over <= 0 else min(int(2**over), self.most_s)


def count_attempt(session: AnySession, budgets: Sequence[Budget], at_us: int) -> None:
    """Count an attempt with each budget, as failed until `forgive`. Raises TooMany while one of them waits.

    Runs within a write transaction, which must end before the secret is looked at.
    """
    is_old = SignInFailure.last_us < at_us - FORGET_S * 1_000_000
    session.execute(delete(SignInFailure).where(or_(is_old, SignInFailure.last_us > at_us + AHEAD_S * 1_000_000)))
    for budget in sorted(budgets, key=lambda one: one.key):
        insert_missing(session, SignInFailure, {"key": budget.key, "failures": 1, "last_us": 0})
        row = session.scalars(select(SignInFailure).where(SignInFailure.key == budget.key).with_for_update()).one()
        if row.last_us:
            _check_wait(budget, row, at_us)
            row.failures += 1
        row.last_us = at_us
        session.flush()


def forgive(session: AnySession, budgets: Sequence[Budget], *, is_all: bool = False) -> None:
    """Take back the attempt that was right; with `is_all` also those before it. Runs within a write transaction."""
    for budget in sorted(budgets, key=lambda one: one.key):
        row = session.scalar(select(SignInFailure).where(SignInFailure.key == budget.key).with_for_update())
        if row is None:
            continue
        if is_all or row.failures == 1:
            session.delete(row)
        else:
            row.failures -= 1


def _check_wait(budget: Budget, row: SignInFailure, at_us: int) -> None:
    whole_s = budget.wait_s(row.failures)
    left_s = min(whole_s, math.ceil(whole_s - (at_us - row.last_us) / 1_000_000))  # the clock may have been set back
    if left_s > 0:
        error = TooMany(f"too many attempts failed: try again in {left_s} s", loc=("body",), kind="too_many_attempts")
        error.retry_after_s = left_s
        raise error
