"""The application factory. Nothing heavy is imported until an app is made: the supervisor imports this package too."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from instance.config import Config

APP_PATH = Path(__file__).resolve().parent
# OpenCV reads it once, when it is loaded. A camera's picture of half a MB could else take 6 GB to be decoded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 26))


def create_app(config: "Config | None" = None, *, with_views: bool = True) -> "Flask":
    """Return the app of `config` (default: the settings of the environment).

    Makes the instance folder where it is missing; connects to nothing. Without views it is what the recorder and
    the worker need: settings, database, logging. Raises ConfigurationError.
    """
    from flask import Flask

    from app.extensions import db, engine_options, prepare_engine
    from app.logs import configure_logging
    from instance.config import load_config, secret_key

    config = config or load_config()
    configure_logging(config.LOG_LEVEL)
    config.run_path.mkdir(parents=True, exist_ok=True)
    app = Flask("app", instance_path=str(config.instance_path), root_path=str(APP_PATH))
    app.config.update(
        PLAYBACK=config,
        SECRET_KEY=secret_key(config),
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(config),
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        RESTX_MASK_SWAGGER=False,
        RESTX_ERROR_404_HELP=False,
    )
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    if with_views:
        register_blueprints(app)
    return app


def register_blueprints(app: "Flask") -> None:
    """Register every blueprint, the errors' renderer, the sign-in check and the command line."""
    from app import auth, cli, views
    from app.access import crossorigin, headers, hosts, proxies, rates
    from app.views import fileevents, incoming, live, metrics, multipart, staticfiles, watching
    from app.views.playbackapi import playbackapi
    from app.views.routing import LateRule

    app.url_rule_class = LateRule
    proxies.begin(app)
    headers.begin(app)
    metrics.begin(app)
    rates.begin(app)
    crossorigin.begin(app)
    hosts.begin(app)
    auth.begin(app)
    views.begin(app)
    staticfiles.begin(app)
    multipart.begin(app)
    incoming.begin(app)
    live.begin(app)
    fileevents.begin(app)
    watching.begin(app)
    app.register_blueprint(playbackapi, url_prefix="/playbackapi")
    for blueprint, url_prefix in views.blueprints(app.config["PLAYBACK"].ENVIRONMENT):
        app.register_blueprint(blueprint, url_prefix=url_prefix)
    cli.register(app)
