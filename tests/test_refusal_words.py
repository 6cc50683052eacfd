"""Every error that an operator's page can meet is said in Russian and Vietnamese, by its `type` (web/src/api).

In English the pages show the service's own sentence. The compiler sees to it that both languages have the same words.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from app import errors
from app.views.failures import KINDS
from app.wording import OBJECTS, WORDS

ROOT = Path(__file__).parents[1]
API = ROOT / "web" / "src" / "api"
# Of these no page can tell: who sees them, instead.
UNMET = {
    "the pages of sign-in, account and share links, which the server writes in all languages": {
        "wrong_sign_in", "code_needed", "password_change_needed", "too_many_attempts", "plain_http", "again", "action",
        "secret", "wrong_password", "wrong_code", "totp_on", "totp_missing", "no_download",
    },
    "who opens the pages where there are none": {"pages_not_built", "wrong_host"},
    "servers that copy recordings to one another": {
        "offset_wrong", "copy_broken", "copy_differs", "copy_incomplete", "body_short", "size_differs", "md5_differs",
        "folder_unreadable", "target_not_allowed", "wrong_location",
    },
    "programs that download with a key": {"key_expired", "key_revoked", "key_rotated_out", "not_a_download_key"},
    "analysers that send results": {"result_differs", "unknown", "empty", "behind_end"},
    "players that build addresses of media themselves": {
        "end_and_duration", "rev_unknown", "cell_order", "cell_place", "init_name", "grid_without_source",
        "range_unsatisfiable", "source_ids", "kinds", "cause", "after_or_before",
    },
    "programs that send what the pages have no field for: forms, headers, cursors, both of two": {
        "form_invalid", "duplicate", "either", "ids_differ", "refer", "file_of", "pin_of", "cursor", "idempotency_key",
        "idempotency_key_reused", "checksum_mismatch", "unsupported_media_type", "csv_header", "csv_cells",
        "csv_invalid", "encoding", "list_unreadable",
    },
    "who speaks broken HTTP": {
        "method_not_allowed", "length_required", "uri_too_long", "expectation_failed", "headers_too_large",
        "not_implemented", "http_error", "too_many_requests",
    },
}  # fmt: skip
# Given in ways that are not looked for here: app/access/csrf.py, app/views/failures.py.
ELSEWHERE = {"csrf_token", "database_unavailable", "http_error"}
# Of the pages themselves: nothing came of the service.
OWN = {"no_service", "unexplained", "no_picture", "late", "broken_off"}
# Types of pydantic that no model here asks for now, or which have no words there.
OF_PYDANTIC = {"value_error", "too_short", "extra_forbidden", *OBJECTS, *WORDS}


def leaves() -> set[str]:
    """Return the `kind` of every error of app/errors.py."""
    found, waiting = set(), [errors.PlaybackError]
    while waiting:
        one = waiting.pop()
        found.add(one.kind)
        waiting += one.__subclasses__()
    return found


def raised() -> Iterator[str]:
    """Yield every word that the code gives as the type of an entry of `detail`."""
    classes = {one.__name__ for one in vars(errors).values() if isinstance(one, type)}
    for path in sorted((ROOT / "app").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        names = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _given(node, classes, names)
            elif isinstance(node, ast.Dict) and {"loc", "msg", "type"} == _keys(node):
                value = node.values[[_text(key) for key in node.keys].index("type")]
                yield from _texts(value, names)


def _given(node: ast.Call, classes: set[str], names: dict[str, str]) -> Iterator[str]:
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if called == "PydanticCustomError":
        yield from _texts(node.args[0], names)
    if called in classes:
        for keyword in node.keywords:
            if keyword.arg == "kind":
                yield from _texts(keyword.value, names)


def _keys(node: ast.Dict) -> set[str]:
    return {_text(key) for key in node.keys}


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts(value: ast.expr, names: dict[str, str]) -> list[str]:
    if isinstance(value, ast.IfExp):
        return [*_texts(value.body, names), *_texts(value.orelse, names)]
    if isinstance(value, ast.Name) and value.id in names:
        return [names[value.id]]
    return [_text(value)] if _text(value) else []


def words_of(path: Path) -> set[str]:
    """Return the types that a dictionary of the pages has words for: the keys of its Russian part."""
    block = re.search(r"const RU = \{\n(.*?)\n\};", path.read_text("utf-8"), re.DOTALL)
    assert block is not None
    return set(re.findall(r"^  (\w+):", block[1], re.MULTILINE))


def test_every_type_of_error_has_words_or_a_reason_why_no_page_meets_it() -> None:
    said = words_of(API / "refusalwords.ts") | words_of(API / "valuewords.ts")
    unmet = {kind for kinds in UNMET.values() for kind in kinds}
    given = leaves() | set(raised()) | set(KINDS.values()) | ELSEWHERE
    assert len(given) > 130
    assert given - said - unmet == set(), "neither words in web/src/api nor a reason here"
    assert said & unmet == set(), "said to be met by no page, but there are words"
    assert unmet - given == set(), "nothing gives these any more"
    assert said - given - OWN - OF_PYDANTIC == set(), "words for what nothing gives any more"


def test_what_pydantic_refuses_most_has_words() -> None:
    assert set(WORDS) | set(OBJECTS) <= words_of(API / "valuewords.ts")
