"""How each address of the app is asked about a camera: every endpoint and method has a row, or the leak walk fails."""

from typing import Any

from tests.leaking import MIXED, MIXED_IDS, Ask, Side

STREAM = Ask(is_own=False, is_endless=True)
REFUSED = Ask(is_own=False)  # to who does not see all cameras, whatever is asked


def _ranged(side: Side) -> dict[str, Any]:
    return {"query_string": side.range}


def _body(**values: Any) -> Any:
    """Return how to send values; a text that begins with `:` names what of the side is meant."""

    def of(side: Side) -> dict[str, Any]:
        return {"json": {name: _meant(side, value) for name, value in values.items()}}

    return of


def _query(**values: Any) -> Any:
    def of(side: Side) -> dict[str, Any]:
        return {"query_string": {name: _meant(side, value) for name, value in values.items()}}

    return of


def _meant(side: Side, value: Any) -> Any:
    if isinstance(value, list):
        return [_meant(side, one) for one in value]
    if not isinstance(value, str) or not value.startswith(":"):
        return value
    kind, _, name = value[1:].partition(" ")
    if kind == "text":
        return side.text(name)
    if kind == "uuid":
        return side.uuid(name)
    if kind == "refer":
        return side.refer(name)
    if kind in side.range:
        return side.range[kind]
    return getattr(side, kind)


