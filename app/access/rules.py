"""The table of who may do what: a row for each endpoint and method. `docs/security.md` shows it; a test walks it.

A row names the least role, the area (the word of a token's scope), and how the endpoint is bounded by cameras:
`none` it names no camera; `path` an id in the address, checked before the view; `asked` ids in query or body, each
checked by the view; `object` the camera of what is asked for is looked up; `list` the answer holds only the caller's
cameras; `all` only who sees all cameras may ask.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """What is needed for one method of one endpoint.

    `role` is open, viewer, operator or admin. `limit` is a class of rate limits. With `has_window` it may be asked by
    who may see a span of footage only: what it shows is bounded by it.
    """

    role: str
    area: str
    cameras: str = "none"
    is_analyser: bool = False
    limit: str | None = None
    has_window: bool = False


Methods = dict[str, Rule]


def _each(methods: str, rule: Rule) -> Methods:
    return dict.fromkeys(methods.split(), rule)


def _see_and_change(area: str, cameras: str, changes: str, role: str, see: str = "viewer") -> Methods:
    """Return the rows of an endpoint that `see` may look at and `role` may change."""
    return {"GET": Rule(see, area, cameras)} | _each(changes, Rule(role, area, cameras))


def _media(cameras: str, limit: str | None = None) -> Methods:
    return {"GET": Rule("viewer", "playback", cameras, limit=limit, has_window=True)}


OPEN = Rule("open", "open")
OPEN_ENDPOINTS: dict[str, Methods] = {
    "static": {"GET": OPEN},
    "restx_doc.static": {"GET": OPEN},
    "health.healthz": {"GET": OPEN},
    "health.readyz": {"GET": OPEN},
    "csrf.csrf_csrf_token": {"GET": OPEN},
    "signin.get_login": {"GET": OPEN},
    "signin.post_login": {"POST": OPEN._replace(limit="sign_in")},
    "download.by_key": {"GET": OPEN._replace(limit="keys")},
    "sharepage.page": {"GET": OPEN._replace(limit="keys"), "POST": OPEN._replace(limit="sign_in")},
    "sharepage.shared_share_video": {"GET": OPEN._replace(limit="keys")},
    "sharepage.shared_share_playlist": {"GET": OPEN._replace(limit="keys")},
}
PAGES: dict[str, Methods] = {
    "signin.post_logout": {"POST": Rule("viewer", "docs", is_analyser=True)},
    "pages.show_wall": {"GET": Rule("viewer", "docs")},
    "pages.show_page": {"GET": Rule("viewer", "docs")},
    "docs.get_redoc": {"GET": Rule("viewer", "docs")},
    "docs.get_json": {"GET": Rule("viewer", "docs")},
    "docs.get_yaml": {"GET": Rule("viewer", "docs")},
    "docs.get_swagger": {"GET": Rule("viewer", "docs")},
    "checks.img": {"GET": Rule("viewer", "docs")},
    "checks.video": {"GET": Rule("viewer", "docs")},
    "metrics.metrics": {"GET": Rule("viewer", "metrics", "all")},
    "administration.show_administration": _each("GET POST", Rule("admin", "administration", "all")),
    "restplusexampleapi.example_examples": _see_and_change("docs", "none", "POST", "operator"),
    "restplusexampleapi.example_one_example": {"GET": Rule("viewer", "docs")},
}
PLAYBACK: dict[str, Methods] = {
    "playbackapi.source_data": _media("path"),
    "playbackapi.record_data": _media("path"),
    "playbackapi.playback_source_video": _media("path"),
    "playbackapi.playback_record_video": _media("path"),
    "playbackapi.playback_source_playlist": _media("path"),
    "playbackapi.playback_record_playlist": _media("path"),
    "playbackapi.playback_cell_media": _media("path"),
    "playbackapi.playback_init_media": _media("path"),
    "playbackapi.playback_segment_media": _media("path"),
    "playbackapi.playback_source_picture": _media("path", "stills"),
    "playbackapi.playback_record_picture": _media("path", "stills"),
    "playbackapi.playback_source_thumbnails": _media("path", "stills"),
    "playbackapi.playback_record_thumbnails": _media("path", "stills"),
    "playbackapi.playback_source_thumbnail_index": _media("path"),
    "playbackapi.playback_record_thumbnail_index": _media("path"),
    "playbackapi.playback_sync_of_sources": _media("asked"),
    "playbackapi.playback_timeline_of_sources": _media("asked"),
    "playbackapi.playback_activity_of_sources": _media("asked"),
    "playbackapi.playback_marks_of_sources": _media("asked"),
}
CAMERAS: dict[str, Methods] = {
    "source.source_sources": {
        "GET": Rule("viewer", "source", "list"),
        "POST": Rule("admin", "source", "all"),  # a new camera would be outside
    },
    "source.source_one_source": _see_and_change("source", "path", "PUT PATCH DELETE", "admin"),
    "sourcebulk.source_bulk": {"POST": Rule("admin", "source", "all")},
    "sourcetest.source_test": {"POST": Rule("admin", "source", "asked")},  # without one: who sees all cameras
    "sourcediscovery.source_discovery": {"POST": Rule("admin", "source", "all")},
    "sourcegaps.source_source_gaps": {"GET": Rule("viewer", "playback", "path", has_window=True)},
    "activity.activity_source_activity": {"GET": Rule("viewer", "playback", "path", has_window=True)},
    "activity.activity_next_activity": {"GET": Rule("viewer", "playback", "path", has_window=True)},
    "activity.activity_activity_settings": _see_and_change("source", "path", "PUT", "admin"),
    "availability.source_availability": _see_and_change("source", "path", "POST", "operator"),
    "live.live_live_picture": {"GET": Rule("viewer", "live", "path", limit="stills")},
    "live.live_live_video": {"GET": Rule("viewer", "live", "path")},
    # Who is in a group decides what the accounts see that have a right to it.
    "group.group_groups": {"GET": Rule("viewer", "group", "list"), "POST": Rule("operator", "group", "all")},
    "group.group_one_group": {
        "GET": Rule("viewer", "group", "object"),
        **_each("PUT PATCH DELETE", Rule("admin", "group", "all")),
    },
    "group.group_member": {
        "POST": Rule("operator", "group", "all"),  # of a group that bounds nothing; else an admin
        "DELETE": Rule("admin", "group", "all"),
    },
    "schedule.schedule_group_schedule": _see_and_change("group", "object", "PUT DELETE", "operator"),
    "storage.storage_storages": {"GET": Rule("operator", "storage", "all")},
    "notices.notice_notices": {"GET": Rule("operator", "storage", "list")},
    "losses.loss_losses": {"GET": Rule("viewer", "playback", "list")},
    "systemhealth.health_health": {"GET": Rule("viewer", "source", "list")},  # of the whole: to operators of all
}
RECORDS: dict[str, Methods] = {
    "record.record_records": _see_and_change("record", "list", "POST PUT", "operator"),
    "record.record_one_record": {"GET": Rule("viewer", "record", "path")},
    "record.record_open_records": {"GET": Rule("viewer", "record", "list")},
    "record.record_running": {"GET": Rule("viewer", "record", "list")},
    "recordfile.record file_record_file": {"DELETE": Rule("admin", "deletion", "path")},
    "recordfile.record_video": {"GET": Rule("viewer", "record", "path")},
    "tag.tag_one_tag": {"GET": Rule("viewer", "record", "list")},
    "tag.tag_running_tags": {"GET": Rule("viewer", "record", "list")},
    "tag.tag_tags": {"GET": Rule("viewer", "record", "list")},
    "exports.export_export_key": {"GET": Rule("viewer", "export")},
    "exports.export_source_export": {"GET": Rule("operator", "export", "path")},  # of whole files
    "deletion.deletion_deletions": {"GET": Rule("operator", "audit", "list")},
    "audit.audit_audits": {"GET": Rule("admin", "audit", "all")},
    "pins.pin_pins": _see_and_change("pin", "list", "POST", "operator"),
    "pins.pin_one_pin": _see_and_change("pin", "object", "PATCH DELETE", "operator"),
    "shares.share_shares": {
        "GET": Rule("operator", "share", "list"),
        "POST": Rule("operator", "share", "asked", has_window=True),
    },
    "shares.share_one_share": _see_and_change("share", "object", "PATCH DELETE", "operator", see="operator"),
    "retention.retention_rules": _see_and_change("retention", "all", "POST", "admin", see="operator"),
    "retention.retention_one_rule": _see_and_change("retention", "all", "PUT DELETE", "admin", see="operator"),
    "retention.retention_retention_forecast": {"GET": Rule("operator", "retention", "all")},
    "retention.retention_source_retention": {"GET": Rule("operator", "retention", "path")},
    "copies.copy_copies": _see_and_change("sync", "all", "POST", "operator", see="operator"),
    "copies.copy_one_copy": _see_and_change("sync", "all", "DELETE", "admin", see="operator"),
    "copies.copy_copy_file": {"PUT": Rule("operator", "sync", "all")},
    "copies.copy_copy_video": {"GET": Rule("operator", "sync", "all")},
    "sync.sync_jobs": _see_and_change("sync", "list", "POST", "operator", see="operator"),
    "sync.sync_one_job": _see_and_change("sync", "object", "DELETE", "operator", see="operator"),
}
TOKENS: dict[str, Methods] = {
    "tokens.token_tokens": {
        "GET": Rule("viewer", "token"),
        "POST": Rule("viewer", "token", limit="tokens"),
    },
    "tokens.token_one_token": _see_and_change("token", "none", "PATCH DELETE", "viewer"),
}
# What a service token of an analyser may, and nothing else: to be told of a file, to fetch it by a key (open), to post
# its result, and to comment on it (examples/analyser).
SEEN_BY_ANALYSER = Rule("viewer", "files", "object", is_analyser=True)
OWN = Rule("viewer", "account")
ACCOUNTS: dict[str, Methods] = {
    "account.account_accounts": _each("GET POST", Rule("admin", "accounts", "all")),
    "account.account_one_account": _each("GET PATCH DELETE", Rule("admin", "accounts", "all")),
    "account.account_account_password": {"POST": Rule("admin", "accounts", "all")},
    "account.account_account_totp": {"DELETE": Rule("admin", "accounts", "all")},
    "account.account_account_sessions": {"DELETE": Rule("admin", "accounts", "all")},
    "me.me_me": {"GET": OWN, "PATCH": OWN._replace(limit="sign_in")},
    "me.me_own_totp": _each("POST PUT DELETE", OWN._replace(limit="sign_in")),
    "accountpage.get_account": {"GET": OWN},
    "accountpage.post_account": {"POST": OWN._replace(limit="sign_in")},
}
HANDED: dict[str, Methods] = {
    "files.file_files": {"GET": Rule("viewer", "files", "list"), "POST": Rule("operator", "files", "asked")},
    "files.file_one_file": {
        "GET": SEEN_BY_ANALYSER,
        **_each("PATCH POST DELETE", Rule("operator", "files", "object")),
    },
    "filecontent.file content_file_content": {"GET": Rule("viewer", "files", "object")},
    "filereport.report_file_report": {"GET": Rule("viewer", "review", "object")},
    "filerefer.of_file": _see_and_change("files", "object", "POST DELETE", "operator", see="operator"),
    "results.result_file_result": {"GET": Rule("viewer", "results", "object")},
    "results.result_file_result_file": {"GET": Rule("viewer", "results", "object")},
    "results.by_refer": {"POST": Rule("operator", "results", "object", is_analyser=True, limit="keys")},
    "results.by_header": {"POST": Rule("operator", "results", "object", is_analyser=True, limit="keys")},
    "fileevents.event_file_events": {"GET": SEEN_BY_ANALYSER._replace(area="events")},
    "fileevents.event_file_stream": {"GET": SEEN_BY_ANALYSER._replace(area="events")},
    "cinema.cinema_cinemas": _see_and_change("review", "list", "POST", "operator"),
    "cinema.cinema_one_cinema": _see_and_change("review", "object", "PUT PATCH DELETE", "operator"),
    "comments.comments_comments": {
        "GET": SEEN_BY_ANALYSER._replace(area="review", cameras="list"),
        "POST": Rule("operator", "review", "asked", is_analyser=True),
    },
    "comments.comments_one_comment": _see_and_change("review", "object", "PUT PATCH DELETE", "operator"),
    "recommend.recommend_recommendations": _see_and_change("review", "list", "POST", "operator"),
    "recommend.recommend_one_recommendation": _see_and_change("review", "object", "DELETE", "operator"),
    "violations.violation_violations": {"GET": Rule("viewer", "review")},
    "violations.violation_one_violation": {"GET": Rule("viewer", "review")},
}
RULES: dict[str, Methods] = OPEN_ENDPOINTS | PAGES | PLAYBACK | CAMERAS | RECORDS | TOKENS | ACCOUNTS | HANDED
AREAS = tuple(sorted({rule.area for methods in RULES.values() for rule in methods.values()} - {"open"}))


def rule_of(endpoint: str, method: str) -> Rule | None:
    """Return the row of an endpoint's method; HEAD has that of GET. None: there is none, and nobody may."""
    return RULES.get(endpoint, {}).get("GET" if method == "HEAD" else method)
