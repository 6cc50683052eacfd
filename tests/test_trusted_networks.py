"""Trusted networks: served without signing in, by the address that is really theirs, and not to pages of others."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.extensions import writing
from instance.config import ConfigurationError, load_config
from tests.accounts import add_account
from tests.conftest import in_production

API = "/api/v1"
GROUP = {"model": "Source", "name": "g"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NETWORKS = "10.1.0.0/16, 192.168.7.9, fd00::/8"
Ask = Callable[..., Any]


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Callable[..., Flask]]:
    """Yield what makes an app in production with these settings."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Flask:
            given = {"TRUSTED_NETWORKS": NETWORKS, "PUBLIC_URL": "https://video.example.org", **settings}
            return stack.enter_context(in_production(tmp_path, migrated_sqlite, **given))

        yield make


def ask(app: Flask, address: str = "10.1.2.3", path: str = f"{API}/source", method: str = "GET", **more: Any) -> Any:
    """Ask from an address."""
    headers = {"Host": more.pop("host", "10.1.0.1"), **more.pop("headers", {})}
    return app.test_client().open(path, method=method, environ_base={"REMOTE_ADDR": address}, headers=headers, **more)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.1.2.3", 200), ("10.2.0.1", 401), ("192.168.7.9", 200), ("192.168.7.8", 401), ("fd00::1", 200),
        ("fe80::1", 401), ("::ffff:10.1.2.3", 200), ("::ffff:10.2.2.3", 401), ("127.0.0.1", 401), ("", 401), ("x", 401),
    ],
)  # fmt: skip
def test_addresses_of_the_networks_are_served_and_no_others(production: Any, address: str, status: int) -> None:
    assert ask(production(), address).status_code == status


def test_without_the_setting_no_address_is_served(production: Any) -> None:
    assert ask(production(TRUSTED_NETWORKS="")).status_code == 401


@pytest.mark.parametrize(
    ("role", "changing", "configuring"), [("viewer", 403, 403), ("operator", 404, 403), ("admin", 404, 404)]
)
def test_a_trusted_address_has_the_role_of_the_setting(
    production: Any, role: str, changing: int, configuring: int
) -> None:
    app = production(TRUSTED_ROLE=role)
    pin = {"source_id": 1, "start": 1, "end": 2, "reason": "r"}
    assert ask(app, path=f"{API}/pins", method="POST", json=pin).status_code == changing
    gone = {"path": f"{API}/group/{UNKNOWN}/", "method": "DELETE"}
    assert ask(app, **gone).status_code == configuring


def test_what_a_trusted_address_does_is_written_down_as_its(production: Any) -> None:
    app = production(TRUSTED_ROLE="admin")
    with app.app_context(), writing() as session:
        add_account(session, "eve", "viewer")
    assert ask(app, path=f"{API}/token", method="POST", json={"name": "n", "account": "eve"}).status_code == 200
    [row] = ask(app, path=f"{API}/audit?action=token.").json
    assert row["actor"] == "network 10.1.2.3"


def test_a_token_that_is_given_wins_over_the_network(production: Any) -> None:
    app = production(TRUSTED_ROLE="viewer")
    with app.app_context(), writing() as session:
        token = add_account(session, "eve", "admin")
        ended = add_account(session, "ended", "admin", active=False)
    for given, status in ((token, 200), (ended, 401), ("wrong", 401)):
        headers = {"Authorization": f"Bearer {given}"}
        assert ask(app, path=f"{API}/audit", headers=headers).status_code == status
    assert ask(app, path=f"{API}/audit").status_code == 403


def test_a_trusted_address_makes_no_tokens_unless_it_is_an_admin_and_says_whose(production: Any) -> None:
    app = production(TRUSTED_ROLE="operator")
    with app.app_context(), writing() as session:
        add_account(session, "eve", "viewer")
    for body, status in (({"name": "n"}, 422), ({"name": "n", "account": "eve"}, 403)):
        assert ask(app, path=f"{API}/token", method="POST", json=body).status_code == status
    assert ask(app, path=f"{API}/token").status_code == 403


