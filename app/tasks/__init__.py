"""Celery tasks: thin, idempotent; their state is in the database, their messages only wake."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from app.tasks.sending import sender
from instance.config import Config, load_config

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)

TASKS = (
    *("ledger", "placement", "probing", "records", "retaining", "scheduling", "syncing", "telling"),
    *("sealing", "events", "task_start_rotation", "uploading", "activity"),
)


def broker_options(config: Config) -> dict[str, object]:
    """Return Celery's settings for the broker; folders of the embedded one lie below the instance folder."""
    if not config.broker_url.startswith("filesystem:"):
        is_redis = config.broker_url.startswith("redis")
        return {
            "broker_url": config.broker_url,
            "broker_connection_retry_on_startup": True,
            "broker_connection_timeout": 2.0,
            "broker_transport_options": {"socket_connect_timeout": 2.0} if is_redis else {},
        }
    folder = config.instance_path / "broker"
    for name in ("queue", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": str(folder / "queue"),
            "data_folder_out": str(folder / "queue"),
            "control_folder": str(folder / "control"),
            "polling_interval": 0.1,
        },
        "broker_connection_retry_on_startup": True,
    }


def make_celery(config: Config | None = None, *, is_default: bool = True) -> Celery:
    """Return the Celery app of these settings; it connects to nothing yet.

    The default one is that of all tasks of the process: one that only sends must not take its place.
    """
    from celery import Celery

    from app.tasks import folderbroker

    folderbroker.register()
    config = config or load_config()
    celery = Celery("playback", include=[f"app.tasks.{name}" for name in TASKS])
    celery.conf.update(
        **broker_options(config),
        task_ignore_result=True,
        task_acks_late=True,
        task_serializer="json",
        accept_content=["json"],
        worker_hijack_root_logger=False,
        enable_utc=True,
        beat_schedule=schedule(config),
    )
    if is_default:
        celery.set_default()
    return celery


def schedule(config: Config) -> dict[str, dict[str, object]]:
    """Return what is done again and again. Looking costs one query; what nobody took until the next is not kept."""
    return {
        "probe": {
            "task": "playback.probe_due",
            "schedule": max(1.0, min(5.0, config.PROBE_INTERVAL_S / 4)),
            "options": {"expires": 5.0},
        },
        "place": {"task": "playback.place", "schedule": 5.0},
        "continue_records": {"task": "playback.continue_records", "schedule": 5.0},
        "list_records": {"task": "playback.list_records", "schedule": 5.0},
        "hash_records": {"task": "playback.hash_records", "schedule": 10.0},
        "unlink_doomed": {"task": "playback.unlink_doomed", "schedule": 30.0},
        "retain": {"task": "playback.retain", "schedule": 30.0, "options": {"expires": 30.0}},
        "follow": {"task": "playback.follow_schedules", "schedule": 5.0},
        "sync": {"task": "playback.sync", "schedule": 5.0},
        "settle": {"task": "playback.settle_losses", "schedule": 15.0},
        "tend_files": {"task": "playback.tend_files", "schedule": 10.0},
        "remove_left": {"task": "playback.remove_left", "schedule": 3600.0},
        "seal_audit": {"task": "playback.seal_audit", "schedule": 2.0, "options": {"expires": 2.0}},
        "tell": {"task": "playback.tell", "schedule": 5.0},
        "prune_events": {"task": "playback.prune_events", "schedule": 600.0},
        "tell_analysers": {"task": "playback.tell_analysers", "schedule": 5.0, "options": {"expires": 5.0}},
        "find_activity": {"task": "playback.find_activity", "schedule": 30.0, "options": {"expires": 30.0}},
        "turn_keys": {"task": "playback.turn_keys", "schedule": 5.0, "options": {"expires": 5.0}},
    }


_senders: dict[str, Celery] = {}


def send(config: Config, task: str, *arguments: object, wait_s: float = 0.0) -> None:
    """Ask the worker for a task, soon or in so many seconds.

    Never fails and never waits: the schedule finds what no message reached.
    """
    sender.put(partial(_send, config, task, arguments, wait_s))


def _send(config: Config, task: str, arguments: tuple[object, ...], wait_s: float) -> None:
    key = f"{config.broker_url} {config.instance_path}"
    try:
        celery = _senders.get(key) or _senders.setdefault(key, make_celery(config, is_default=False))
        how = {"countdown": wait_s} if wait_s else {}
        celery.send_task(task, args=list(arguments), retry=False, ignore_result=True, **how)
    except Exception as error:  # noqa: BLE001  each transport has errors of its own, and none may fail the caller
        log.warning("the broker cannot be reached (%s); the schedule will do it", type(error).__name__)


def ask_probe(source_id: int) -> None:
    """Ask for a measurement of a source's status soon."""
    from flask import current_app

    send(current_app.config["PLAYBACK"], "playback.probe", source_id)


def ask_lists() -> None:
    """Ask for the playlist files of recordings that have begun or ended."""
    from flask import current_app

    send(current_app.config["PLAYBACK"], "playback.list_records")


def ask_deleted() -> None:
    """Ask for the rest of a deletion: files that are yet to be removed."""
    from flask import current_app

    send(current_app.config["PLAYBACK"], "playback.unlink_doomed")


def ask_sync() -> None:
    """Ask for the copying of what is due soon."""
    from flask import current_app

    send(current_app.config["PLAYBACK"], "playback.sync")


def ask_rotation(file_id: int) -> None:
    """Ask for a file's next download keys when they are due; once the rotation's begin is committed."""
    from flask import current_app

    send(current_app.config["PLAYBACK"], "playback.start_rotation", file_id)


def ask_files() -> None:
    """Ask for what is left to do for files that were uploaded or deleted."""
    from flask import current_app

    send(current_app.config["PLAYBACK"], "playback.tend_files")
