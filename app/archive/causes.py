"""The causes of missing footage, in words for people: one place for the API, the page and the documents."""

CAUSES = {
    "not_recording": "Nothing was to be recorded",
    "camera_unreachable": "The camera could not be reached",
    "wrong_password": "The camera refused user or password",  # nosec B105  a reason, no password
    "no_video": "What answered at the camera's address sent no video",
    "no_key_frame": "The camera sent no key frame",
    "silent": "The camera was connected and sent nothing",
    "stream_ended": "The camera ended the stream",
    "stopped": "Recording was being stopped",
    "starting": "The recorder was connecting to the camera",
    "pending": "What came is not yet written as a whole",
    "recorder_stopped": "No recorder was running",
    "crashed": "The recording program, ffmpeg, crashed or was killed",
    "disk_full": "The disk was full",
    "storage_unusable": "The storage could not be written",
    "throttled": "The storage was too slow; recording was cut back",
    "bad_template": "The camera's ffmpeg command or address could not be used",
    "clock_jump": "The camera's clock jumped, and a new run was begun",
    "clock_step": "The clock of the recording machine was set",
    "audio": "The stream was begun anew with another sound format",
    "deleted": "It was deleted",
    "unreadable": "A recorded file is missing, was altered, or its storage is away",
    "unknown": "The cause is not known",
}
# What was recorded once: the recorder did its work.
RECORDED_ONCE = frozenset({"deleted", "unreadable"})


def words(cause: str) -> str:
    """Return a cause in words."""
    return CAUSES.get(cause, cause.replace("_", " ").capitalize())
