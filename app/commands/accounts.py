"""`flask account`: who may sign in, and what he may see."""

import sys
from typing import Any

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, find_group, row

account_commands = AppGroup("account", help="Who may sign in, and what he may see.")
ROLES = click.Choice(["viewer", "operator", "admin"])
NAME = click.argument("name")
PASSWORD = click.option(
    "--password", "is_given", is_flag=True, help="Read the one-time password from standard input; else one is made."
)


def _find(name: str) -> str:
    """Return the address of the account of this name, or else of this id. Raises ClickException."""
    from app.archive.accountnames import name_key

    key = name_key(name)
    for account in ask_pages(f"{API}/account", {}):
        if name == account["id"] or (key is not None and key == name_key(account["name"])):
            return f"{API}/account/{account['id']}"
    raise click.ClickException(f"there is no account {name!r}: flask account list")


def _given_password(*, is_given: bool) -> dict[str, str]:
    """Return the password of standard input, where it is to be read. Others can read a command line."""
    if not is_given:
        return {}
    if sys.stdin.isatty():
        return {"password": click.prompt("one-time password", hide_input=True, confirmation_prompt=True)}
    return {"password": sys.stdin.readline().rstrip("\r\n")}


def _print_made(made: dict[str, Any]) -> None:
    if made["password"] is not None:
        click.echo(f"{made['name']} one-time password: {made['password']}")


@account_commands.command("list")
def list_accounts() -> None:
    """List the accounts: id, name, role, state, authenticator, cameras, last sign-in."""
    for account in ask_pages(f"{API}/account", {}):
        state = "active" if account["is_active"] else "inactive"
        ids = [*map(str, account["source_ids"]), *account["group_ids"]]
        seen = "all" if account["sees_all"] else ",".join(ids) or "none"
        totp = "totp" if account["has_totp"] else None
        row(account["id"], account["name"], account["role"], state, totp, seen, account["last_sign_in_utc"])


@account_commands.command("add")
@NAME
@click.option("--role", type=ROLES, default="viewer", show_default=True)
@PASSWORD
def add_account(name: str, role: str, *, is_given: bool) -> None:
    """Add an account that sees all cameras; prints its one-time password, this once."""
    _print_made(ask("POST", f"{API}/account", {"name": name, "role": role, **_given_password(is_given=is_given)}))


@account_commands.command("role")
@NAME
@click.argument("role", type=ROLES)
def set_role(name: str, role: str) -> None:
    """Give an account another role."""
    ask("PATCH", f"{_find(name)}/", {"role": role})


@account_commands.command("password")
@NAME
@PASSWORD
def reset_password(name: str, *, is_given: bool) -> None:
    """Give an account a one-time password, and end its sessions; prints the password, this once."""
    _print_made(ask("POST", f"{_find(name)}/password", _given_password(is_given=is_given)))


@account_commands.command("activate")
@NAME
def activate(name: str) -> None:
    """Let an account sign in again."""
    ask("PATCH", f"{_find(name)}/", {"is_active": True})


@account_commands.command("deactivate")
@NAME
def deactivate(name: str) -> None:
    """Let an account sign in no more; its sessions end, its tokens and share links rest."""
    ask("PATCH", f"{_find(name)}/", {"is_active": False})


@account_commands.command("cameras")
@NAME
@click.option("--all", "is_all", is_flag=True, help="All cameras.")
@click.option("--source", "source_ids", type=int, multiple=True, help="A camera: its id. May be given often.")
@click.option("--group", "groups", multiple=True, help="A group of cameras: its name or id. May be given often.")
def set_cameras(name: str, source_ids: tuple[int, ...], groups: tuple[str, ...], *, is_all: bool) -> None:
    """Let an account see all cameras, or those given alone; with none given it sees none."""
    if is_all and (source_ids or groups):
        raise click.UsageError("give --all, or cameras and groups")
    group_ids = [find_group(group).rpartition("/")[2] for group in groups]
    rights = {"sees_all": is_all, "source_ids": list(source_ids), "group_ids": group_ids}
    ask("PATCH", f"{_find(name)}/", rights)


@account_commands.command("totp-off")
@NAME
def totp_off(name: str) -> None:
    """Ask an account for no code any more, as when app and recovery codes are lost."""
    ask("DELETE", f"{_find(name)}/totp")


@account_commands.command("sessions-end")
@NAME
def end_sessions(name: str) -> None:
    """End all sessions of an account at once."""
    ask("DELETE", f"{_find(name)}/session")
