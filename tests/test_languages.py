"""The pages that the server writes: English, Russian or Vietnamese, as the person chose or the browser asks."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import expect

from app.access.signedin import STEP_KEY
from app.archive.passwords import check_password
from app.errors import Invalid
from app.extensions import db, writing
from app.models import Account
from app.review.rating import Judged, judge, rate
from app.views.filereport import VERDICTS
from app.views.languages import LANGUAGES, PATTERNS, PROBLEMS, TEXTS, problem_text
from app.views.reporttexts import REASON_PATTERNS, REPORT_TEXTS
from tests.accounts import PASSWORD, add_account, password_hash
from tests.conftest import in_production
from tests.looking import Chromium
from tests.served import answering

TEMPLATES = Path(__file__).parents[1] / "app" / "templates"
SAID = re.compile(r"""say\(\s*(?:'([^']+)'|"([^"]+)")""")
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
HEADS = {"en": "Sign in", "ru": "Вход", "vi": "Đăng nhập"}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production with an admin."""
    with in_production(tmp_path_factory.mktemp("languages"), migrated_sqlite) as app:
        with app.app_context(), writing() as session:
            add_account(session, "admin", "admin")
            session.execute(db.update(Account).values(password=password_hash()))
        yield app


@pytest.fixture
def client(production: Flask) -> FlaskClient:
    return production.test_client()


def shown(client: FlaskClient, path: str = "/login", **headers: str) -> tuple[str, str]:
    """Return language and title of a page."""
    page = client.get(path, headers={"Accept": "text/html", **headers}, base_url="https://localhost").text
    found = re.search(r'<html lang="(\w\w)".*<title>(.*?)( · |</title>)', page, re.DOTALL)
    assert found is not None, page
    return found[1], found[2]


@pytest.mark.parametrize("path", ["/nosuch", "/view/nosuch", "/nosuch/%3Cscript%3E"])
def test_an_address_without_a_page_is_told_to_people_by_a_page_and_to_programs_as_ever(app: Flask, path: str) -> None:
    client = app.test_client()
    for language, words in (
        ("en", "There is no such page"),
        ("ru", "Такой страницы нет"),
        ("vi", "Không có trang này"),
    ):
        asked = {"Accept": BROWSER, "Accept-Language": language}
        page = client.get(path, headers=asked, base_url="https://localhost")
        assert (page.status_code, page.mimetype) == (404, "text/html")
        assert words in page.text
        assert '<a href="/">' in page.text
        assert "<script" not in page.text
    for accept in ("*/*", "application/json"):
        told = client.get(path, headers={"Accept": accept}, base_url="https://localhost")
        assert (told.status_code, told.json["detail"][0]["type"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1/nosuch", "/playbackapi/nosuch", "/static/nosuch.js"])
def test_an_address_of_programs_answers_browsers_as_its_contract_says(app: Flask, path: str) -> None:
    told = app.test_client().get(path, headers={"Accept": BROWSER}, base_url="https://localhost")
    assert (told.status_code, told.json["detail"][0]["type"]) == (404, "not_found")


def test_every_sentence_of_the_templates_is_there_in_all_languages() -> None:
    said = {
        one or other
        for path in TEMPLATES.glob("*.html")
        for one, other in SAID.findall(path.read_text(encoding="utf-8"))
    }
    assert len(said) > 80
    assert said - {*TEXTS, *REPORT_TEXTS} == set()
    assert set(VERDICTS.values()) <= set(REPORT_TEXTS)


@pytest.mark.parametrize("place", [0, 1], ids=["ru", "vi"])
def test_a_translation_names_the_same_values_as_its_sentence(place: int) -> None:
    for sentence, texts in {**TEXTS, **REPORT_TEXTS, **PROBLEMS}.items():
        names = re.findall(r"{(\w+)}", sentence)
        assert sorted(re.findall(r"{(\w+)}", texts[place])) == sorted(names), sentence
        assert all(texts), sentence
    for pattern, texts in {**PATTERNS, **REASON_PATTERNS}.items():
        assert set(re.findall(r"{(\w+)}", texts[place])) <= set(re.findall(r"\?P<(\w+)>", pattern)), pattern


def test_every_reason_of_a_report_is_said_in_the_language_of_its_page(production: Flask) -> None:
    many = [Judged(f"noise {number}", "mild", "12+") for number in range(7)]
    unsure = [Judged("smoke", "severe", is_known=False), Judged("blood", "----", "6+"), Judged("fog", "mild")]
    missing = [
        "there is no result yet",
        "there is no result: it failed",
        "the result is a file, which is not read here",
    ]
    unknown = judge(rate(unsure), "18+", missing)[1].split("; ")
    assert len(unknown) == 6
    plain = [judge(rate(many), target)[1] for target in ("----", "0+", "18+")]
    for language in ("ru", "vi"):
        with production.test_request_context(f"/?language={language}"):
            assert [one for one in [*unknown, *plain] if "<span" in problem_text(one)] == []
            assert "<span" in problem_text("what nobody has translated")


def test_the_choice_of_a_person_wins_over_what_the_browser_asks_for(client: FlaskClient) -> None:
    assert shown(client) == ("en", HEADS["en"])
    for accepted, language in (("ru-RU,ru;q=0.9,en;q=0.5", "ru"), ("vi", "vi"), ("de,fr;q=0.5", "en"), ("xx;;", "en")):
        assert shown(client, **{"Accept-Language": accepted}) == (language, HEADS[language])
    client.set_cookie("language", "vi", domain="localhost")
    assert shown(client, **{"Accept-Language": "ru"}) == ("vi", HEADS["vi"])
    client.set_cookie("language", "<script>", domain="localhost")
    assert shown(client, **{"Accept-Language": "ru"}) == ("ru", HEADS["ru"])


@pytest.mark.parametrize(
    ("kept", "theme"), [("dark", "dark"), ("light", "light"), ("auto", "auto"), ("x", "auto"), (None, "auto")]
)
def test_light_or_dark_is_what_the_person_chose_on_the_other_pages(
    client: FlaskClient, kept: str | None, theme: str
) -> None:
    if kept is not None:
        client.set_cookie("theme", kept, domain="localhost")
    assert f'data-theme="{theme}"' in client.get("/login", base_url="https://localhost").text


def test_the_menu_of_a_page_keeps_the_choice_as_a_cookie_that_scripts_may_change(client: FlaskClient) -> None:
    page = client.get("/login?next=/view/system?tab=tokens", base_url="https://localhost")
    assert not [line for line in page.headers.getlist("Set-Cookie") if line.startswith("language")]
    assert {"Accept-Language", "Cookie"} <= set(page.vary)
    addresses = dict(re.findall(r'<a href="([^"]*)" lang="(\w\w)"', page.text))
    assert set(addresses.values()) == set(LANGUAGES)
    chosen = next(address for address, language in addresses.items() if language == "ru").replace("&amp;", "&")
    answer = client.get(f"/login{chosen}", base_url="https://localhost")
    kept = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("language="))
    assert kept.startswith("language=ru;")
    assert "SameSite=Lax" in kept
    assert "Secure" in kept
    assert "HttpOnly" not in kept
    assert 'value="/view/system?tab=tokens"' in answer.text  # where to go on to is not lost
    assert shown(client) == ("ru", HEADS["ru"])
    assert "language=" not in str(client.get("/login?language=xx", base_url="https://localhost").headers)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "/share/" + "0" * 32,
            {"en": "This link does not work", "ru": "Ссылка не работает", "vi": "Liên kết không hoạt"},
        ),
        ("/login", {"en": "Begin again", "ru": "Начать заново", "vi": "Bắt đầu lại"}),
    ],
    ids=["share", "step"],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_other_pages_speak_the_same_language(
    production: Flask, client: FlaskClient, path: str, words: dict[str, str], language: str
) -> None:
    if path == "/login":  # in the midst of signing in
        with client.session_transaction(base_url="https://localhost") as session, production.app_context():
            account = db.session.scalars(db.select(Account)).one()
            session[STEP_KEY] = {"id": account.id, "of": account.fs_uniquifier, "at": int(time.time()), "code": False}
    answer = client.get(
        path, headers={"Accept": "text/html", "Accept-Language": language}, base_url="https://localhost"
    )
    assert words[language] in answer.text
    assert f'<html lang="{language}"' in answer.text


def sign_in(client: FlaskClient, language: str, **given: str) -> str:
    """Send the form of the sign-in; return the page that comes."""
    headers = {"Accept": "text/html", "Accept-Language": language, "Origin": "https://localhost"}
    form = client.get("/login", headers=headers, base_url="https://localhost").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token is not None
    answer = client.post(
        "/login", data={"csrf_token": token[1], **given}, headers=headers, base_url="https://localhost"
    )
    return answer.text


def test_what_went_wrong_is_said_in_the_language_of_the_page(client: FlaskClient) -> None:
    assert "name or password is wrong" in sign_in(client, "en", name="nobody", password="no")
    assert "Неверное имя или пароль." in sign_in(client, "ru", name="nobody", password="no")
    assert "Sai tên hoặc mật khẩu." in sign_in(client, "vi", name="nobody", password="no")
    for _ in range(5):
        page = sign_in(client, "ru", name="nobody", password="no")
    assert re.search(r"Слишком много неудачных попыток: попробуйте через \d+ с\.", page)


def test_an_address_where_there_is_nothing_leads_a_browser_back_and_tells_a_program(
    production: Flask, client: FlaskClient
) -> None:
    with production.app_context(), writing() as session:
        program = {"Authorization": f"Bearer {add_account(session, 'lost', 'viewer')}"}
    headers = {"Accept": "text/html", "Accept-Language": "ru", **program}
    page = client.get("/nosuch", headers=headers)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "Такой страницы нет" in page.text
    assert 'href="/"' in page.text
    assert client.get("/nosuch", headers=program).json["detail"][0]["type"] == "not_found"
    assert client.post("/nosuch", headers=headers).is_json


def test_a_message_that_is_not_known_stays_english_and_says_so(production: Flask) -> None:
    with production.test_request_context("/login?language=ru"):
        assert problem_text("a <new> message") == '<span lang="en">a &lt;new&gt; message</span>'


def test_why_a_password_is_not_taken_is_said_in_all_languages(production: Flask) -> None:
    for password in (
        "short",
        "admin-admin-1",
        "aaaaaaaaaaaaaaa",
        "passwordpassword",
        "letmein\x01letmein",
        "password1234",
    ):
        with pytest.raises(Invalid) as refused:
            check_password(password, "admin")
        for language in ("ru", "vi"):
            with production.test_request_context(f"/account?language={language}"):
                assert "<span" not in problem_text(str(refused.value.detail[0]["msg"])), (password, language)


def test_the_account_page_speaks_the_language_of_who_is_signed_in(client: FlaskClient) -> None:
    sign_in(client, "ru", name="admin", password=PASSWORD)
    client.set_cookie("language", "ru", domain="localhost")
    page = client.get("/account", base_url="https://localhost").text
    assert '<html lang="ru"' in page
    assert "Вы — <strong>admin</strong>, администратор; вам видны все камеры." in page
    assert not re.search(r">\s*(Password|Sessions|Sign out|Begun)\s*<", page)


def test_the_plain_pages_are_usable_by_everybody_in_light_and_dark(production: Flask, chromium: Chromium) -> None:
    """Axe on each page, at a phone's width, in all languages; the menu is led by keys."""
    secret = "k" * 32
    with answering(production) as base:
        shared = f"/share/{secret}"
        shown = {("light", "en"): ("/login", shared, "/account", "/test/img"), ("dark", "ru"): ("/login", "/account")}
        for (theme, language), paths in shown.items():
            with chromium.looking(base, theme=theme, language=language, size="phone") as looker:
                page = looker.page
                for path in paths:
                    if path == "/account":
                        looker.sign_in("admin")
                    page.goto(base + path)
                    assert page.evaluate("document.documentElement.lang") == language
                    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
                    assert looker.axe() == [], (path, theme)
                assert [line for line in looker.complaints if "404" not in line] == []
        with chromium.looking(base) as looker:
            page = looker.page
            page.goto(f"{base}/login?next=/account")
            page.get_by_role("link", name="Tiếng Việt").press("Enter")
            expect(page).to_have_title(re.compile("Đăng nhập"))
            page.get_by_label("Tên").fill("admin")
            page.get_by_label("Mật khẩu").fill(PASSWORD)
            page.keyboard.press("Enter")
            expect(page.get_by_role("heading", name="Phiên đăng nhập")).to_be_visible()
            assert looker.open("/view/system?tab=tokens").evaluate("document.documentElement.lang") == "vi"
