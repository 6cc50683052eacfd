"""Retention: how long and how much is kept, for whom, and why. Beyond the contract (docs/design/retention.md)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import select
from werkzeug.exceptions import MethodNotAllowed

from app.archive import rulebook
from app.archive.believing import believed
from app.archive.explaining import explain_instant
from app.archive.forecast import read_forecast, refuse_unreachable
from app.archive.foretelling import would_delete
from app.archive.paging import Order
from app.archive.ruling import LIMITS, Rule
from app.auth import actor
from app.errors import Invalid, NotFound, Unreachable
from app.extensions import db, writing
from app.models import RetentionRule, Source
from app.models.types import now_us
from app.personalulti import (
    MAX_ID,
    Name,
    left_out,
    no_truth,
    not_found,
    path_integer,
    path_uuid,
    read_parameters,
    read_query,
)
from app.playback.asked import Moment
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes
from app.views.retentionobjects import (
    ExplanationObject,
    ForecastObject,
    RuleObject,
    Scope,
    explanation_object,
    forecast_object,
    rule_object,
)

retention = Blueprint("retention", __name__)
namespace = Namespace("retention", "How long and how much is kept", path="/")


Age = Annotated[Annotated[int, Field(ge=0, le=rulebook.MAX_AGE_S)] | None, BeforeValidator(no_truth)]
Bytes = Annotated[Annotated[int, Field(ge=0, le=rulebook.MAX_BYTES)] | None, BeforeValidator(no_truth)]
TARGETS = {"group": "group_name", "tag": "tag_name", "source": "source_id"}


class RuleLimits(BaseModel):
    """The limits of a rule. A limit that is null, or has never been given, is left to a wider scope."""

    min_age_s: Age = Field(None, description="Kept for so long, whatever the budget; only a full disk breaks it")
    max_age_s: Age = Field(None, description="Deleted when older")
    min_bytes: Bytes = Field(None, description="The newest so many bytes are kept, however old")
    max_bytes: Bytes = Field(None, description="The oldest goes when there is more")


class RuleTarget(BaseModel):
    """What a rule is of, beside its scope: one group, tag or source, or none of them."""

    group_name: Name | None = Field(None, examples=[None])
    tag_name: Name | None = None
    source_id: int | None = Field(None, ge=1, le=MAX_ID, examples=[None])

    def of(self, scope: str) -> str | int | None:
        """Return what a rule of a scope is of. Raises Invalid where that is missing, or something else is named."""
        for one, name in TARGETS.items():
            is_given, is_meant = getattr(self, name) is not None, one == scope
            if is_given != is_meant:
                message = f"a rule of {scope} {'needs' if is_meant else 'has no'} {name}"
                raise Invalid(message, loc=("body", name), kind="missing" if is_meant else "target")
        return None if scope == rulebook.ONE_OF_ALL else getattr(self, TARGETS[scope])


class NewRule(RuleTarget, RuleLimits):
    """A rule: of all sources, or of one group, tag or source, which is named beside `scope`."""

    scope: Scope


class RuleChange(RuleLimits):
    """Other limits; what is left out stays, and the scope cannot change."""

    scope: Scope = left_out()


class RulesQuery(ListQuery):
    """Which rules are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"created": Order((RetentionRule.created_us, RetentionRule.id))}

    sort: Literal["created", "-created"] = "created"
    scope: Scope | None = Field(None, description="Only those of this scope")


class ForecastQuery(RuleTarget, RuleLimits):
    """A rule that is thought of; nothing: the forecast of the rules as they are."""

    scope: Scope | None = Field(None, description="What the rule would be of, as for POST")
    rule_id: UUID | None = Field(None, description="Instead of `scope`: the rule that would have these limits alone")


class AtQuery(BaseModel):
    """Which instant is to be explained; left out: now."""

    at: Moment | None = None


answer = document(namespace, RuleObject)


def _shown(row: RetentionRule) -> dict[str, Any]:
    return rule_object(row, rulebook.as_rule(db.session, row).name)


def _check_reachable(proposed: Rule) -> None:
    """Raise Unreachable, with the forecast as it is answered, for a minimum that there is no room for."""
    try:
        refuse_unreachable(db.session, proposed, now_us())
    except Unreachable as error:
        error.extra["forecast"] = forecast_object(error.extra["forecast"])
        raise


@namespace.route("/retention")
class Rules(Resource):
    """All rules."""

    @namespace.doc(description="In the order in which they were made.")
    @query_parameters(namespace, RulesQuery)
    @sends_list(namespace)
    @namespace.response(200, "The rules", [answer])
    def get(self) -> Response:
        """List the rules of retention."""
        asked = ask_list(RulesQuery)
        query = select(RetentionRule)
        if asked.scope is not None:
            query = query.where(RetentionRule.scope == asked.scope)
        rows, next_page = cut(asked, db.session.scalars(asked.page.of(query)).all())
        return answer_bytes(json_bytes([_shown(row) for row in rows]), next_page)

    @namespace.doc(
        description="One rule for each scope and target. For each limit the more specific scope wins: source, tag, "
        "group, all; what several records hold is kept as the one says that keeps more. A minimum for which the "
        "measured bit rates leave no room is refused, with `forecast` beside `detail`."
    )
    @namespace.expect(document(namespace, NewRule), validate=False)
    @namespace.response(200, "The new rule", answer)
    @namespace.response(404, "There is no such group, tag or source")
    @namespace.response(409, "There is a rule of this scope, or no room for its minimum")
    def post(self) -> dict[str, Any]:
        """Add a rule of retention."""
        given = read_parameters().checked(NewRule)
        proposed = rulebook.propose(
            db.session, given.scope, given.of(given.scope), given.model_dump(include=set(LIMITS))
        )
        _check_reachable(proposed)
        who = actor()
        with writing() as session:
            row = rulebook.add_rule(session, proposed, who, now_us())
        return _shown(row)


