"""The API keeps to its own document: the first share of its operations (tests/schema_asking.py)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.archived import media as media
from tests.schema_asking import ask_share
from tests.schema_asking import production as production


# werkzeug leaves the file of a part open where the form behind it breaks off.
@pytest.mark.no_cover  # the tracer would double the time that generating requests takes
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed file:ResourceWarning")
def test_every_operation_of_the_first_share_keeps_to_the_document(
    production: Flask, media: Callable[..., Path]
) -> None:
    ask_share(production, media("audio"), 0)
