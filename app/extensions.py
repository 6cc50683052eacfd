"""The Flask extensions, made once and bound to an app by `create_app`; and how transactions begin.

Writers ask for `BEGIN IMMEDIATE` (`with writing():`), since SQLite's plain `BEGIN` fails at the first write when
another process wrote meanwhile; readers never do. On PostgreSQL both are plain transactions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import Engine, MetaData, event, orm
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, scoped_session

if TYPE_CHECKING:
    from instance.config import Config

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
KEPT_CONNECTIONS, MAX_CONNECTIONS = 8, 32
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # what was committed stays, as on PostgreSQL (docs/design/storage.md)
    "PRAGMA wal_autocheckpoint=256",  # pages, 1 MiB: the journal grows no further on a disk that is full
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=15000",
    "PRAGMA cache_size=-512",  # KiB, of each thread's connection: what is read stays in the kernel's cache anyway
)


class Base(DeclarativeBase):
    """The base of all models."""

    metadata = MetaData(naming_convention=NAMING)


# A session, or the one of the current context.
AnySession = orm.Session | scoped_session[Any]

db = SQLAlchemy(model_class=Base)
# What models derive from: Flask-SQLAlchemy makes it at run time, where a type checker cannot see it.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def prepare_migrations(app: Flask) -> None:
    """Let the app's database be migrated. Not done for every app: importing Alembic takes a tenth of a second."""
    from flask_migrate import Migrate

    if "migrate" not in app.extensions:
        folder = Path(__file__).resolve().parent.parent / "migrations"
        Migrate(app, db, directory=str(folder), render_as_batch=True, compare_type=True)


def engine_options(config: "Config") -> dict[str, Any]:
    """Return SQLAlchemy's options: no values in errors, a bounded number of connections and wait for the host.

    A request needs its connection for milliseconds, and holds none while it streams: a few are kept, the same ones used
    again and again; the others of a burst are closed. What finds none free waits for its turn.
    """
    kept = min(KEPT_CONNECTIONS, config.WEB_THREADS)
    most = max(min(MAX_CONNECTIONS, config.WEB_THREADS + 10), kept)
    pool = {"pool_size": kept, "max_overflow": most - kept, "pool_use_lifo": True}
    options: dict[str, Any] = {"hide_parameters": True, **pool}
    if config.database_url.startswith("postgresql"):
        options |= {"connect_args": {"connect_timeout": 5}, "pool_pre_ping": True}
    return options


def prepare_engine(engine: Engine) -> None:
    """Give a SQLite engine WAL, foreign keys and explicit transactions; leave any other engine as it is."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
        # SQLite's own knows the letters of ASCII alone: words were found in capitals or not, but not words in Russian.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if not options.get("single", False):  # one statement that reads is a transaction of its own
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write", False) else "BEGIN")


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


@contextmanager
def writing() -> Iterator[scoped_session[Session]]:
    """Open a write transaction; commit at the end, roll back when the block raises.

    What was read before in this session is given up first: a read snapshot cannot become a writer.
    """
    db.session.rollback()
    db.session.connection(execution_options={"write": True})
    try:
        yield db.session
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise


def insert_missing(session: AnySession, model: type[Base], values: dict[str, object]) -> None:
    """Insert a row unless another transaction has inserted one with a key of it."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(dialect.insert(model).values(**values).on_conflict_do_nothing())
