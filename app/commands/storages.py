"""`flask storage`: where footage lies, and how the disks are."""

from flask.cli import AppGroup

from app.commands.asking import API, ask, row

storage_commands = AppGroup("storage", help="The storages that footage is recorded to.")


@storage_commands.command("list")
def list_storages() -> None:
    """List the storages: id, state, free, size, budget and reserve in MiB, `cold` or `-`, path, detail."""
    for storage in ask("GET", f"{API}/storage"):
        sizes = [_mib(storage[name]) for name in ("free_bytes", "total_bytes", "budget_bytes", "reserve_bytes")]
        cold = "cold" if storage["is_cold"] else None
        row(storage["id"], storage["state"], *sizes, cold, storage["path"], storage["state_detail"])


def _mib(size_bytes: int | None) -> str | None:
    return None if size_bytes is None else str(size_bytes >> 20)
