"""HR as text: the rules, the record of strikes, appeals and the blacklist."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from director.cli.career_text import career_rules
from director.services.appeals import OpenAppeal
from director.services.blacklist import BlacklistChanged, BlacklistedVersion
from director.services.hr_rules import ShownRules
from director.terminal.escape import visible
from director.terminal.text import clock, table
from domain.ladder import Step
from domain.wording import counted
from governance.hr_rules import FILE

INCIDENT_CHARS = 8
"""The number of shown characters of an incident's id, which is a hash."""
_KINDS: Mapping[str, str] = {
    "appealed": "has an appeal",
    "appeal_granted": "has a granted appeal",
    "appeal_denied": "has a denied appeal",
    "rehired": "hired again",
    "placed": "has another tier",
}


def standing(person: Mapping[str, Any]) -> str:
    """Return the standing of an employee: its phase, the end of a suspension, and its tier."""
    text: str = person["phase"] or "-"
    if person.get("until"):
        text += f" until {clock(person['until'])}"
    if person.get("rehire_from"):
        text += f", no rehire before {clock(person['rehire_from'])}"
    if person.get("probation"):
        return f"{text}, on probation"
    return f"{text}, {person['tier']}" if person.get("tier") else text


def strikes(person: Mapping[str, Any]) -> str:
    """Return the number of strikes that count, and the number of reversed ones."""
    count = str(person["strikes"] or 0)
    return f"{count} ({person['reversed']} reversed)" if person.get("reversed") else count


def record_line(line: Mapping[str, Any]) -> str:
    """Return one line of the record: time, name, what happened and why, then strike, incident and rule."""
    kind = _KINDS.get(line["kind"], line["kind"])
    details = list(_details(line))
    after = f" ({', '.join(details)})" if details else ""
    return f"{clock(line['at'])}  {line['name']} {kind}: {visible(line['reason'])}{after}"


def _details(line: Mapping[str, Any]) -> Iterator[str]:
    if line.get("step"):
        yield f"strike {line['step']}{', reversed by an appeal' if line['reversed'] else ''}"
    if line.get("until"):
        yield f"until {clock(line['until'])} UTC"
    if line.get("incident"):
        yield f"incident {str(line['incident'])[:INCIDENT_CHARS]}"
    if line.get("rule") and not line.get("step"):
        yield f"rule {line['rule']}"
    if line.get("rules_version"):
        yield f"rules {line['rules_version']}"


def rules_text(shown: ShownRules, home: Path) -> str:
    """Return the rules in sentences, with their version and their file."""
    rules = shown.rules
    ladder = [f"strike {number}: {_step(step)}" for number, step in enumerate(rules.ladder, start=1)]
    lines = [
        f"Rules of HR, version {shown.version}, from {shown.file or 'this release'}.",
        *ladder,
        f"probation: until {counted(rules.probation.verified_tasks_min, 'verified task')} and "
        f"{rules.probation.verified_percent_min}% of the attempts verified",
        f"rehire: {counted(rules.rehire.after_days, 'day')} after an end by a strike, on probation",
        f"appeals: at most {rules.appeals.filings_max} of one strike",
    ]
    lines += career_rules(rules)
    if not shown.file:
        lines.append(f"To change them: write {home / FILE}, check it with `aura rules check`, and restart HR.")
    return "\n".join(lines)


def _step(step: Step) -> str:
    if step.action == "warn":
        return "a warning"
    if step.action == "end":
        return "the end of the employment"
    return "suspension" + (f" for {counted(step.days, 'day')}" if step.days is not None else " until a reinstatement")


def appeals_text(appeals: Sequence[OpenAppeal]) -> str:
    """Return one line for each open appeal."""
    if not appeals:
        return "No appeal is open."
    lines = [
        (
            clock(each.filed_at),
            each.name,
            str(each.incident)[:INCIDENT_CHARS],
            f"{each.answered}: {visible(each.strike_reason)}",
            visible(each.grounds),
        )
        for each in appeals
    ]
    text = table(("filed", "employee", "incident", "strike", "grounds"), lines)
    return f"{text}\nTo decide one: aura appeal decide EMPLOYEE --incident ID --grant --reason … (or --deny)"


def blacklist_text(versions: Sequence[BlacklistedVersion]) -> str:
    """Return one line for each blacklisted version."""
    if not versions:
        return "No version is blacklisted."
    lines = [
        (clock(each.at), each.version, ", ".join(each.employees) or "nobody", visible(each.reason)) for each in versions
    ]
    return table(("since", "version", "employees", "reason"), lines)


def blacklisted_text(changed: BlacklistChanged) -> str:
    """Return the result of an addition to the blacklist."""
    recorded = f", as event {changed.seq}" if changed.seq else " already"
    who = ", ".join(changed.employees)
    after = f" HR suspends {who}." if who else " No employee has it."
    return f"Version {changed.version} is blacklisted{recorded}.{after}"


def cleared_text(changed: BlacklistChanged) -> str:
    """Return the result of a removal from the blacklist, and how its employees get work again."""
    who = ", ".join(changed.employees)
    after = f" To let them work again: aura reinstate EMPLOYEE --reason … ({who})" if who else ""
    return f"Version {changed.version} is not blacklisted any more, as event {changed.seq}.{after}"