AT = _query(at=":start")
SHARED = Ask(is_mixed=True, path=MIXED_IDS)
SHARED_SCHEDULE = Ask(_body(tag_name="t", time_zone="UTC", windows=[]), True, True, (403,), MIXED_IDS)
RANGED = Ask(_ranged)
PLAYBACK: dict[tuple[str, str], list[Ask]] = {
    ("playbackapi.source_data", "GET"): [RANGED, Ask(_query(start=":start", end=":end", run=":uuid run"), False)],
    ("playbackapi.record_data", "GET"): [Ask()],
    ("playbackapi.playback_source_video", "GET"): [RANGED],
    ("playbackapi.playback_record_video", "GET"): [Ask()],
    ("playbackapi.playback_source_playlist", "GET"): [
        RANGED,
        Ask(_query(start=":start", end=":end", grid=":source_id")),
    ],
    ("playbackapi.playback_record_playlist", "GET"): [Ask()],
    ("playbackapi.playback_cell_media", "GET"): [Ask(_query(**{"from": "1:0", "to": "2:0"}), False)],
    ("playbackapi.playback_init_media", "GET"): [Ask(path={"entries": "1-0"})],
    ("playbackapi.playback_segment_media", "GET"): [Ask(path={"start_us": "begin_us"})],
    ("playbackapi.playback_source_picture", "GET"): [Ask(AT)],
    ("playbackapi.playback_record_picture", "GET"): [Ask()],
    ("playbackapi.playback_source_thumbnails", "GET"): [RANGED],
    ("playbackapi.playback_record_thumbnails", "GET"): [Ask()],
    ("playbackapi.playback_source_thumbnail_index", "GET"): [RANGED],
    ("playbackapi.playback_record_thumbnail_index", "GET"): [Ask()],
    ("playbackapi.playback_sync_of_sources", "GET"): [Ask(_query(source_id=":source_id", start=":start", end=":end"))],
    ("playbackapi.playback_timeline_of_sources", "GET"): [
        Ask(_query(source_id=":source_id", start=":start", end=":end"))
    ],
    ("playbackapi.playback_activity_of_sources", "GET"): [
        Ask(_query(source_id=":source_id", start=":start", end=":end"))
    ],
    ("playbackapi.playback_marks_of_sources", "GET"): [
        Ask(_query(source_id=":source_id", start=":start", end=":end")),
        Ask(_query(source_id=":source_id", start=":start", end=":end", kinds="record,comment")),
    ],
}
GROUP = _body(model="Source", name=":text new group")
LIMITED = _query(limit="1", source_id=":source_id")
CAMERAS: dict[tuple[str, str], list[Ask]] = {
    ("source.source_sources", "GET"): [Ask(), Ask(_query(q=":word")), Ask(_query(limit="1", sort="-id"))],
    ("source.source_sources", "POST"): [REFUSED],
    ("source.source_one_source", "GET"): [Ask()],
    ("source.source_one_source", "PUT"): [Ask(_body(description=":text changed"))],
    ("source.source_one_source", "PATCH"): [Ask(_body(description=":text changed again"))],
    ("source.source_one_source", "DELETE"): [Ask(own_statuses=(409,))],
    ("sourcebulk.source_bulk", "POST"): [REFUSED],
    ("sourcetest.source_test", "POST"): [Ask(_body(source_id=":source_id"))],
    ("sourcediscovery.source_discovery", "POST"): [REFUSED],
    ("sourcegaps.source_source_gaps", "GET"): [RANGED],
    ("losses.loss_losses", "GET"): [RANGED, Ask(_query(start=":start", end=":end", format="csv"))],
    ("systemhealth.health_health", "GET"): [Ask()],
    ("activity.activity_source_activity", "GET"): [RANGED],
    ("activity.activity_next_activity", "GET"): [Ask(_query(after=":start")), Ask(_query(before=":end"))],
    ("activity.activity_activity_settings", "GET"): [Ask()],
    ("activity.activity_activity_settings", "PUT"): [Ask(_body(is_enabled=True, threshold=0.01, since=":start"))],
    ("availability.source_availability", "GET"): [Ask()],
    ("availability.source_availability", "POST"): [Ask()],
    ("live.live_live_picture", "GET"): [STREAM],
    ("live.live_live_video", "GET"): [STREAM],
    ("group.group_groups", "GET"): [Ask(), Ask(_query(q=":word"))],
    ("group.group_groups", "POST"): [Ask(GROUP, False)],
    ("group.group_one_group", "GET"): [Ask(), SHARED],
    ("group.group_one_group", "PUT"): [REFUSED],
    ("group.group_one_group", "PATCH"): [REFUSED],
    ("group.group_one_group", "DELETE"): [REFUSED],
    ("group.group_member", "POST"): [REFUSED],
    ("group.group_member", "DELETE"): [REFUSED],
    ("schedule.schedule_group_schedule", "GET"): [Ask(), SHARED],
    ("schedule.schedule_group_schedule", "PUT"): [
        Ask(_body(tag_name=":text scheduled", time_zone="UTC", windows=[])),
        SHARED_SCHEDULE,
    ],
    ("schedule.schedule_group_schedule", "DELETE"): [Ask(), SHARED_SCHEDULE],
    ("storage.storage_storages", "GET"): [REFUSED],
    ("notices.notice_notices", "GET"): [Ask(), Ask(_query(source_id=":source_id")), Ask(_query(limit="1"))],
}
COPY = _body(tag_name=":text tag", location="there")
RECORDS: dict[tuple[str, str], list[Ask]] = {
    ("record.record_records", "GET"): [
        Ask(_query(tag_name=":text tag")),
        Ask(_query(tag_name=":uuid tag")),
        Ask(_query(tag_name=MIXED)),
        Ask(_query(tag_name=MIXED, source_id=":source_id")),
        Ask(_query(tag_name=MIXED, limit="1")),
    ],
    ("record.record_records", "POST"): [
        Ask(_body(model="Source", tag_name=":text started", group_name=":text group")),
        Ask(_body(model="Source", tag_name=":text started", group_name=":uuid group")),
        Ask(_body(model="Source", tag_name=":text of both", group_name=MIXED), is_mixed=True),
    ],
    ("record.record_records", "PUT"): [
        Ask(_body(tag_name=":text live tag")),
        Ask(_body(tag_name=":uuid live tag", model="Source")),
        Ask(_body(tag_name=MIXED), is_mixed=True),
    ],
    ("record.record_open_records", "GET"): [Ask()],
    ("record.record_running", "GET"): [
        Ask(_query(tag_name=":text live tag")),
        Ask(_query(tag_name=MIXED), is_mixed=True),
    ],
    ("record.record_one_record", "GET"): [Ask()],
    ("recordfile.record file_record_file", "DELETE"): [Ask(_body(location="x"), own_statuses=(422,))],
    ("recordfile.record_video", "GET"): [Ask()],
    ("tag.tag_one_tag", "GET"): [
        Ask(_query(name=":text tag")),
        Ask(_query(name=":uuid tag")),
        Ask(_query(name=MIXED)),
    ],
    ("tag.tag_running_tags", "GET"): [Ask()],
    ("tag.tag_tags", "GET"): [Ask(), Ask(_query(q=":word")), Ask(_query(is_recording="true"))],
    ("exports.export_export_key", "GET"): [Ask()],
    ("exports.export_source_export", "GET"): [
        RANGED,
        Ask(_query(start=":start", end=":end", content="film")),
    ],
    ("deletion.deletion_deletions", "GET"): [Ask(), Ask(LIMITED)],
    ("audit.audit_audits", "GET"): [REFUSED],
    ("pins.pin_pins", "GET"): [Ask(), Ask(_query(source_id=":source_id")), Ask(_query(limit="1", sort="-begin"))],
    ("pins.pin_pins", "POST"): [
        Ask(_body(source_id=":source_id", start=":start", end=":end", reason="r")),
        Ask(_body(record_id=":uuid record", reason="r")),
        Ask(_body(source_id=":source_id", start=":end", end=":start", reason="r"), own_statuses=(422,)),
    ],
    ("pins.pin_one_pin", "GET"): [Ask()],
    ("pins.pin_one_pin", "PATCH"): [Ask(_body(reason=":text other reason"))],
    ("pins.pin_one_pin", "DELETE"): [Ask()],
    ("retention.retention_rules", "GET"): [REFUSED],
    ("retention.retention_rules", "POST"): [Ask(_body(scope="source", source_id=":source_id", max_age_s=9), False)],
    ("retention.retention_one_rule", "GET"): [REFUSED],
    ("retention.retention_one_rule", "PUT"): [REFUSED],
    ("retention.retention_one_rule", "DELETE"): [REFUSED],
    ("retention.retention_retention_forecast", "GET"): [REFUSED],
    ("retention.retention_source_retention", "GET"): [Ask(AT)],
    ("copies.copy_copies", "GET"): [REFUSED],
    ("copies.copy_copies", "POST"): [REFUSED],
    ("copies.copy_one_copy", "GET"): [REFUSED],
    ("copies.copy_one_copy", "DELETE"): [REFUSED],
    ("copies.copy_copy_file", "PUT"): [REFUSED],
    ("copies.copy_copy_video", "GET"): [REFUSED],
    ("sync.sync_jobs", "GET"): [Ask(), Ask(_query(limit="1"))],
    ("sync.sync_jobs", "POST"): [
        Ask(COPY),
        Ask(_body(tag_name=":uuid tag", location="there")),
        Ask(_body(tag_name=MIXED, location="there"), is_mixed=True),
    ],
    ("sync.sync_one_job", "GET"): [Ask(), SHARED],
    ("sync.sync_one_job", "DELETE"): [Ask(), SHARED],
}
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
OF_FILE = Ask()
FOUND = _body(findings=[])
REFER_BODY = {"comment": "a word", "comment_author": "User"}
HANDED: dict[tuple[str, str], list[Ask]] = {
    ("files.file_files", "GET"): [Ask(), Ask(_query(name=":word")), Ask(_query(kind="footage", limit="1", sort="-id"))],
    ("files.file_files", "POST"): [
        Ask(_body(source_id=":source_id", start=":start", end=":end")),
        Ask(_body(record_id=":uuid record")),
        Ask(_body(source_id=":source_id", start=":end", end=":start"), own_statuses=(422,)),
    ],
    ("files.file_one_file", "GET"): [Ask(), Ask(path={"file_id": "upload_id"})],
    ("files.file_one_file", "PATCH"): [Ask(lambda side: {"headers": TUS, "data": b"x"}, own_statuses=(409,))],
    ("files.file_one_file", "POST"): [
        Ask(lambda side: {"headers": {"X-HTTP-Method-Override": "HEAD"}}),
        Ask(lambda side: {"headers": {**TUS, "X-HTTP-Method-Override": "HEAD"}}, own_statuses=(409,)),
        Ask(lambda side: {"headers": {"X-HTTP-Method-Override": "DELETE"}}, False),
    ],
    ("files.file_one_file", "DELETE"): [OF_FILE, Ask(path={"file_id": "upload_id"})],
    ("filecontent.file content_file_content", "GET"): [OF_FILE, Ask(path={"file_id": "upload_id"})],
    ("filereport.report_file_report", "GET"): [OF_FILE, Ask(_query(format="html")), Ask(path={"file_id": "upload_id"})],
    ("filerefer.of_file", "GET"): [OF_FILE],
    ("filerefer.of_file", "POST"): [OF_FILE],
    ("filerefer.of_file", "DELETE"): [OF_FILE],
    ("results.result_file_result", "GET"): [OF_FILE],
    ("results.result_file_result_file", "GET"): [OF_FILE],
    ("results.by_refer", "POST"): [Ask(FOUND, own_statuses=(200, 409))],
    ("results.by_header", "POST"): [
        Ask(
            lambda side: {"headers": {"X-Refer-Key": side.refer("footage")}, "json": {"findings": []}},
            own_statuses=(200, 409),
        )
    ],
    ("fileevents.event_file_events", "GET"): [STREAM],
    ("fileevents.event_file_stream", "GET"): [STREAM],
    ("cinema.cinema_cinemas", "GET"): [Ask(), Ask(_query(limit="1", sort="-id"))],
    ("cinema.cinema_cinemas", "POST"): [
        Ask(_body(file_id=":file_id", comment="c")),
        Ask(_body(id=":upload_id", comment="c")),
    ],
    ("cinema.cinema_one_cinema", "GET"): [OF_FILE],
    ("cinema.cinema_one_cinema", "PUT"): [Ask(_body(comment="c2"))],
    ("cinema.cinema_one_cinema", "PATCH"): [Ask(_body(comment="c3"))],
    ("cinema.cinema_one_cinema", "DELETE"): [OF_FILE],
    ("comments.comments_comments", "GET"): [
        Ask(),
        Ask(_query(refer_file=":refer footage")),
        Ask(_query(limit="1", sort="-id")),
    ],
    ("comments.comments_comments", "POST"): [
        Ask(_body(refer_file=":refer footage", **REFER_BODY)),
        Ask(_body(refer=":refer upload", **REFER_BODY)),
    ],
    ("comments.comments_one_comment", "GET"): [Ask()],
    ("comments.comments_one_comment", "PUT"): [Ask(_body(comment="c"))],
    ("comments.comments_one_comment", "PATCH"): [Ask(_body(comment="c2"))],
    ("comments.comments_one_comment", "DELETE"): [Ask()],
    ("recommend.recommend_recommendations", "GET"): [Ask(), Ask(_query(refer=":refer footage"))],
    ("recommend.recommend_recommendations", "POST"): [Ask(_body(refer=":refer footage"))],
    ("recommend.recommend_one_recommendation", "GET"): [Ask()],
    ("recommend.recommend_one_recommendation", "DELETE"): [Ask()],
    ("violations.violation_violations", "GET"): [Ask()],
    ("violations.violation_one_violation", "GET"): [Ask(path={"violation_id": "base"}, own_statuses=(404,))],
}
OF_ACCOUNT = Ask(own_statuses=(200, 204, 303, 403, 409, 422))
OF_NO_CAMERA: dict[tuple[str, str], list[Ask]] = {
    ("pages.show_wall", "GET"): [Ask()],
    ("pages.show_page", "GET"): [Ask(path={"page": "files"})],
    ("docs.get_redoc", "GET"): [Ask()],
    ("docs.get_json", "GET"): [Ask()],
    ("docs.get_yaml", "GET"): [Ask()],
    ("docs.get_swagger", "GET"): [Ask()],
    ("metrics.metrics", "GET"): [REFUSED],
    ("administration.show_administration", "GET"): [REFUSED],
    ("administration.show_administration", "POST"): [REFUSED],
    ("restplusexampleapi.example_one_example", "GET"): [Ask(path={"example_id": "base"}, own_statuses=(404, 422))],
    ("health.healthz", "GET"): [Ask()],
    ("health.readyz", "GET"): [Ask(own_statuses=(200, 503))],
    ("signin.get_login", "GET"): [Ask()],
    ("accountpage.get_account", "GET"): [OF_ACCOUNT],
    ("accountpage.post_account", "POST"): [OF_ACCOUNT],
    ("me.me_me", "GET"): [OF_ACCOUNT],
    ("me.me_me", "PATCH"): [OF_ACCOUNT],
    ("me.me_own_totp", "POST"): [OF_ACCOUNT],
    ("me.me_own_totp", "PUT"): [OF_ACCOUNT],
    ("me.me_own_totp", "DELETE"): [OF_ACCOUNT],
    ("account.account_accounts", "GET"): [REFUSED],
    ("account.account_accounts", "POST"): [REFUSED],
    ("account.account_one_account", "GET"): [REFUSED],
    ("account.account_one_account", "PATCH"): [REFUSED],
    ("account.account_one_account", "DELETE"): [REFUSED],
    ("account.account_account_password", "POST"): [REFUSED],
    ("account.account_account_totp", "DELETE"): [REFUSED],
    ("account.account_account_sessions", "DELETE"): [REFUSED],
    ("tokens.token_tokens", "GET"): [Ask(), Ask(_query(account=":text account"), False)],
    ("tokens.token_tokens", "POST"): [Ask(_body(name=":text made", source_ids=[":source_id"]))],
    ("tokens.token_one_token", "GET"): [REFUSED],
    ("tokens.token_one_token", "PATCH"): [Ask(_body(name=":text renamed"), False)],
    ("tokens.token_one_token", "DELETE"): [REFUSED],
    ("shares.share_shares", "GET"): [Ask(), Ask(_query(source_id=":source_id"))],
    ("shares.share_shares", "POST"): [
        Ask(_body(source_id=":source_id", start=":start", end=":end", expires=":soon")),
    ],
    ("shares.share_one_share", "GET"): [Ask(own_statuses=(200, 404))],
    ("shares.share_one_share", "PATCH"): [Ask(_body(description=":text other"), own_statuses=(200, 404))],
    ("shares.share_one_share", "DELETE"): [Ask(own_statuses=(200, 404))],
    ("signin.post_login", "POST"): [Ask(_body(token="x"), is_own=False)],
    ("signin.post_logout", "POST"): [Ask(is_own=False)],
}
ASKS = PLAYBACK | CAMERAS | RECORDS | HANDED | OF_NO_CAMERA
# Who has a key needs nothing else; the others hold nothing of a camera, and some are new each time.
NOT_ASKED = {
    *("download.by_key", "sharepage.page", "sharepage.shared_share_video", "sharepage.shared_share_playlist"),
    *("static", "restx_doc.static", "checks.img", "checks.video"),
    *("restplusexampleapi.example_examples", "csrf.csrf_csrf_token"),
}
