"""Writes YAML 1.2 of plain JSON values: block style, each text in double quotes as JSON writes it."""

import json
from collections.abc import Iterator
from typing import Any


def yaml_text(value: Any) -> str:
    """Return the value as a YAML document."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _entry(f"{indent}{json.dumps(str(key))}:", inner, depth)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _entry(f"{indent}-", inner, depth)
    else:
        yield indent + json.dumps(value, ensure_ascii=False)


def _entry(head: str, inner: Any, depth: int) -> Iterator[str]:
    """Yield one entry: what is short stands beside its head, what has parts below it."""
    if isinstance(inner, dict | list) and inner:
        yield head
        yield from _lines(inner, depth + 1)
    else:
        yield f"{head} {json.dumps(inner, ensure_ascii=False)}"
