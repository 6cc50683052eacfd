"""Accounts made and changed, each change with its row in the log. One admin who sees all cameras always stays.

Everything here runs within a write transaction.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, select

from app.archive.accountnames import checked_name
from app.archive.auditing import audit
from app.archive.paging import Column, Order
from app.archive.signingin import end_sessions, set_password
from app.errors import Conflict, Invalid, NameTaken, NotFound
from app.extensions import AnySession
from app.models import Account, AccountRight, Group, Source
from app.models.types import folded_name, new_uuid

ADMIN = "admin"
