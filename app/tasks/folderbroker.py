"""The embedded broker's folders: kombu's file system transport, but a message appears whole.

kombu makes a message's file under its final name and then writes it. A worker that looks in between takes an empty
file away, cannot read it and ends ("Unrecoverable error: JSONDecodeError", seen on a loaded machine).
"""

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils import json


class Channel(filesystem.Channel):
    """As kombu's, but for how a message comes into its folder."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        final = Path(self.data_folder_out) / name
        fresh = final.with_name(f"{name}.new")  # no queue has a name that ends so
        try:
            fresh.write_text(json.dumps(payload), "utf-8")  # type: ignore[no-untyped-call]
            fresh.rename(final)
        except OSError as error:
            raise ChannelError(f"cannot add {name} to the broker's folder") from error

    def _get(self, queue: str, *_: Any, **__: Any) -> Any:
        """Return the next message. A folder that somebody removed is made again: kombu would end the worker."""
        try:
            return super()._get(queue)  # type: ignore[no-untyped-call]
        except FileNotFoundError:
            Path(self.data_folder_in).mkdir(parents=True, exist_ok=True)
            raise Empty from None


class Transport(filesystem.Transport):
    """kombu's, with the channel above."""

    Channel = Channel


def register() -> None:
    """Let `filesystem://` be this transport, in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
