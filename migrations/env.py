"""Run the migrations of this project on the database of the current app (`flask db upgrade`)."""

from alembic import context
from flask import current_app

from app import models  # noqa: F401  every table must be known
from app.models.types import EncryptedText

extension = current_app.extensions["migrate"]
engine = extension.db.engine


def render_item(kind, item, autogen_context):
    """Migrations know encrypted text as plain text: they never see a key."""
    if kind == "type" and isinstance(item, EncryptedText):
        return "sa.Text()"
    return False


def run_online():
    """Migrate over a connection, one transaction for all steps."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Batch mode makes a table anew and drops the old one; with foreign keys on, that deletes the children.
            # Within a transaction, as app/extensions.py begins one for all but single statements, it would do nothing.
            connection.execution_options(single=True)
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.rollback()
            connection.execution_options(single=False, write=True)
        context.configure(
            connection=connection,
            target_metadata=extension.db.metadata,
            render_item=render_item,
            **extension.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        if connection.dialect.name == "sqlite":
            connection.rollback()
            connection.execution_options(single=True, write=False)
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            connection.rollback()
            connection.execution_options(single=False)


def run_offline():
    """Print the SQL instead of running it."""
    context.configure(
        url=engine.url.render_as_string(hide_password=True),
        target_metadata=extension.db.metadata,
        literal_binds=True,
        **extension.configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
