"""The overall severity of many judgements: the one with most votes; a tie goes to the graver."""

from collections import Counter
from collections.abc import Iterable

from app.models.result import SEVERITIES

NO_VOTE, *GRAVITY = SEVERITIES  # from the least to the gravest


def overall(votes: Iterable[str]) -> str:
    """Return the severity with most votes; `----` does not vote, and is the answer where nobody else did."""
    counts = Counter(vote for vote in votes if vote != NO_VOTE)
    return max(counts, key=lambda vote: (counts[vote], GRAVITY.index(vote)), default=NO_VOTE)
