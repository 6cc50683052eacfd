"""Addresses that are built late (app/views/routing.py) are those that werkzeug's own rules build."""

from flask import Flask
from werkzeug.routing import Map, Rule

from app.views.routing import LateRule

VALUES = {"int": 7, "float": 1.5, "path": "a/b c", "default": "x y&ü"}
UNKNOWN = {"start": "2026-11-20T00:00:00Z", "tag": ["a b", "c"]}


def test_each_rule_builds_what_a_rule_of_werkzeug_builds(app: Flask) -> None:
    count = 0
    for rule in app.url_map.iter_rules():
        assert type(rule) is LateRule or rule.endpoint == "static"  # Flask makes that one as it begins
        plain = Rule(rule.rule, endpoint=rule.endpoint, methods=rule.methods, defaults=rule.defaults)
        Map([plain], converters=app.url_map.converters, strict_slashes=False, merge_slashes=False)
        for value in VALUES.values():
            values = dict.fromkeys(rule.arguments - set(rule.defaults or {}), value)
            for given in (values, {**values, **UNKNOWN}):
                for append_unknown in (True, False):
                    assert built(rule, given, append_unknown) == built(plain, given, append_unknown), rule.rule
                    count += 1
    assert count > 1000


def built(rule: Rule, values: dict[str, object], append_unknown: bool) -> object:
    """Return the address, or the error of a converter that does not take the value."""
    try:
        return rule.build(values, append_unknown)
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)
