"""The HTTP layer: one blueprint a module; here what all of them share."""

from flask import Flask, Response, jsonify

from app.errors import PlaybackError


def render_error(error: PlaybackError) -> tuple[Response, int]:
    """Return the contract's error answer: `{"detail": [...]}` and what stands beside it."""
    return jsonify(detail=error.detail, **error.extra), error.status


def finish(app: Flask) -> None:
    """Bind the error handlers."""
    app.register_error_handler(PlaybackError, render_error)
