"""Settings: the environment first, then `systemd/env`, then the classes below.

Each annotated attribute in capitals is one setting; `PLAYBACK_` and its name is its variable. The table of
`docs/operations.md` is compared with these classes by a test.
"""

import hashlib
import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from app.transfer.addresses import Root

ROOT = Path(__file__).resolve().parent.parent


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message is one line that names it and the way out."""


class StorageSettings(NamedTuple):
    """One storage: its folder, the most it may hold (None: no limit), what stays free, and how old footage comes here.

    `cold_after_s` is None for one that is recorded to.
    """

    path: Path
    budget_bytes: int | None
    reserve_bytes: int
    cold_after_s: int | None = None


class WebhookSettings(NamedTuple):
    """One webhook or analyser: its address, what its bodies are signed with ("": nothing), its name in logs."""

    url: str
    secret: str
    host: str

    @property
    def target(self) -> str:
        """The hex SHA-256 of its address: what it is known by in the database, which holds no secret of it."""
        return hashlib.sha256(self.url.encode()).hexdigest()

    def __repr__(self) -> str:
        """Name the host: address and secret are nobody's business."""
        return f"<webhook {self.host}>"


@dataclass(frozen=True, slots=True, repr=False)
class Config:
    """Settings shared by all three configurations, with their defaults."""

    ENVIRONMENT: str = "development"
    BIND: str = "127.0.0.1:8000"
    INSTANCE: str = "instance"
    DATABASE_URL: str = ""
    BROKER_URL: str = ""
    STORAGE: str = ""
    SECRET_KEY: str = ""
    FFMPEG: str = ""
    WEB_WORKERS: int = 2
    WEB_THREADS: int = 384
    LIVE_STREAMS: int = 8
    PICTURE_INTERVAL_S: float = 1.0
    SEGMENT_S: int = 60
    FRAGMENT_S: float = 4.0
    RECORD_MAX_S: int = 86_400
    SILENCE_S: float = 9.0
    ABANDON_S: float = 60.0
    PROBE_INTERVAL_S: float = 60.0
    LOG_LEVEL: str = "INFO"
    METRICS_NETWORKS: str = ""
    STORAGES: str = ""
    BUDGET_BYTES: int = 0
    RESERVE_BYTES: int = 256 * 1024 * 1024
    BALLAST_BYTES: int = 16 * 1024 * 1024
    CATALOGUE_DAYS: int = 64
    PLAYLIST_BYTES: int = 32 * 1024 * 1024
    READ_AHEAD_BYTES: int = 2 * 1024 * 1024
    GRID_BYTES: int = 16 * 1024 * 1024
    KEPT_PLANS: int = 4
    OPEN_FILES: int = 256
    # Some 150 pictures of 1080p, or 100 sheets: what an operator looks at again within minutes.
    STILL_CACHE_BYTES: int = 32 * 1024 * 1024
    # One fills up to two cores; more at once would not be sooner done, and the other threads would wait.
    STILL_DECODERS: int = 1
    SYNC_TARGETS: str = ""
    SYNC_AT_ONCE: int = 2
    SYNC_TRIES: int = 12
    SYNC_PAUSE_S: float = 5.0
    SYNC_BYTES_S: int = 0
    # Reading a day of one camera of 4 Mbit/s takes three hours of it; a disk that records has 40 times that.
    SCRUB_BYTES_S: int = 4 * 1024 * 1024
    MOVE_BYTES_S: int = 32 * 1024 * 1024
    # Of each half minute, in a thread that yields to all others: two thirds of a core where nothing else wants it.
    ACTIVITY_CPU_S: float = 20.0
    SIGNING_KEY: str = ""
    SENDFILE_HEADER: str = ""
    SENDFILE_PREFIX: str = "/media/"
    WEBHOOKS: str = ""
    WEBHOOK_SECRET: str = ""
    ANALYSER_URLS: str = ""
    ANALYSER_SECRET: str = ""
    RESULT_NEEDS_TOKEN: bool = True
    PUBLIC_URL: str = ""
    UPLOAD_MAX_BYTES: int = 256 * 1024 * 1024 * 1024
    UPLOAD_USER_BYTES: int = 0
    UPLOAD_EXPIRE_S: int = 7 * 86_400
    RESULT_MAX_BYTES: int = 64 * 1024 * 1024
    EVENT_CLIENTS: int = 2000
    TRUSTED_NETWORKS: str = ""
    TRUSTED_ROLE: str = "viewer"
    PROXY_HOPS: int = 0
    CORS_ORIGINS: str = ""
    PLAIN_HTTP: bool = False
    RATE_LIMITS: bool = True
    SECRET_KEYS_OLD: str = ""
    SESSION_HOURS: int = 12
    CAMERA_NETWORKS: str = ""
    CAMERA_NETWORKS_DENIED: str = ""

    @property
    def instance_path(self) -> Path:
        """Absolute folder of all state of the embedded default."""
        return (ROOT / self.INSTANCE).resolve()

    @property
    def run_path(self) -> Path:
        """Folder of locks, wake-up pipes and process state, below the instance folder."""
        return self.instance_path / "run"

    @property
    def storage_path(self) -> Path:
        """Absolute folder of recordings and files. No disk is asked: one that does not answer would hold up all."""
        return Path(os.path.normpath(ROOT / self.STORAGE)) if self.STORAGE else self.instance_path / "storage"

    @property
    def storages(self) -> tuple[StorageSettings, ...]:
        """The storages in the order in which they are recorded to; the first is PLAYBACK_STORAGE.

        Raises ConfigurationError for one that cannot be read.
        """
        first = StorageSettings(self.storage_path, self.BUDGET_BYTES or None, self.RESERVE_BYTES)
        texts = [text.strip() for text in self.STORAGES.split(",") if text.strip()]
        found = (first, *(_parse_storage(text, self.RESERVE_BYTES) for text in texts))
        paths = [str(storage.path) for storage in found]
        for path in paths:
            within = path.rstrip("/") + "/"
            if any(other != path and other.startswith(within) for other in paths) or paths.count(path) > 1:
                raise ConfigurationError(f"PLAYBACK_STORAGES: {path} is there twice, or holds another storage")
        return found

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL; SQLite in the instance folder where none is set."""
        return self.DATABASE_URL or f"sqlite:///{self.instance_path / 'app.db'}"

    @property
    def broker_url(self) -> str:
        """Celery's broker; kombu's file system transport where none is set."""
        return self.BROKER_URL or "filesystem://"

    @property
    def host_port(self) -> tuple[str, int]:
        """The address to bind. Raises ConfigurationError when it is not HOST:PORT."""
        host, _, port = self.BIND.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65_535:
            raise ConfigurationError(f"PLAYBACK_BIND is {self.BIND!r}; it must be ADDRESS:PORT, as 127.0.0.1:8000")
        return host.strip("[]"), int(port)

    @property
    def metrics_networks(self) -> "list[IPv4Network | IPv6Network]":
        """The networks that may read `/metrics` without a token. Raises ConfigurationError for one that is none."""
        return parse_networks("METRICS_NETWORKS", self.METRICS_NETWORKS)

    @property
    def trusted_networks(self) -> "list[IPv4Network | IPv6Network]":
        """The networks that are served without signing in. Raises ConfigurationError for one that is none."""
        return parse_networks("TRUSTED_NETWORKS", self.TRUSTED_NETWORKS)

    @property
    def sync_roots(self) -> "list[Root]":
        """Where recordings may be copied to. Raises ConfigurationError, which repeats no address."""
        from app.transfer.addresses import AddressError, parse_roots

        try:
            return parse_roots(self.SYNC_TARGETS, ROOT, self.instance_path / "sync")
        except AddressError as error:
            raise ConfigurationError(f"PLAYBACK_SYNC_TARGETS, {error}") from None

    @property
    def secret_keys_old(self) -> tuple[str, ...]:
        """Earlier secret keys: they read what was encrypted with them, and sign nothing."""
        return tuple(text.strip() for text in self.SECRET_KEYS_OLD.split(",") if text.strip())

    @property
    def public_url(self) -> str:
        """What the addresses begin with that are told to others; without a slash at the end."""
        return self.PUBLIC_URL.rstrip("/") or f"http://{self.BIND}"

    @property
    def webhooks(self) -> tuple[WebhookSettings, ...]:
        """Who is told of changes of state. Raises ConfigurationError, which repeats no address."""
        return _parse_webhooks("WEBHOOKS", self.WEBHOOKS, self.WEBHOOK_SECRET)

    @property
    def analysers(self) -> tuple[WebhookSettings, ...]:
        """Who is told of download addresses. Raises ConfigurationError, which repeats no address."""
        return _parse_webhooks("ANALYSER_URLS", self.ANALYSER_URLS, self.ANALYSER_SECRET)

    @property
    def cors_origins(self) -> frozenset[str]:
        """The origins whose pages may ask with a token. Raises ConfigurationError for a text that is none."""
        found = [text.strip() for text in self.CORS_ORIGINS.split(",") if text.strip()]
        for text in found:
            match = ORIGIN.fullmatch(text)
            if match is None or int(match[1] or 1) not in range(1, 65_536) or (text[:5], match[1]) in DEFAULT_PORTS:
                raise ConfigurationError(
                    f"PLAYBACK_CORS_ORIGINS: {text!r} must be an origin as browsers name it, in small letters, as "
                    "https://watch.example or http://10.0.0.5:3000: no path, no user, no usual port, no pattern"
                )
        return frozenset(found)

    def __repr__(self) -> str:
        """Name the class only: settings hold secrets."""
        return f"<{type(self).__name__} {self.ENVIRONMENT}>"


@dataclass(frozen=True, slots=True, repr=False)
class DevelopmentConfig(Config):
    """Open to everybody who can reach it, and therefore bound to loopback only."""


@dataclass(frozen=True, slots=True, repr=False)
class TestingConfig(Config):
    """As development, for the test suite: short times, its own instance folder."""

    ENVIRONMENT: str = "testing"
    WEB_WORKERS: int = 1
    PROBE_INTERVAL_S: float = 5.0
    SYNC_PAUSE_S: float = 0.1
    SCRUB_BYTES_S: int = 0
    RESERVE_BYTES: int = 1024 * 1024
    RATE_LIMITS: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class ProductionConfig(Config):
    """Lets nobody in without a token; refuses to start without a secret key."""

    ENVIRONMENT: str = "production"


CONFIGS: dict[str, type[Config]] = {
    "development": DevelopmentConfig,
    "testing": TestingConfig,
    "production": ProductionConfig,
}
# What browsers write into the header Origin (RFC 6454 §6.2): scheme, name or address, a port that is not the usual one.
ORIGIN = re.compile(
    r"https?://(?:[a-z0-9_](?:[a-z0-9_-]|\.(?=[a-z0-9_-])){0,252}|\[[0-9a-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?"
)
DEFAULT_PORTS = {("http:", "80"), ("https", "443")}
MOST_HOPS = 10
MAX_RECORD_S = 31 * 86_400
SENDFILE_HEADERS = ("", "X-Accel-Redirect", "X-Sendfile")
# Addresses of this machine alone, to the letter: a name that begins like one may lead anywhere.
LOOPBACK = re.compile(r"localhost|::1|127\.(?:[0-9]{1,3}\.){2}[0-9]{1,3}")


def is_loopback(host: str) -> bool:
    """Tell whether nobody but this machine reaches what is bound to `host`."""
    return LOOPBACK.fullmatch(host) is not None


def read_env_file(path: Path) -> dict[str, str]:
    """Return the NAME=value lines of an environment file in systemd's form; {} when there is none."""
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in path.read_text("utf-8").splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip('"') for name, sign, value in pairs if sign and value.strip()}