def _rule_id(text: str) -> str:
    """Return the id of a rule. Raises Invalid; MethodNotAllowed at /retention/forecast, which is no rule."""
    if text == "forecast":
        raise MethodNotAllowed(["GET", "HEAD", "OPTIONS"])
    return path_uuid("rule_id", text)


@namespace.route("/retention/<rule_id>/")
@namespace.param("rule_id", "The id of a rule", _in="path")
class OneRule(Resource):
    """One rule."""

    @namespace.doc(description="As it holds now.")
    @namespace.response(200, "The rule", answer)
    def get(self, rule_id: str) -> dict[str, Any]:
        """Get one rule of retention."""
        return _shown(rulebook.find_rule(db.session, _rule_id(rule_id)))

    @namespace.doc(description="A limit that is left out stays, null takes it away. What it is of cannot change.")
    @namespace.expect(document(namespace, RuleChange), validate=False)
    @namespace.response(200, "The changed rule", answer)
    @namespace.response(409, "There is no room for its minimum")
    def put(self, rule_id: str) -> dict[str, Any]:
        """Change the limits of a rule."""
        row_id = _rule_id(rule_id)
        given = read_parameters().checked(RuleChange).model_dump(exclude_unset=True)
        before = rulebook.as_rule(db.session, rulebook.find_rule(db.session, row_id))
        proposed = before._replace(**given)
        if proposed.scope != before.scope:
            message = f"this is a rule of {before.scope}, which cannot change: make another rule"
            raise Invalid(message, loc=("body", "scope"), kind="scope")
        rulebook.check_limits({limit: proposed.limit(limit) for limit in LIMITS})
        _check_reachable(proposed)
        who = actor()
        with writing() as session:
            row = rulebook.change_rule(session, proposed, who, now_us())
        return _shown(row)

    @namespace.doc(description="What it limited is then limited by wider scopes, or by nothing.")
    @namespace.response(200, "The rule that was removed", answer)
    def delete(self, rule_id: str) -> dict[str, Any]:
        """Remove a rule."""
        row_id, who = _rule_id(rule_id), actor()
        with writing() as session:
            name = rulebook.as_rule(session, rulebook.find_rule(session, row_id)).name
            return rule_object(rulebook.remove_rule(session, row_id, who), name)


def _thought_of(asked: ForecastQuery) -> Rule | None:
    """Return the rule that a forecast is asked with; None for none. Raises Invalid, NotFound, which name the query."""
    limits = asked.model_dump(include=set(LIMITS))
    try:
        if asked.rule_id is not None:
            rulebook.check_limits(limits)
            row = rulebook.find_rule(db.session, str(asked.rule_id))
            return rulebook.as_rule(db.session, row)._replace(**limits)
        if asked.scope is None:
            return None
        return rulebook.propose(db.session, asked.scope, asked.of(asked.scope), limits)
    except (Invalid, NotFound) as error:
        error.loc = ("query", *error.loc[1:])
        raise


@namespace.route("/retention/forecast")
class RetentionForecast(Resource):
    """What the storages can keep."""

    @namespace.doc(
        description="From the bytes that each source has come to in the last day while it recorded. "
        "`hours_until_full` counts what is left until budget or reserve; retention makes room before. With `scope` and "
        "what POST takes beside it, or with `rule_id`, and limits, it is told as it would be with that rule, which is "
        "the last of `rules`, and `deletes_bytes` is told; a limit that is left out is none."
    )
    @query_parameters(namespace, ForecastQuery)
    @namespace.response(200, "The forecast", document(namespace, ForecastObject))
    @namespace.response(404, "There is no such rule, group, tag or source")
    def get(self) -> dict[str, Any]:
        """Tell how long there is room, and which minima can be kept."""
        thought_of = _thought_of(read_query().checked(ForecastQuery))
        forecast = read_forecast(db.session, now_us(), thought_of)
        deletes = None if thought_of is None else would_delete(db.session, thought_of)
        return forecast_object(forecast, deletes)


@namespace.route("/source/<source_id>/retention")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class SourceRetention(Resource):
    """What holds for an instant."""

    @namespace.doc(
        description="Each limit that holds for the instant with the rule that it comes from, pins, when its footage "
        "goes at the earliest by age, or by what it went."
    )
    @namespace.param("at", "ISO 8601 with an offset or Z, or seconds since the epoch; left out: now", _in="query")
    @namespace.response(200, "What holds, and why", document(namespace, ExplanationObject))
    def get(self, source_id: str) -> dict[str, Any]:
        """Explain what is kept of an instant of a source, and why."""
        number = path_integer("source_id", source_id)
        asked = read_query().checked(AtQuery)
        if db.session.get(Source, number) is None:
            not_found("source_id", source_id)
        at_us = now_us() if asked.at is None else asked.at
        return explanation_object(number, at_us, explain_instant(db.session, number, at_us), believed(db.session))


PlaybackApi(retention).add_namespace(namespace)
