"""The leak walk: who may see one camera asks every address of the app, and learns nothing of another's world."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.archive.accounts import token_hash
from app.extensions import db, writing
from app.models import Account, AccountRight, ApiToken, ReferKey
from app.models.types import now_us
from instance.config import TestingConfig
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.conftest import open_app
from tests.leakasks import ASKS, NOT_ASKED
from tests.leaking import ABSENT, OTHER, OWN, Ask, Side, build, dump, marks, rows_of_other

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NAME, TOKEN = "bounded", "fpt_bounded"
HOUR_US = 3_600_000_000
CALLERS = ("viewer", "operator", "admin", "analyser", "token of an admin who sees all")
MOVING = {  # they tell the time, or are of a file of this very second
    "health.readyz",
    "systemhealth.health_health",
    "exports.export_source_export",
    "filecontent.file content_file_content",
    "filereport.report_file_report",
    "results.result_file_result_file",
}
LAST = ("files.file_one_file", "DELETE")  # what is said of the file is asked for before


CSRF_VALUE = re.compile(rb'(?<=name="csrf_token" value=")[^"]+')


def add_caller(app: Flask, kind: str) -> None:
    """Let the caller be of a kind: each may see the first camera alone."""
    role = kind if kind in CALLERS[:3] else "admin"
    with app.app_context(), writing() as session:
        known = session.query(Account.id).filter_by(name=NAME)
        for table in (ApiToken, AccountRight):
            session.execute(db.delete(table).where(table.account_id.in_(known)))
        session.execute(db.delete(Account).where(Account.name == NAME))
        account = Account(name=NAME, role=role, sees_all=kind == CALLERS[4])
        session.add(account)
        session.flush()
        session.add(AccountRight(account_id=account.id, source_id=OWN.source_id))
        values: dict[str, str | int] = {
            "name": "test",
            "role": "analyser" if kind == "analyser" else role,
            "created_by": "test",
        }
        values["last_used_us"] = now_us() + HOUR_US  # no use of it is newer: two walks tell the same instant
        bound = f"[{OWN.source_id}]" if account.sees_all else None
        session.add(ApiToken(account_id=account.id, token_sha256=token_hash(TOKEN), source_ids=bound, **values))


class Walk:
    """One caller's questions."""

    def __init__(self, app: Flask, kind: str) -> None:
        self.app, self.client = app, app.test_client(use_cookies=False)
        self._headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, */*"}
        add_caller(app, kind)

    def asks(self, methods: tuple[str, ...] = METHODS) -> Iterator[tuple[Rule, str, Ask]]:
        """Yield each address with each of its methods and ways to ask, those that change nothing first."""
        rules = {rule.endpoint: rule for rule in self.app.url_map.iter_rules()}
        names = [(endpoint, method) for endpoint, method in ASKS if method in methods]
        for endpoint, method in sorted(names, key=lambda name: (name == LAST, METHODS.index(name[1]))):
            yield from ((rules[endpoint], method, how) for how in ASKS[(endpoint, method)])

    def ask(self, rule: Rule, method: str, how: Ask, side: Side) -> TestResponse:
        """Ask one address about a side."""
        values = {**side.path, **{name: getattr(side, str(value), value) for name, value in how.path.items()}}
        path = {name: values.get(name, "x") for name in rule.arguments}
        given = how.of(side)
        headers = {**self._headers, **given.pop("headers", {})}
        with self.app.test_request_context():
            address = self.app.url_map.bind("localhost").build(rule.endpoint, path, method)
        method = "HEAD" if how.is_endless else method
        return self.client.open(address, method=method, headers=headers, **given)

    def find_differences(self, known: set[str]) -> Iterator[str]:
        """Ask about the other's world and about one that is not there; yield what tells them apart, or tells more."""
        for rule, method, how in self.asks():
            if how.is_mixed or (not rule.arguments and not how.of(OTHER)):
                continue  # it would be the same question twice
            hidden, absent = (self.ask(rule, method, how, side) for side in (OTHER, ABSENT))
            texts = OTHER.plain(hidden.get_data()), ABSENT.plain(absent.get_data())
            if hidden.status_code != absent.status_code or texts[0] != texts[1]:
                statuses = f"{hidden.status_code} or {absent.status_code}"
                yield f"{method} {rule.rule} {how.of(OTHER)}: {statuses}, {texts[0][:300]} or {texts[1][:300]}"
            if leaked := [word for word in known - OTHER.names().keys() if word.encode() in told(hidden)]:
                yield f"{method} {rule.rule} {how.of(OTHER)}: tells {leaked}"

    def find_leaks(self, known: set[str], methods: tuple[str, ...], *, is_refused: bool) -> Iterator[str]:
        """Ask about the caller's own world; yield what tells of the other's, and what gives no answer."""
        for rule, method, how in self.asks(methods):
            if not how.is_own:
                continue
            answer = self.ask(rule, method, how, OWN)
            name, text = f"{method} {rule.rule} {how.of(OWN)}", told(answer)
            if leaked := [word for word in known if word.encode() in text]:
                yield f"{name}: tells {leaked} in {text[:2000]!r}"
            if answer.status_code not in how.own_statuses and not (is_refused and answer.status_code == 403):
                yield f"{name}: {answer.status_code} {text[:300]!r}"


def told(answer: TestResponse) -> bytes:
    """Return all that an answer says, its headers too; but for its date and the CSRF token, which is random."""
    headers = sorted(
        (name, value) for name, value in answer.headers if name != "Date" and not value.startswith("csrftoken=")
    )
    return repr(headers).encode() + CSRF_VALUE.sub(b"", answer.get_data())


def make_app(folder: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    config = TestingConfig(INSTANCE=str(folder / "instance"), RATE_LIMITS=False)
    config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    yield from open_app(config)


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    migrated_sqlite: Path,
    media: Callable[..., Path],
) -> Iterator[Flask]:
    """Yield an app with both worlds; the first camera's uploads are the caller's. What reads them may share it."""
    for app in make_app(tmp_path_factory.mktemp("leaks"), migrated_sqlite):
        build_both(app, media)
        yield app


def build_both(app: Flask, media: Callable[..., Path]) -> None:
    build(app, OWN, media("h264", seconds=4), NAME)
    build(app, OTHER, media("h264", seconds=4, width=256), "another")


def test_the_walk_knows_how_to_ask_each_address(app: Flask) -> None:
    addresses = {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & set(METHODS)
        if rule.endpoint not in NOT_ASKED
    }
    assert addresses == set(ASKS)


@pytest.mark.parametrize("kind", CALLERS)
def test_another_camera_is_as_if_it_were_not_there(world: Flask, kind: str) -> None:
    walk, known = Walk(world, kind), marks(world)
    before = rows_of_other(dump(world), known)
    found = [*walk.find_differences(known), *walk.find_leaks(known, ("GET",), is_refused=kind != "admin")]
    assert not found, "\n".join(found)
    assert rows_of_other(dump(world), known) == before


@pytest.mark.parametrize("kind", ["admin", "operator"])
def test_what_is_done_to_the_own_camera_tells_and_changes_nothing_of_another(
    app: Flask,
    media: Callable[..., Path],
    kind: str,
) -> None:
    build_both(app, media)
    walk, known = Walk(app, kind), marks(app)
    before = rows_of_other(dump(app), known)
    found = list(walk.find_leaks(known, METHODS[1:], is_refused=kind != "admin"))
    assert not found, "\n".join(found)
    assert rows_of_other(dump(app), known) == before


def test_no_answer_differs_by_what_another_camera_holds(
    database_app: Flask,
    media: Callable[..., Path],
) -> None:
    """The whole of each answer, lists with their tags and pages too, before the other camera comes and after."""
    build(database_app, OWN, media("h264", seconds=4), NAME)
    with database_app.app_context(), writing() as session:  # keys once used are told for ten minutes, others for 90 s
        session.execute(db.update(ReferKey).values(first_used_us=ReferKey.issued_us))
    walk = Walk(database_app, "admin")
    asks = [(rule, how) for rule, _, how in walk.asks(("GET",)) if how.is_own and rule.endpoint not in MOVING]
    before = [told(walk.ask(rule, "GET", how, OWN)) for rule, how in asks]
    build(database_app, OTHER, media("h264", seconds=4, width=256), "another")
    after = [told(walk.ask(rule, "GET", how, OWN)) for rule, how in asks]
    differing = [
        f"{rule.rule} {how.of(OWN)}" for (rule, how), was, now in zip(asks, before, after, strict=True) if was != now
    ]
    assert len(asks) > 50
    assert not differing
