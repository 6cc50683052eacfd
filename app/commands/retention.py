"""`flask retention`: how long and how much is kept."""

import re
from typing import Any

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, row, segment

retention_commands = AppGroup("retention", help="How long and how much is kept.")
AGES = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
SIZES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Measure(click.ParamType):  # type: ignore[type-arg]
    """A number with a unit, as `7d` or `500G`; `none` takes a limit away."""

    def __init__(self, name: str, units: dict[str, int]) -> None:
        self.name = name
        self._units = units

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return seconds or bytes, or `none`."""
        if value == "none" or isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,15})([a-zA-Z]*)", str(value))
        if found is None or found[2] not in self._units:
            self.fail(
                f"{value!r} is no number with one of the units {', '.join(filter(None, self._units))}", param, ctx
            )
        return int(found[1]) * self._units[found[2]]


AGE, SIZE = Measure("AGE", AGES), Measure("SIZE", SIZES)


def _rule_row(rule: dict[str, Any]) -> None:
    limits = (rule[name] for name in ("min_age_s", "max_age_s", "min_bytes", "max_bytes"))
    row(rule["id"], rule["scope"], rule["name"], *limits)


@retention_commands.command("list")
def list_rules() -> None:
    """List the rules: id, scope, of what, min_age_s, max_age_s, min_bytes, max_bytes."""
    for rule in ask_pages(f"{API}/retention", {}):
        _rule_row(rule)


@retention_commands.command("set")
@click.option("--group", "group_name", help="Of a group: its name or id.")
@click.option("--tag", "tag_name", help="Of a tag: its name or id.")
@click.option("--source", "source_id", type=int, help="Of a source: its id. With none of these: of all.")
@click.option("--min-age", "min_age_s", type=AGE, help="Keep for so long, as 72h or 7d; none takes the limit away.")
@click.option("--max-age", "max_age_s", type=AGE, help="Delete when older.")
@click.option("--min-bytes", type=SIZE, help="Keep the newest so many, as 500G.")
@click.option("--max-bytes", type=SIZE, help="Delete the oldest when there is more.")
def set_rule(group_name: str | None, tag_name: str | None, source_id: int | None, **limits: Any) -> None:
    """Set the limits of all, a group, a tag or a source; those not given stay. Prints the rule as `list` does."""
    targets = {"group_name": group_name, "tag_name": tag_name, "source_id": source_id}
    given = {name: value for name, value in targets.items() if value is not None}
    if len(given) > 1:
        raise click.ClickException("give one of --group, --tag and --source, or none")
    values = {name: None if value == "none" else value for name, value in limits.items() if value is not None}
    scope = next(iter(given)).rpartition("_")[0] if given else "all"
    known = _find_rule(scope, next(iter(given.values()), None))
    if known is None:
        _rule_row(ask("POST", f"{API}/retention", {"scope": scope, **given, **values}))
    else:
        _rule_row(ask("PUT", f"{API}/retention/{known}/", values))


def _find_rule(scope: str, target: str | int | None) -> str | None:
    """Return the id of the rule of a scope, given by the name or id of what it is of."""
    for rule in ask_pages(f"{API}/retention", {"scope": scope}):
        names = (rule["name"], rule.get(f"{scope}_id"))
        if target is None or target in names:
            return str(rule["id"])
    return None


@retention_commands.command("remove")
@click.argument("rule_id")
def remove_rule(rule_id: str) -> None:
    """Remove a rule."""
    ask("DELETE", f"{API}/retention/{segment(rule_id)}/")


@retention_commands.command("forecast")
def forecast() -> None:
    """Tell what there is room for: a line for each storage, source and rule, then all in all."""
    found = ask("GET", f"{API}/retention/forecast")
    for room in found["storages"]:
        names = ("storage_id", "path", "used_bytes", "pinned_bytes", "free_bytes", "capacity_bytes")
        row("storage", *(room[name] for name in names))
    for rate in found["sources"]:
        bytes_s = None if rate["bytes_s"] is None else round(rate["bytes_s"])
        row("source", rate["source_id"], bytes_s, "recording" if rate["is_recording"] else None)
    for rule in found["rules"]:
        told = {True: "met", False: "not met", None: None}[rule["is_met"]]
        row("rule", rule["rule_id"], rule["scope"], rule["name"], rule["needed_bytes"], told)
    hours, days = found["hours_until_full"], found["reachable_days"]
    row("hours until full", None if hours is None else round(hours, 1))
    row("days of retention reachable", None if days is None else round(days, 1))


@retention_commands.command("explain")
@click.argument("source_id")
@click.option("--at", help="An instant, as 2026-11-20T22:44:05Z; left out: now.")
def explain(source_id: str, at: str | None) -> None:
    """Explain what holds for an instant of a source: limits and their rules, pins, when or by what its footage goes."""
    query = {} if at is None else {"query_string": {"at": at}}
    found = ask("GET", f"{API}/source/{segment(source_id)}/retention", **query)
    row(found["state"], found["why"])
    row("goes at the earliest", found["earliest_utc"])
    row("tags", ", ".join(found["tags"]))
    for name, limit in found["limits"].items():
        row(name, *((limit["value"], limit["scope"], limit["name"], limit["rule_id"]) if limit else (None,)))
    for pin in found["pins"]:
        row("pin", pin["id"], pin["owner"], pin["expires_utc"], pin["reason"])


@retention_commands.command("run")
@click.option("--confirm", "is_confirmed", is_flag=True, help="The clock is right, whatever it was seen to do.")
def run_pass(*, is_confirmed: bool) -> None:
    """Do a pass now, and the rest of it; prints how many files and bytes are gone, then what stands in the way."""
    from app.archive.retention import Retention

    retention = Retention()
    outcome = retention.run(is_confirmed=is_confirmed, is_eager=True)
    segments, size_bytes = outcome.segments, outcome.size_bytes
    while not outcome.is_done:
        outcome = retention.run(is_eager=True)
        segments, size_bytes = segments + outcome.segments, size_bytes + outcome.size_bytes
    row(segments, size_bytes)
    for text in (*outcome.refusals, *outcome.warnings):
        click.echo(text, err=True)
    if outcome.refusals:
        raise click.exceptions.Exit(1)
