"""Settings: the table in docs/operations.md is the classes, and wrong values are refused by name."""

import os
import re
import stat
from dataclasses import fields
from pathlib import Path

import pytest

from instance.config import (
    ROOT,
    Config,
    ConfigurationError,
    DevelopmentConfig,
    ProductionConfig,
    StorageSettings,
    TestingConfig,
    load_config,
    read_env_file,
    secret_key,
)

ROW = re.compile(r"^\| `PLAYBACK_(?P<name>[A-Z_]+)` \| (?P<meaning>[^|]+) \| (?P<default>[^|]*) \| (?P<tests>[^|]*)\|$")
FOLDER_SETTINGS = {"INSTANCE", "STORAGE"}
SENDFILE = {"SENDFILE_HEADER": "X-Sendfile", "SENDFILE_PREFIX": "/elsewhere/"}


def documented() -> dict[str, re.Match[str]]:
    lines = (ROOT / "docs" / "operations.md").read_text("utf-8").splitlines()
    return {row["name"]: row for row in map(ROW.match, lines) if row}


def defaults(kind: type[Config]) -> dict[str, object]:
    return {field.name: field.default for field in fields(kind) if field.name != "ENVIRONMENT"}


def shown(value: object) -> str:
    return f"`{value}`"


def test_the_table_names_every_setting_and_no_other() -> None:
    assert set(documented()) == set(defaults(Config))


@pytest.mark.parametrize("kind", [DevelopmentConfig, ProductionConfig])
def test_the_table_shows_the_defaults(kind: type[Config]) -> None:
    for name, value in defaults(kind).items():
        cell = documented()[name]["default"].strip()
        if value == "":
            assert re.search(r"[a-z]{4}", cell), f"{name}: words say what empty means"
        else:
            assert cell == shown(value), name


