"""What stands in the paths of handed files: an index is a number, a refer 128 bits in hex.

werkzeug's `<int>` would take a key that has digits only for a number, and its `<uuid>` refuses one without dashes.
"""

from flask import Flask
from werkzeug.routing import BaseConverter


class IndexConverter(BaseConverter):
    """A file's integer id: up to 18 digits."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)


class ReferConverter(BaseConverter):
    """A reference or a key: 32 hex digits, or the same as a UUID with dashes; always given on without them."""

    regex = "[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> str:
        """Return 32 lower-case hex digits."""
        return value.replace("-", "").lower()


def begin(app: Flask) -> None:
    """Let routes use `<index:...>` and `<refer:...>`."""
    app.url_map.converters.update(index=IndexConverter, refer=ReferConverter)
