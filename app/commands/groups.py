"""`flask group`: groups of cameras, and their weekly schedules."""

import json
from pathlib import Path

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, find_group, row

group_commands = AppGroup("group", help="Groups of cameras.")
MODEL = click.option(
    "--model",
    type=click.Choice(["Source", "PictureSource"]),
    default="Source",
    show_default=True,
    help="Of its sources.",
)


@group_commands.command("list")
def list_groups() -> None:
    """List the groups: id, name, ids of their sources."""
    for group in ask_pages(f"{API}/group", {"sort": "name"}):
        members = ask("GET", f"{API}/group/{group['id']}/")["sources"]
        row(group["id"], group["name"], ",".join(str(source["id"]) for source in members))


@group_commands.command("add")
@click.argument("name")
@MODEL
def add_group(name: str, model: str) -> None:
    """Add a group and print its id."""
    click.echo(ask("POST", f"{API}/group", {"name": name, "model": model})[0]["id"])


@group_commands.command("rename")
@click.argument("group")
@click.argument("name")
def rename_group(group: str, name: str) -> None:
    """Give a group, named by name or id, another name."""
    ask("PATCH", f"{find_group(group)}/", {"name": name})


@group_commands.command("delete")
@click.argument("group")
def delete_group(group: str) -> None:
    """Delete a group; its sources and recordings stay."""
    ask("DELETE", f"{find_group(group)}/")


@group_commands.command("add-source")
@click.argument("group")
@click.argument("source_ids", nargs=-1, required=True)
def add_members(group: str, source_ids: tuple[str, ...]) -> None:
    """Let sources join a group."""
    path = find_group(group)
    for source_id in source_ids:
        ask("POST", f"{path}/source/{source_id}/")


@group_commands.command("remove-source")
@click.argument("group")
@click.argument("source_ids", nargs=-1, required=True)
def remove_members(group: str, source_ids: tuple[str, ...]) -> None:
    """Take sources out of a group."""
    path = find_group(group)
    for source_id in source_ids:
        ask("DELETE", f"{path}/source/{source_id}/")


@group_commands.command("schedule")
@click.argument("group")
@click.option(
    "--set", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON file with it."
)
@click.option("--remove", "is_removed", is_flag=True, help="Take it away; what it has begun stops.")
def schedule(group: str, file: Path | None, *, is_removed: bool) -> None:
    """Show the weekly schedule of a group as JSON, set it, or take it away."""
    path = f"{find_group(group)}/schedule"
    if file is not None and is_removed:
        raise click.UsageError("give --set or --remove, not both")
    if file is not None:
        shown = ask("PUT", path, data=file.read_bytes(), content_type="application/json")
    else:
        shown = ask("DELETE" if is_removed else "GET", path)
    if not is_removed:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
