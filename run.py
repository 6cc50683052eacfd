"""The Flask app for gunicorn, the `flask` command and Celery; `python run.py` starts the supervisor.

`python run.py [--demo]` starts everything; `python run.py web|worker|recorder` starts one process alone.
"""

import sys
from pathlib import Path
from typing import Any

# The root holds an `__init__.py`, so the flask command takes the folder above for the import root.
sys.path.insert(0, str(Path(__file__).resolve().parent))


def __getattr__(name: str) -> Any:
    """Make `app` (Flask) and `celery` when they are asked for first: the supervisor needs neither."""
    if name == "app":
        from app import create_app
        from app.hardening import harden
        from instance.config import ConfigurationError

        harden()
        try:
            value: Any = create_app()
        except ConfigurationError as error:
            sys.exit(f"flask-playback: {error}")  # gunicorn and the flask command would print a traceback
    elif name == "celery":
        from app.tasks import make_celery

        value = make_celery()
    else:
        raise AttributeError(name)
    globals()[name] = value
    return value


if __name__ == "__main__":
    import os

    from app.supervisor import main

    os.umask(os.umask(0o077) | 0o027)  # footage and the database are nobody else's business
    sys.exit(main(sys.argv[1:]))