def load_config(name: str | None = None, **overrides: object) -> Config:
    """Return the checked settings of configuration `name` (default: `FLASK_CONFIG`, else development).

    `systemd/env` is read only where the environment does not say another configuration than it does, so that a
    checkout with the shipped production file still develops. Raises ConfigurationError.
    """
    shipped = read_env_file(ROOT / "systemd" / "env")
    chosen = name or os.environ.get("FLASK_CONFIG") or "development"
    if chosen not in CONFIGS:
        raise ConfigurationError(f"FLASK_CONFIG is {chosen!r}; it must be one of {', '.join(CONFIGS)}")
    environment = {**(shipped if shipped.get("FLASK_CONFIG") == chosen else {}), **os.environ}
    kind = CONFIGS[chosen]
    values: dict[str, object] = {}
    for field in fields(kind):
        text = environment.get(f"PLAYBACK_{field.name}")
        if text and field.name != "ENVIRONMENT":
            values[field.name] = _parse(field.name, text, field.type)
    config = kind(**{**values, **overrides})  # type: ignore[arg-type]
    _check(config)
    return config


def _parse(name: str, text: str, kind: object) -> object:
    if kind is str:
        return text
    if kind is bool:
        if text.lower() not in SWITCHES:
            raise ConfigurationError(f"PLAYBACK_{name} is {text!r}; it must be true or false")
        return SWITCHES[text.lower()]
    try:
        number = int(text) if kind is int else float(text)
    except ValueError:
        raise ConfigurationError(f"PLAYBACK_{name} is {text!r}; it must be a number") from None
    if not 0 <= number < TOO_MUCH:
        raise ConfigurationError(f"PLAYBACK_{name} is {text!r}; it must be 0 or more, and less than 10^18")
    return number


