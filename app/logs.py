"""Logging of web, worker and recorder, and the masking of secrets wherever text from outside is shown.

A filter masks every record as a last resort; code still takes care not to log a secret at all.
"""

import logging
import logging.config
import re
import time

MASK = "***"
# The scheme is bounded: a text of 80,000 letters took 20 s. Of a longer one its end is enough.
_USERINFO = re.compile(r"(?P<head>[a-zA-Z][a-zA-Z0-9+.-]{0,15}://)(?P<user>[^\s/:@'\"]*):(?P<password>[^\s/'\"]*)@")
_BEARER = re.compile(r"(?i)(bearer|basic|digest)\s+[A-Za-z0-9+/=_.~-]{8,}")
# Some cameras want the password in the query or the path of their address (app/capture/addresses.py).
_NAMED = re.compile(r"(?i)(?P<name>(?<=[?&/;_])(?:password|passwd|pass|pwd)=)[^&/;?#\s'\"]+")
# A key of a download, plain or percent-encoded: in an address, and in the header of POST /record/.
_KEY = re.compile(r"(?i)(?P<head>download(?:/|%2F)|\bx-refer-key['\"]?\s*[:=,]\s*b?['\"]?)[0-9a-f%-]{32,}")
# A key of a share link in an address, and the token of a signed address; plain, or percent-encoded within another one.
_SHARED = re.compile(r"(?i)(?P<head>share(?:/|%2F)|(?:[?&]|%3F|%26)media(?:=|%3D))[0-9a-z_.~%-]{12,}")
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]{0,15}://[^\s'\"]*[^\s'\":,.;)]")


def mask_secrets(text: str) -> str:
    """Return text with the passwords of every address in it, every credential of a header and key masked."""
    text = _SHARED.sub(rf"\g<head>{MASK}", _KEY.sub(rf"\g<head>{MASK}", text))
    text = _USERINFO.sub(rf"\g<head>\g<user>:{MASK}@", text)
    return _BEARER.sub(rf"\1 {MASK}", _NAMED.sub(rf"\g<name>{MASK}", text))


def without_addresses(text: str) -> str:
    """Return text without any address in it: for who is not to know where a camera is, nor under which user."""
    return mask_secrets(_ADDRESS.sub("(an address)", text))


class MaskFilter(logging.Filter):
    """Masks the final message of a record, and its traceback: an error of a library may quote an address."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask in place; let every record pass."""
        message = record.getMessage()
        masked = mask_secrets(message)
        if masked != message:
            record.msg, record.args = masked, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = mask_secrets(logging.Formatter().formatException(record.exc_info))
        return True


class UtcFormatter(logging.Formatter):
    """Writes instants in UTC, whatever zone the machine is in: an hour that comes twice is told apart."""

    converter = time.gmtime  # type: ignore[assignment]
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


def dict_config(level: str) -> dict[str, object]:
    """Return the one `dictConfig` of all processes: lines on standard error, secrets masked."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"mask": {"()": "app.logs.MaskFilter"}},
        "formatters": {
            "line": {"()": "app.logs.UtcFormatter", "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["mask"]}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {
            "alembic": {"level": "WARNING"},
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
            "urllib3": {"level": "WARNING"},
            # What copies are sent with: each has its own way to say what our one line says, some with signed headers.
            **{name: {"level": "WARNING"} for name in ("aiobotocore", "botocore", "fsspec", "httpx", "s3fs")},
            **{name: {"level": "CRITICAL"} for name in ("paramiko", "smbprotocol")},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "kombu.transport.virtual.base": {"level": "WARNING"},
            "kombu.connection": {"level": "ERROR"},  # the file system transport has no host, and says so
        },
    }


def configure_logging(level: str) -> None:
    """Apply `dict_config`."""
    logging.config.dictConfig(dict_config(level))
