"""What the service says in fixed words has words in Russian and Vietnamese on the pages: looked for at its source.

The compiler sees to it that all languages of a dictionary have the same keys.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from app.access.caller import ROLES
from app.access.rules import AREAS
from app.archive.ruling import SCOPES
from app.capture.ffmpeg import _VERDICTS
from app.models.file import FOOTAGE, UPLOAD
from app.models.source import MODELS, STATUSES
from app.views.exports import ExportParameters

ROOT = Path(__file__).parents[1]
SYSTEM = ROOT / "web" / "src" / "system"
# Names that come from dictionaries: of pins, shares, tokens, accounts, schedules, files, comments, forms, repairs.
HIDDEN = {
    "account", "active", "audit", "by_severity", "comment", "comment_author", "count", "deletion", "end_utc",
    "endpoints", "expires_utc", "group_ids", "has_password", "how", "is_enabled", "left", "max_age_s", "max_bytes",
    "may_download", "min_age_s", "min_bytes", "parent", "place", "reason", "record_id", "runs", "sees_all", "segments",
    "severity", "since_us", "sources", "start_utc", "status", "tag_name", "target_audience", "threshold", "time_zone",
    "user", "uses", "violation", "violations_quantity", "windows",
}  # fmt: skip
OF_VIEWINGS = {"begin_utc", "from_utc", "further", "requests", "spans", "until_utc", "asked_utc"}


def keys_of(path: Path) -> set[str]:
    """Return the keys of a dictionary of the pages, those of its Russian part."""
    block = re.search(r"\n  ru: \{\n(.*?)\n  \},", path.read_text("utf-8"), re.DOTALL)
    assert block is not None, path
    return {key.strip("'") for key in re.findall(r"^    ([\w']+(?:\.\w+')?):", block[1], re.MULTILINE)}


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / "app" / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in names:
                yield node


def test_every_area_of_a_token_has_words_and_each_that_is_offered_is_one() -> None:
    assert keys_of(SYSTEM / "areas.ts") == set(AREAS)
    assert listed(SYSTEM / "tokendialog.tsx", "const AREAS = ") <= set(AREAS)


def test_every_value_that_is_written_down_has_a_name() -> None:
    given = {
        keyword.arg
        for _, tree in modules("")
        for call in calls(tree, "audit", "note_acts", "_write_down")
        for keyword in call.keywords
        if keyword.arg is not None
    } - {"is_number", "begin_us", "end_us", "expires_us"}  # written down in words of the wire
    kinds = {
        arg.value
        for _, tree in modules("views")
        for call in calls(tree, "saw", "sending", "living")
        for arg in call.args
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    }
    assert len(given) > 30
    assert len(kinds) > 6
    named = keys_of(SYSTEM / "auditnames.ts")
    assert given | kinds | HIDDEN | OF_VIEWINGS <= named


def names_in(value: Any) -> Iterator[str]:
    """Yield the names of all values, however deep they lie."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)


def listed(path: Path, before: str) -> set[str]:
    """Return the names in a list of a script, which stands after some text."""
    found = re.search(re.escape(before) + r"\[(.*?)\]", path.read_text("utf-8"), re.DOTALL)
    assert found is not None, before
    return set(re.findall(r"'(\w+)'", found[1]))


def test_every_value_that_is_a_word_has_words() -> None:
    words = {
        "model": set(MODELS),
        "scope": set(SCOPES),
        "kind": {UPLOAD, FOOTAGE},
        "is": {"true", "false", "null"},
    }
    known = keys_of(SYSTEM / "auditvalues.ts")
    for name, values in words.items():
        assert {f"{name}.{value}" for value in values} == {key for key in known if key.startswith(f"{name}.")}


def test_every_value_that_other_pages_say_too_has_words_there() -> None:
    contents = {*get_args(ExportParameters.model_fields["content"].annotation), "mp4"}
    values, parts, clips = SYSTEM / "auditvalues.ts", SYSTEM.parent / "parts", SYSTEM.parent / "clips"
    for path, before, said, words in (
        (values, "role: saidOf(", {*ROLES} - {"share"}, parts / "words.ts"),
        (values, "status: saidOf(", set(STATUSES), parts / "words.ts"),
        (clips / "forms.ts", "KINDS = ", contents, clips / "takewords.ts"),
    ):
        assert listed(path, before) == said
        assert said <= keys_of(words)
    assert "content: saidOf(KINDS," in values.read_text("utf-8")


def sentences() -> Iterator[str]:
    """Yield what app/capture says of a camera; X stands for what is put in."""
    yield from (row[2] for row in _VERDICTS)
    for path, tree in modules("capture"):
        if path.name == "template.py":  # refuses what somebody types, by a `type` of its own
            continue
        known = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        details = {id(node.value): node.value for node in ast.walk(tree) if _is_detail(node)}  # type: ignore[attr-defined]
        given = [call.args[1] for call in calls(tree, "Verdict", "Measurement") if len(call.args) > 1]
        given += [call.args[0] for call in calls(tree, "_refusal") if call.args]
        for node in [*given, *details.values()]:
            text = _text(known.get(node.id, node) if isinstance(node, ast.Name) else node)
            if text is not None and re.sub(r"[X ()]", "", text):
                yield text


def _is_detail(node: ast.AST) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)] == ["detail"]


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)


def test_every_fixed_sentence_about_a_camera_has_words() -> None:
    text = (ROOT / "web" / "src" / "statuswords.ts").read_text("utf-8")
    table = text[text.index("SENTENCES: ") : text.index("\n];")]
    quoted = r"""(?:"([^"]+)"|'([^']+)')"""
    entries = re.findall(rf"\[\s*{quoted},\s*{quoted},\s*{quoted},?\s*\]", table)
    known = [entry[0] or entry[1] for entry in entries]
    found = set(sentences())
    assert len(found) > 30
    patterns = {one: re.sub(r"\\\{\w\\\}", ".+", re.escape(one)) for one in known}
    assert {one for one in found if not any(re.fullmatch(pattern, one) for pattern in patterns.values())} == set()
    unused = [one for one in known if not any(re.fullmatch(patterns[one], said) for said in found)]
    assert unused == [], "nothing says these any more"
    for entry in entries:
        places = [
            sorted(set(re.findall(r"\{\w\}", first or other)))
            for first, other in zip(entry[::2], entry[1::2], strict=True)
        ]
        assert places[0] == places[1] == places[2], entry