def _check(config: Config) -> None:
    host, _ = config.host_port
    if config.ENVIRONMENT != "production" and not is_loopback(host):
        raise ConfigurationError(
            f"PLAYBACK_BIND is {config.BIND}, but FLASK_CONFIG={config.ENVIRONMENT} is open to everybody: "
            "bind to 127.0.0.1, or set FLASK_CONFIG=production"
        )
    if config.ENVIRONMENT == "production" and not config.SECRET_KEY:
        raise ConfigurationError(
            "PLAYBACK_SECRET_KEY is empty; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))' and set it in systemd/env"
        )
    if config.SECRET_KEY and len(config.SECRET_KEY) < 16:
        raise ConfigurationError("PLAYBACK_SECRET_KEY is shorter than 16 characters; take 48 random ones")
    if config.METRICS_NETWORKS:
        _ = config.metrics_networks
    _check_trusted(config)
    if not 1 <= config.SEGMENT_S <= 300:
        raise ConfigurationError(f"PLAYBACK_SEGMENT_S is {config.SEGMENT_S}; it must be 1 to 300 seconds")
    if not 1 <= config.RECORD_MAX_S <= MAX_RECORD_S:
        raise ConfigurationError(
            f"PLAYBACK_RECORD_MAX_S is {config.RECORD_MAX_S}; it must be 1 to {MAX_RECORD_S} seconds, which is 31 days"
        )
    if not config.STILL_DECODERS:
        raise ConfigurationError("PLAYBACK_STILL_DECODERS is 0; it must be 1 or more")
    _check_sendfile(config)
    _check_secrets(config)
    _check_signing(config)
    _check_sync(config)
    _check_browsers(config)
    _ = config.storages
    _ = config.webhooks
    _check_analysers(config)


