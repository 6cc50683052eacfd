"""The event stream format of browsers (HTML Living Standard §9.2.5-9.2.6, `text/event-stream`).

stream   event*
event    field* LF                 the empty line dispatches it
field    id: N LF                  what the browser sends back as Last-Event-ID
event: NAME LF            without it `onmessage` gets the event
data: TEXT LF             one line: JSON has no line ends
retry: MILLISECONDS LF    the pause before the browser connects again
: TEXT LF                 a comment, which keeps the connection alive
"""

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b":\n\n"


def event(event_id: int, data: str, name: str | None = None) -> bytes:
    """Return an event. `data` is text without line ends."""
    named = f"event: {name}\n" if name else ""
    return f"id: {event_id}\n{named}data: {data}\n\n".encode()


def opening(retry_ms: int) -> bytes:
    """Return how a stream begins: after how long a browser that has lost it connects again."""
    return f"retry: {retry_ms}\n\n".encode()
