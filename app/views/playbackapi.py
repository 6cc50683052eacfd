"""The playback blueprint (playback-api.md)."""

from flask import Blueprint

playbackapi = Blueprint("playbackapi", __name__)
