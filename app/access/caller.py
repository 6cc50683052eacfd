"""Who asks: an account by its cookie or token, a share link, a trusted network, the terminal, or anyone."""

from dataclasses import dataclass

ROLES = ("share", "analyser", "viewer", "operator", "admin")
LADDER = {"viewer": 1, "operator": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Caller:
    """What the rules know of who asks. It holds no secret.

    `name` is what is written down of an act; `key` tells callers apart: `account:ID`, `token:ID`, `share:ID`,
    `network:ADDRESS`, `terminal`, `anyone`. `how` is cookie, token, share, media, network, open or terminal.
    `sources` are the ids of the cameras that he may see, None for all. [`begin_us`, `end_us`) is the footage that he
    may see, None for no bound. `areas` are words of app/access/rules.py, None for all. `span` is what a
    signed address or a share link shows, [begin, end) without regard to what is at its edges (app/archive/limits.py).
    `session_id` is the session of a cookie, which opens nothing without its signature.
    """

    name: str
    role: str
    key: str
    how: str
    account_id: str | None = None
    sources: frozenset[int] | None = None
    begin_us: int | None = None
    end_us: int | None = None
    areas: frozenset[str] | None = None
    span: tuple[int, int | None] | None = None
    session_id: str | None = None

    @property
    def has_window(self) -> bool:
        """Tell whether he may see a span of time only."""
        return self.begin_us is not None or self.end_us is not None or self.span is not None

    @property
    def token_id(self) -> str | None:
        """Return the id of the token that he is; None for who is none."""
        kind, _, row_id = self.key.partition(":")
        return row_id if kind == "token" else None

    def may_see(self, source_id: int) -> bool:
        """Tell whether a camera is there for him."""
        return self.sources is None or source_id in self.sources

    @property
    def is_admin_of_all(self) -> bool:
        """Tell whether he is an admin who sees all cameras."""
        return self.has_role("admin") and self.sources is None

    def has_role(self, role: str) -> bool:
        """Tell whether he has at least the role viewer, operator or admin."""
        return LADDER.get(self.role, 0) >= LADDER[role]


TERMINAL = Caller("terminal", "admin", "terminal", "terminal")
