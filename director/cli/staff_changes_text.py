"""The changes of employees.toml as text for people."""

from director.services.staff_changes import ChainChange, DeclaredChange, StaffChanges
from director.terminal.escape import visible

DONE = {"hired": "hired", "updated": "updated", "unchanged": "unchanged", "stays_dismissed": "stays dismissed"}
PLANNED = DONE | {"hired": "would be hired", "updated": "would be updated"}


def staff_changes_text(result: StaffChanges) -> str:
    """Return one line for each account, employee and chain, and the employees that the file does not name."""
    words = PLANNED if result.dry_run else DONE
    done = {"added": "would be added", "updated": "would be changed"} if result.dry_run else {"updated": "changed"}
    lines = [f"account {each.name}: {done.get(each.change, each.change)}" for each in result.accounts]
    lines += [_employee(change, words[change.change]) for change in result.employees]
    lines += [_chain(chain, dry_run=result.dry_run) for chain in result.chains]
    left = [name for name in result.others if name not in result.dismissed]
    if result.dismissed:
        lines.append(f"{'would be ' if result.dry_run else ''}dismissed: {', '.join(result.dismissed)}")
    if left:
        lines.append(
            f"not in the file: {', '.join(left)}. They stay. To dismiss them for good: "
            'aura staff apply --dismiss-others --reason "…"'
        )
    if result.dry_run:
        lines.append("Nothing was changed. Without --dry-run, the command makes these changes.")
    return visible("\n".join(lines)) if lines else f"{result.file} names no employee and no chain."


def _employee(change: DeclaredChange, what: str) -> str:
    parts = [f"{each.option} {each.before} -> {each.after}" for each in change.differences]
    line = f"{change.name}: {what}" + (f" ({'; '.join(parts)})" if parts else "")
    if change.suspended:
        line += f". It stays suspended: aura reinstate {change.name} --reason …"
    return line


def _chain(chain: ChainChange, *, dry_run: bool) -> str:
    after = ", then ".join(chain.after) or "none: everybody may work"
    changed = ("would be set" if dry_run else "set") if chain.changes else "unchanged"
    return f"fallback chain of the role {chain.role}: {after} ({changed})"
