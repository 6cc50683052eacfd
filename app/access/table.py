"""The table of who may do what as `docs/security.md` shows it, made from the rules and the routes."""

from collections.abc import Iterator

from flask import Flask

from app.access.rules import Rule, rule_of

HEAD = (
    "| path | methods | least role | analyser | area | cameras | span | limit |",
    "|---|---|---|---|---|---|---|---|",
)
OWN = ("OPTIONS", "HEAD")  # HEAD is as GET; OPTIONS tells the methods to who is known


def lines(app: Flask) -> Iterator[str]:
    """Yield the lines of the table: a row for each path and the methods of it that one rule is for."""
    yield from HEAD
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        by_rule: dict[Rule | None, list[str]] = {}
        for method in sorted((rule.methods or set()) - set(OWN)):
            by_rule.setdefault(rule_of(rule.endpoint, method), []).append(method)
        for found, methods in by_rule.items():
            yield _line(rule.rule, methods, found)


def _line(path: str, methods: list[str], rule: Rule | None) -> str:
    if rule is None:
        return f"| `{path}` | {' '.join(methods)} | nobody: no row | | | | | |"
    analyser = "yes" if rule.is_analyser or rule.role == "open" else "no"
    span = "yes" if rule.has_window or rule.role == "open" else "no"
    cells = [rule.role, analyser, rule.area, rule.cameras, span, rule.limit or ""]
    return " | ".join([f"| `{path}`", " ".join(methods), *cells]).rstrip() + " |"