def _check_trusted(config: Config) -> None:
    """Refuse a role that is none, and to let everybody in as an admin."""
    from ipaddress import IPv4Network, IPv6Network, collapse_addresses

    if config.TRUSTED_ROLE not in ("viewer", "operator", "admin"):
        message = f"PLAYBACK_TRUSTED_ROLE is {config.TRUSTED_ROLE!r}; it must be viewer, operator or admin"
        raise ConfigurationError(message)
    networks = config.trusted_networks
    four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    everything = [text for text in map(str, (*four, *six)) if text.endswith("/0")]
    if everything and config.TRUSTED_ROLE == "admin":
        raise ConfigurationError(
            f"PLAYBACK_TRUSTED_NETWORKS is {everything[0]}, everybody, and PLAYBACK_TRUSTED_ROLE is admin: "
            "name the networks, or take the role viewer"
        )


SWITCHES = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
TOO_MUCH = 1e18  # a number from here on is a slip; the database could not hold ten times as much
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "s": 1, "h": 3600, "d": 86_400}


def _parse_storage(text: str, reserve_bytes: int) -> StorageSettings:
    """Return the storage that `FOLDER?budget=500G&reserve=2G&cold=7d` names. Raises ConfigurationError."""
    folder, _, query = text.partition("?")
    values: dict[str, int] = {}
    for item in filter(None, query.split("&")):
        name, _, value = item.partition("=")
        found = re.fullmatch(r"(\d{1,15})([KMGT]?)" if name != "cold" else r"(\d{1,9})([shd])", value)
        if name not in ("budget", "reserve", "cold") or name in values or found is None:
            raise ConfigurationError(
                f"PLAYBACK_STORAGES: {item!r} of {folder} must be budget=500G, reserve=2G (K, M, G, T) or cold=7d "
                "(s, h, d), each once"
            )
        values[name] = int(found[1]) * UNITS[found[2]]
        if values[name] >= TOO_MUCH:
            raise ConfigurationError(f"PLAYBACK_STORAGES: {item!r} of {folder} is more than any disk has")
    if not folder.startswith("/"):
        raise ConfigurationError(f"PLAYBACK_STORAGES: {folder!r} must be an absolute folder, as /srv/second")
    path = Path(os.path.normpath(folder))  # no disk is asked
    return StorageSettings(path, values.get("budget") or None, values.get("reserve", reserve_bytes), values.get("cold"))


