"""The Flask app of the worker process."""

from celery import current_app
from flask import Flask


def task_app() -> Flask:
    """Return the app that the worker was started with."""
    app = current_app.flask_app
    assert isinstance(app, Flask)  # set by app.tasks.worker before the first task
    return app