# --- proxies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_what_a_client_says_of_its_address_lets_nobody_in(production: Any, name: str) -> None:
    app = production()
    assert ask(app, "172.16.0.1", headers={name: "10.1.2.3"}).status_code == 401


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_proxy_that_is_not_counted_lends_its_address_to_nobody(production: Any, name: str) -> None:
    app = production(TRUSTED_NETWORKS="127.0.0.0/8")
    assert ask(app, "127.0.0.1", headers={name: "203.0.113.5"}).status_code == 401
    assert ask(app, "127.0.0.1").status_code == 200


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [("10.1.2.3", 200), ("203.0.113.5", 401), ("10.1.2.3, 203.0.113.5", 401), ("203.0.113.5, 10.1.2.3", 200)],
)
def test_behind_a_proxy_the_address_is_the_one_that_the_counted_hop_saw(
    production: Any, forwarded: str, status: int
) -> None:
    app = production(PROXY_HOPS=1)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)
    assert ask(app, "127.0.0.1", headers={"X-Forwarded-For": forwarded}).status_code == status


# --- pages of other sites ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://10.1.0.1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=str,
)
def test_a_page_of_another_site_changes_nothing_from_within_the_network(
    production: Any, headers: dict[str, str]
) -> None:
    app = production(TRUSTED_ROLE="admin")
    refused = ask(app, path=f"{API}/group", method="POST", data=GROUP, headers=headers)
    assert refused.status_code == 403
    assert ask(app, path=f"{API}/group").json == []
    own = {"Origin": "http://10.1.0.1", "Sec-Fetch-Site": "same-origin"}
    assert ask(app, path=f"{API}/group", method="POST", json=GROUP, headers=own).status_code == 200


@pytest.mark.parametrize("mode", ["no-cors", "cors"])
def test_a_page_of_another_site_shows_nothing_from_within_the_network(production: Any, mode: str) -> None:
    app = production()
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        assert ask(app, headers=headers).status_code == 401
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(app, headers=link).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("10.1.0.1:8000", 200), ("[fd00::2]:8000", 200), ("localhost", 200), ("recorder:8000", 200),
        ("recorder.local", 200), ("video.example.org", 200), ("VIDEO.example.org.", 200),
        ("evil.example", 421), ("10.1.0.1.evil.example:8000", 421), ("video.example.org.evil.example", 421),
    ],
)  # fmt: skip
def test_under_a_name_that_another_site_could_have_nobody_is_trusted(production: Any, host: str, status: int) -> None:
    """DNS rebinding: a site lets its own name lead to our address, and its pages are of one origin with us."""
    assert ask(production(), host=host).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "10.1.0.1.evil.example:8000"])
def test_where_no_public_name_is_set_a_foreign_one_is_answered_and_not_trusted(production: Any, host: str) -> None:
    assert ask(production(PUBLIC_URL=""), host=host).status_code == 401


# --- the settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("networks", "role", "words"),
    [
        ("0.0.0.0/0", "admin", "everybody"),
        ("10.0.0.0/8, ::/0", "admin", "everybody"),
        ("0.0.0.0/1,128.0.0.0/1", "admin", "everybody"),
        ("10.0.0.1/8", "viewer", "host bits"),
        ("nonsense", "viewer", "TRUSTED_NETWORKS"),
        ("10.0.0.0/8", "root", "TRUSTED_ROLE"),
        ("10.0.0.0/8", "analyser", "TRUSTED_ROLE"),
        ("", "share", "TRUSTED_ROLE"),
    ],
)
def test_settings_that_let_everybody_in_or_mean_nothing_are_refused(
    tmp_path: Path, networks: str, role: str, words: str
) -> None:
    given = {"SECRET_KEY": "k" * 48, "INSTANCE": str(tmp_path), "TRUSTED_NETWORKS": networks, "TRUSTED_ROLE": role}
    with pytest.raises(ConfigurationError, match=words):
        load_config("production", **given)


def test_everybody_may_be_a_viewer(tmp_path: Path) -> None:
    given = {"SECRET_KEY": "k" * 48, "INSTANCE": str(tmp_path), "TRUSTED_NETWORKS": "0.0.0.0/0, ::/0"}
    assert len(load_config("production", **given).trusted_networks) == 2