def _parse_webhooks(name: str, texts: str, secret: str) -> tuple[WebhookSettings, ...]:
    """Return the receivers of a setting. Raises ConfigurationError, which repeats no address."""
    found = [text.strip() for text in texts.split(",") if text.strip()]
    return tuple(_parse_webhook(name, text, number, secret) for number, text in enumerate(found, 1))


def _parse_webhook(setting: str, text: str, number: int, secret: str) -> WebhookSettings:
    """Return the webhook that `https://host/path?secret=...` names. Raises ConfigurationError without the address."""
    from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https") or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            f"PLAYBACK_{setting}: number {number} must be an address as https://host/path?secret=TEXT "
            "(a comma in it is written %2C)"
        )
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    own = [value for name, value in pairs if name == "secret"]
    rest = urlencode([pair for pair in pairs if pair[0] != "secret"])
    url = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", rest if own else parts.query, ""))
    return WebhookSettings(url, own[-1] if own else secret, f"{host}:{port}" if port else host)


def _check_analysers(config: Config) -> None:
    """Raise ConfigurationError for addresses that cannot be told, one of them twice, or a public one that is none."""
    from urllib.parse import urlsplit

    found = config.analysers
    if len({hook.target for hook in found}) < len(found):
        raise ConfigurationError("PLAYBACK_ANALYSER_URLS: an address is there twice")
    try:
        parts = urlsplit(config.public_url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good, parts = False, urlsplit("")
    is_plain = config.public_url.isascii() and config.public_url.isprintable() and " " not in config.public_url
    if not is_good or not is_plain or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            "PLAYBACK_PUBLIC_URL must be an address as https://video.example.org, without user, password and query"
        )