def test_the_table_shows_what_differs_in_tests() -> None:
    usual = defaults(Config)
    for name, value in defaults(TestingConfig).items():
        assert documented()[name]["tests"].strip() == ("" if value == usual[name] else shown(value)), name


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith(("PLAYBACK_", "FLASK_")):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("name", sorted(defaults(Config)))
def test_the_environment_wins(environment: pytest.MonkeyPatch, name: str) -> None:
    usual = defaults(Config)[name]
    usual_words = {"BIND": "127.0.0.1:9", "METRICS_NETWORKS": "::1", "SECRET_KEY": "s" * 32, "STORAGES": "/srv/two"}
    usual_words["CORS_ORIGINS"] = "https://elsewhere"
    usual_words |= {"TRUSTED_NETWORKS": "::1", "TRUSTED_ROLE": "operator"}
    usual_words |= dict.fromkeys(("WEBHOOKS", "ANALYSER_URLS", "PUBLIC_URL"), "https://elsewhere/")
    usual_words |= {"SECRET_KEYS_OLD": "o" * 32, **dict.fromkeys(("CAMERA_NETWORKS", "CAMERA_NETWORKS_DENIED"), "::1")}
    given = {**usual_words, **SENDFILE, "SIGNING_KEY": "A" * 43 + "="}.get(name)
    given = given or ("False" if isinstance(usual, bool) else "7" if isinstance(usual, int | float) else "elsewhere")
    environment.setenv(f"PLAYBACK_{name}", given)
    assert str(getattr(load_config(), name)) in (given, f"{given}.0")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BIND", "0.0.0.0:8000"),
        ("BIND", "127.0.0.1"),
        ("BIND", "127.0.0.1:65536"),
        ("SEGMENT_S", "0"),
        ("SEGMENT_S", "1e3"),
        ("RECORD_MAX_S", "0"),
        ("RECORD_MAX_S", "2678401"),
        ("SENDFILE_HEADER", "Location"),
        ("SENDFILE_PREFIX", "media/"),
        ("SENDFILE_PREFIX", "/media"),
        ("SILENCE_S", "nan"),
        ("RESERVE_BYTES", "-1"),
        ("SECRET_KEY", "short"),
        ("METRICS_NETWORKS", "10.0.0.1/8"),
        ("PROXY_HOPS", "11"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "watch.example"),
        ("CORS_ORIGINS", "https://*.watch.example"),
        ("CORS_ORIGINS", "https://watch.example/"),
        ("CORS_ORIGINS", "https://watch.example:443"),
        ("CORS_ORIGINS", "https://Watch.example"),
        ("CORS_ORIGINS", "https://user@watch.example"),
        ("CORS_ORIGINS", "https://watch.example:99999"),
        ("CORS_ORIGINS", "https://watch.example, https://.*"),
        ("TRUSTED_NETWORKS", "10.0.0.1/8"),
        ("TRUSTED_ROLE", "analyser"),
        ("STORAGES", "second"),
        ("ANALYSER_URLS", "https://one.example/,ftp://two.example/"),
        ("ANALYSER_URLS", "https://one.example/,https://one.example/?secret=other"),
        ("PUBLIC_URL", "video.example.org"),
        ("PUBLIC_URL", "ftp://video.example.org"),
        ("PUBLIC_URL", "https://user:word@video.example.org"),
        ("PUBLIC_URL", "https://video.example.org/?a=b"),
        ("PUBLIC_URL", "https://video.example.org:99999"),
        ("STORAGES", "/srv/two?budget=5X"),
        ("STORAGES", "/srv/two?budget=5G&budget=6G"),
        ("STORAGES", "/srv/two?cold=7"),
        ("STORAGES", "/srv/two?reserve=99999999T"),
        ("STORAGES", "/"),
        ("STORAGES", "/srv/two, /srv/two/within"),
    ],
)
def test_a_wrong_value_is_refused_by_name(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(f"PLAYBACK_{name}", value)
    with pytest.raises(ConfigurationError, match=f"PLAYBACK_{name}") as error:
        load_config()
    assert "\n" not in str(error.value)


def test_storages_come_in_order_with_their_limits(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("PLAYBACK_STORAGE", str(tmp_path / "one"))
    environment.setenv("PLAYBACK_STORAGES", f"{tmp_path}/two?budget=3G&reserve=2M , {tmp_path}/cold?cold=7d")
    environment.setenv("PLAYBACK_BUDGET_BYTES", "1000")
    environment.setenv("PLAYBACK_RESERVE_BYTES", "10")
    assert load_config().storages == (
        StorageSettings(tmp_path / "one", 1000, 10),
        StorageSettings(tmp_path / "two", 3 * 2**30, 2 * 2**20),
        StorageSettings(tmp_path / "cold", None, 10, 7 * 86_400),
    )


def test_an_unknown_configuration_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FLASK_CONFIG", "staging")
    with pytest.raises(ConfigurationError, match="FLASK_CONFIG"):
        load_config()


def test_production_wants_a_key_and_generates_none(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("FLASK_CONFIG", "production")
    environment.setenv("PLAYBACK_INSTANCE", str(tmp_path))
    with pytest.raises(ConfigurationError, match="PLAYBACK_SECRET_KEY is empty; make one with"):
        load_config()
    assert list(tmp_path.iterdir()) == []


def test_a_generated_key_is_kept_and_private(config: TestingConfig) -> None:
    key = secret_key(config)
    assert len(key) >= 32
    assert secret_key(config) == key
    assert stat.S_IMODE((config.instance_path / "secret_key").stat().st_mode) == 0o600


def test_settings_name_no_secret_in_their_repr() -> None:
    assert "hidden" not in repr(Config(SECRET_KEY="hidden" * 4, DATABASE_URL="postgresql://u:hidden@h/d"))


def test_an_environment_file_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text('# a comment\nONE=1\nTWO="two words"\nEMPTY=\n\nnonsense\n', "utf-8")
    assert read_env_file(path) == {"ONE": "1", "TWO": "two words"}
    assert read_env_file(tmp_path / "missing") == {}
