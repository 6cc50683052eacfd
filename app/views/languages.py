"""In which language a page that the server renders speaks: the person's choice, else what the browser asks for.

    ?language=ru   what the menu of these pages leads to; kept as the cookie `language`
    language=ru    the cookie, which the language menu of the operator's pages writes too
    Accept-Language

English is the key and the first text of each sentence (app/views/pagetexts.py); the other languages stand beside it.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, has_request_context, request
from markupsafe import Markup, escape

from app.access import cookies
from app.views.pagetexts import TEXTS
from app.views.problemtexts import PATTERNS, PROBLEMS
from app.views.reporttexts import REASON_PATTERNS, REPORT_TEXTS

COOKIE, PARAMETER = "language", "language"
THEME_COOKIE = "theme"
LANGUAGES = {"en": "English", "ru": "Русский", "vi": "Tiếng Việt"}
THEMES = ("light", "dark")
KEPT_S = 365 * 86_400
_PLACES = {"ru": 0, "vi": 1}
_ALL: Mapping[str, tuple[str, str]] = {**TEXTS, **REPORT_TEXTS, **PROBLEMS}
_PATTERNS = [(re.compile(pattern, re.DOTALL), texts) for pattern, texts in {**PATTERNS, **REASON_PATTERNS}.items()]


def begin(app: Flask) -> None:
    """Give templates their words, and keep the choice of a person."""
    words = {"say": say, "problem_text": problem_text, "reasons_text": reasons_text}
    app.jinja_env.globals.update(words, language=language, language_links=language_links, theme=theme)
    app.after_request(keep_choice)


def language() -> str:
    """Return the language of the page of this request: en, ru or vi. Answers that ask for it vary by what chose it."""
    if not has_request_context():
        return "en"
    if "page_language" not in g:
        g.page_language = _chosen()
    return str(g.page_language)


def _chosen() -> str:
    for given in (request.args.get(PARAMETER), request.cookies.get(COOKIE)):
        if given in LANGUAGES:
            return given
    return request.accept_languages.best_match(list(LANGUAGES), default="en")


def theme() -> str:
    """Return light or dark where a person has chosen, else auto: as the system likes it."""
    given = request.cookies.get(THEME_COOKIE, "") if has_request_context() else ""
    return given if given in THEMES else "auto"


def say(text: str, **values: object) -> Markup:
    """Return a sentence of TEXTS in the language of the page, with `{name}` replaced; values are escaped.

    Raises KeyError for a sentence that was not written in all languages.
    """
    words = text if language() == "en" else _ALL[text][_PLACES[language()]]
    return Markup(escape(words)).format(**values)  # noqa: S704  # nosec B704  escaped the moment before


def problem_text(message: str) -> Markup:
    """Return an error message in the language of the page; one that is not known stays English, and says so."""
    if language() == "en":
        return escape(message)
    place = _PLACES[language()]
    if message in _ALL:
        return escape(_ALL[message][place])
    for pattern, texts in _PATTERNS:
        if found := pattern.fullmatch(message):
            return escape(texts[place].format(**found.groupdict()))
    return Markup('<span lang="en">{}</span>').format(message)


def reasons_text(reasons: list[str]) -> Markup:
    """Return why a verdict of a report is as it is: several reasons in the language of the page, in one line."""
    return Markup("; ").join(problem_text(reason) for reason in reasons)


def language_links() -> list[dict[str, Any]]:
    """Return the languages to choose from, each with the address of this page in it, relative to it."""
    links = []
    for code, name in LANGUAGES.items():
        query = {**request.args.to_dict(), PARAMETER: code}
        links.append({"code": code, "name": name, "address": f"?{urlencode(query)}", "is_this": code == language()})
    return links


def keep_choice(response: Response) -> Response:
    """Keep the language that a link of the menu named; tell caches what the words of a page depend on."""
    if "page_language" not in g:
        return response
    response.vary.update(["Accept-Language", "Cookie"])
    chosen = request.args.get(PARAMETER)
    if chosen in LANGUAGES and request.cookies.get(COOKIE) != chosen:
        secure = cookies.is_secure(current_app.config["PLAYBACK"])
        response.set_cookie(COOKIE, chosen, max_age=KEPT_S, path="/", secure=secure, httponly=False, samesite="Lax")
    return response