def _check_browsers(config: Config) -> None:
    if config.PROXY_HOPS > MOST_HOPS:
        raise ConfigurationError(f"PLAYBACK_PROXY_HOPS is {config.PROXY_HOPS}; it must be 0 to {MOST_HOPS}")
    _ = config.cors_origins


def parse_networks(name: str, text: str) -> "list[IPv4Network | IPv6Network]":
    """Return the networks of a list with commas between. Raises ConfigurationError for one that is none."""
    from ipaddress import ip_network

    try:
        return [ip_network(one.strip()) for one in text.split(",") if one.strip()]
    except ValueError as error:
        raise ConfigurationError(f"PLAYBACK_{name}: {error}; it must be as 10.0.0.0/8, 192.168.1.9, ::1") from None


def _check_secrets(config: Config) -> None:
    """Raise ConfigurationError, which repeats no key, for old keys that are none, or networks of cameras."""
    for number, key in enumerate(config.secret_keys_old, 1):
        if len(key) < 16:
            raise ConfigurationError(f"PLAYBACK_SECRET_KEYS_OLD: key {number} is shorter than 16 characters, so none")
    if config.SECRET_KEY and config.SECRET_KEY in config.secret_keys_old:
        raise ConfigurationError("PLAYBACK_SECRET_KEYS_OLD holds PLAYBACK_SECRET_KEY: an old key must be another")
    parse_networks("CAMERA_NETWORKS", config.CAMERA_NETWORKS)
    parse_networks("CAMERA_NETWORKS_DENIED", config.CAMERA_NETWORKS_DENIED)


def _check_sync(config: Config) -> None:
    if not (config.SYNC_AT_ONCE and config.SYNC_TRIES):
        raise ConfigurationError("PLAYBACK_SYNC_AT_ONCE and PLAYBACK_SYNC_TRIES must be 1 or more")
    if config.SYNC_TARGETS:
        _ = config.sync_roots


def _check_signing(config: Config) -> None:
    import base64

    try:
        seed = base64.b64decode(config.SIGNING_KEY, validate=True)
    except ValueError:
        seed = b"?"
    if len(seed) not in (0, 32):
        raise ConfigurationError(
            "PLAYBACK_SIGNING_KEY must be 32 bytes in base64; make one with: "
            "python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())', or leave it empty"
        )


def _check_sendfile(config: Config) -> None:
    header, prefix = config.SENDFILE_HEADER, config.SENDFILE_PREFIX
    if header not in SENDFILE_HEADERS:
        raise ConfigurationError(
            f"PLAYBACK_SENDFILE_HEADER is {header!r}; it must be empty or one of {', '.join(SENDFILE_HEADERS[1:])}"
        )
    if not (prefix.startswith("/") and prefix.endswith("/") and prefix.isascii() and prefix.isprintable()):
        raise ConfigurationError(f"PLAYBACK_SENDFILE_PREFIX is {prefix!r}; it must be a path as /media/")


def secret_key(config: Config) -> str:
    """Return the secret key: the configured one, else one generated into the instance folder with mode 0600."""
    if config.SECRET_KEY:
        return config.SECRET_KEY
    path = config.instance_path / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    with os.fdopen(handle, "w") as file:
        file.write(os.urandom(32).hex())
        file.flush()
        os.fsync(file.fileno())  # a power loss must not take the key of what was encrypted with it
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)
    return _read_key(path)


def _read_key(path: Path) -> str:
    for _ in range(50):
        key = path.read_text("ascii").strip()
        if len(key) >= 16:
            return key
        _wait_for_other_writer()
    raise ConfigurationError(f"{path.name} in the instance folder is empty; delete it and start again")


def _wait_for_other_writer() -> None:
    import time

    time.sleep(0.02)
