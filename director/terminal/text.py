"""Screens as text: the stack, the list of runs, the record of one run."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bus.disk_room import FREE_BYTES_MIN, STREAM_FULL_RATIO, size_text
from director.terminal.budget_text import warnings_text
from director.terminal.escape import visible
from director.terminal.estimate_text import comparison_lines
from director.terminal.parked_text import parked_text
from director.terminal.stand_in_text import stand_in_lines
from director.terminal.tables import money as money
from director.terminal.tables import table as table
from director.terminal.wait_text import wait_lines, waiting_text
from domain.wording import counted

MICRO = 1_000_000


def clock(microseconds: int | None) -> str:
    """Return a time as text for people, in UTC; `-` for None."""
    if not microseconds:
        return "-"
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def masked(url: str) -> str:
    """Return an address without its user and password."""
    head, at, tail = url.rpartition("@")
    scheme, sep, _ = head.partition("://")
    return f"{scheme}{sep}…@{tail}" if at else url


def stack_text(data: dict[str, Any]) -> str:
    """Return the stack's data (`director/services/stack_status.py`) as text for people."""
    lines = [
        table(
            ("process", "pid", "state", "restarts", "position", "lag"),
            [
                (one["name"], one["pid"], _state(one), one["restarts"], one["position"], one["lag"])
                for one in data["processes"]
            ],
        )
        if data["processes"]
        else "AURA_NATS_URL and AURA_POSTGRES_DSN name the servers; no process of this home runs."
    ]
    lines.append(f"\nhome      {data['home']}")
    for name in ("nats_data", "postgres_data"):
        if data[name]:
            lines.append(f"{name.partition('_')[0]:<9} {data[name]}")
    if data["api"]:
        lines.append(f"{'api':<9} {data['api']}  (sign in: aura open)")
    lines += [
        f"{'notify':<9} {each['name']} gets no notifications since {clock(round(each['failing_since'] * MICRO))} UTC: "
        f"{visible(each['error'])}"
        for each in data["notify"]
    ]
    if data["problem"]:
        lines.append(f"\n{data['problem']}")
    else:
        lines.append(f"\norganisation {data['organisation']}, last event {data['last_event']}")
        lines += room_lines(data["stream"], data["disk_free"])
        lines.append(_leader(data["leader"]))
        lines.append(
            table(
                ("reader", "position", "lag"),
                [(name, seq, data["lag"][name]) for name, seq in data["positions"].items()],
            )
        )
        if data["parked"]:
            lines.append(f"\n{parked_text(data['parked'])}")
        if data["waiting"]:
            lines.append(f"\n{waiting_text(data['waiting'])}")
        if data["budgets"]:
            lines += ["", *warnings_text(data["budgets"])]
    return "\n".join(lines)


def room_lines(stream: Mapping[str, int], disk_free: int) -> list[str]:
    """Return the fill level of the stream and the free disk space, each with a warning if it is critical."""
    used, most = stream["bytes"], stream["bytes_max"]
    share = used / most if most else 0.0
    lines = [
        f"stream {size_text(used)} of {size_text(most)} ({share:.0%}), {size_text(disk_free)} free on the home's disk"
    ]
    if share >= STREAM_FULL_RATIO:
        lines.append(
            "  The stream is nearly full. When it is full, no event can be written: every command and every run stops "
            "until the stream is larger. Nothing is lost. Make it larger: AURA_STREAM_GIB=16 aura up"
        )
    if disk_free < FREE_BYTES_MIN:
        lines.append(
            f"  The disk has less than {size_text(FREE_BYTES_MIN)} free. When it is full, Postgres and NATS stop. "
            "Free some space."
        )
    return lines


def _leader(holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "no manager leads"
    since = clock(round(holder["since"] * MICRO))
    return f"{holder['name'] or 'manager'} leads: process {holder['pid']} on {holder['host']}, since {since} UTC"


def _state(process: dict[str, Any]) -> str:
    if process["ready"] and process["manager"] == "standby":
        return "standby"
    return "ready" if process["ready"] else f"not ready {'; '.join(process['problems'])}".rstrip()


def run_text(data: dict[str, Any]) -> str:
    """Return the record of a run on one screen."""
    line = data["run"]
    lines = [f"{line['title']}  ({line['run']})", _standing(line), *override_lines(line), ""]
    lines.append(
        table(
            ("task", "phase", "attempts", "employee", "last reason"),
            [
                (task["name"], task["phase"], task["attempts"], task["employee_name"], task["reason"])
                for task in data["tasks"]
            ],
        )
    )
    lines.append(
        "\n" + table(("task", "try", "employee", "outcome", "why"), [attempt_line(row) for row in data["attempts"]])
    )
    lines += choice_sentences(data.get("choices", ()))
    lines += stand_in_lines(data["stand_ins"])
    if data["attempts"]:
        lines.append(f"one attempt in full: aura run show {str(line['run'])[:13]} --attempt N")
    lines += remedies(data["attempts"])
    for incident in data["incidents"]:
        lines.append(f"incident {incident['kind']}: {incident['employee_name'] or ''} {incident['detail']}")
    if any(row["verified"] is not None for row in data["attempts"]):
        lines.append(f"the last verdict, gate by gate: aura verdict {str(line['run'])[:13]}")
    lines += left_out_text(data["left_out"])
    lines.append(f"\ncost {money(line['spent_usd'])}, {line['spent_tokens']} tokens")
    lines += comparison_lines(data["estimate"])
    wait = data.get("waiting")
    lines += wait_lines(wait) if wait is not None and wait.code not in ("approval", "parked") else []
    parked = parked_text(data["parked"])
    lines += degraded_lines(line) if parked or not _says_notes(line) else []
    lines.append(parked or next_step(line))
    return "\n".join(lines)


def choice_sentences(choices: Iterable[Any]) -> list[str]:
    """Return one line for each task with the reason for which its employee was chosen (director/services/causes.py)."""
    return [visible(f"{choice.task}, attempt {choice.attempt}: {choice.sentence}") for choice in choices]


def override_lines(line: Mapping[str, Any]) -> list[str]:
    """Return the line about an override: this run is one, or its work was released by one. No line for other runs."""
    if line.get("override_of"):
        return [f"NOT VERIFIED: this run releases work of run {line['override_of']} by override, without a verdict."]
    if line.get("overridden_by"):
        return [f"OVERRIDDEN: run {line['overridden_by']} releases work of this run without a verdict."]
    return []


def left_out_text(paths: Sequence[str]) -> list[str]:
    """Return the line about files outside the scope that are not delivered; no line if there are none."""
    return [f"Left out of the delivery, because it is outside the scope: {', '.join(paths)}"] if paths else []


def attempt_line(row: dict[str, Any]) -> tuple[object, ...]:
    """Return the cells of one attempt: task, number, employee, outcome, reasons."""
    who = f"{row['employee_name']}{' (scripted)' if row['scripted'] else ''}"
    if row["verified"] is None:
        return row["task_name"], row["attempt"], who, row["outcome"] or "at work", row["message"]
    return (
        row["task_name"],
        row["attempt"],
        who,
        "verified" if row["verified"] else "rejected",
        reasons(row["findings"]),
    )


def remedies(attempts: Sequence[dict[str, Any]]) -> list[str]:
    """Return one line with the remedy for each kind of failed call, and one more line if costs are estimated."""
    hints = {row["outcome"]: row["hint"] for row in attempts if row["verified"] is None and row["hint"]}
    lines = [f"{outcome}: {hint}" for outcome, hint in hints.items()]
    estimated = sum(bool(row["estimated"]) for row in attempts)
    if estimated:
        lines.append(
            f"The cost of {counted(estimated, 'call')} is estimated from the bytes: "
            "the server did not report the tokens."
        )
    return lines


def reasons(findings: Sequence[dict[str, Any]]) -> str:
    """Return findings as one short line."""
    parts = []
    for finding in findings:
        place = finding.get("path") or finding.get("criterion") or ""
        parts.append(f"{finding['kind']}{f' ({place})' if place else ''}")
    return ", ".join(dict.fromkeys(parts))


_STANDINGS = {
    "delivered": "released",
    "shadow": "verified in a shadow run",
    "overridden": "released by override, not verified",
}
"""Outcome -> words, if the outcome itself does not say enough."""


def standing(phase: str, outcome: str | None) -> str:
    """Return the standing of a run in words. A delivered run waits for approval, and is released after the approval."""
    if phase == "delivered":
        return "delivered, waits for approval"
    return _STANDINGS.get(outcome or "", outcome or phase)


def _standing(line: dict[str, Any]) -> str:
    stands = standing(line["phase"], line["outcome"])
    if line["phase"] == "ended":
        return f"ended: {stands}. {line['reason']}".rstrip(". ") + "."
    if line["phase"] == "delivered":
        return f"{stands}; submitted {clock(line['submitted_at'])} UTC"
    return f"{line['phase']} since {clock(line['submitted_at'])} UTC"


def released_text(line: dict[str, Any]) -> str:
    """Return the text of a release: its ref, the notes about its base, and the command that merges it into the base."""
    short = f" ({line['base_short']})" if line["base_short"] else ""
    released = f"Released as {line['release_ref']}{short}: {line['folder']}"
    return "\n".join(
        [*override_lines(line), released, *_base_notes(line), *([taken.strip()] if (taken := _take(line)) else [])]
    )


def _base_notes(line: dict[str, Any]) -> list[str]:
    return [*(f"- {visible(note)}" for note in line.get("base_notes", ())), *degraded_lines(line)]


def degraded_lines(line: Mapping[str, Any]) -> list[str]:
    """Return the line about sandbox limits that were not held for a run's verdicts; no line if all were held."""
    return [visible(line["degraded"])] if line.get("degraded") else []


def accepted_text(accepted: Sequence[Mapping[str, Any]], machine: str) -> str:
    """Return the limits that are accepted as missing, for this machine first and then for other machines."""
    if not accepted:
        return "No limit is accepted as missing: verdicts need every limit."
    first = sorted(accepted, key=lambda each: each["machine"] != machine)
    lines = [
        (f"{each['machine']}{' (this one)' if each['machine'] == machine else ''}", each["name"], each["reason"])
        for each in first
    ]
    return table(("machine", "need not hold", "reason"), lines)


def next_step(line: dict[str, Any]) -> str:
    """Return the Director's next step."""
    run = str(line["run"])
    if line["phase"] == "delivered":
        short = f", {line['base_short']}" if line.get("base_short") else ""
        delivered = (
            f"Delivered{short} in {line['folder']} (branch {line['branch']}). {_look(line)}, then: aura approve {run}"
        )
        return "\n".join([*override_lines(line), delivered, *_base_notes(line)])
    if line["outcome"] == "delivered":
        short = f" ({line['base_short']})" if line.get("base_short") else ""
        released = f"Released as {line['release_ref']}{short} in {line['folder']}.{_take(line)}"
        return "\n".join([released, *_base_notes(line)])
    if line["outcome"] == "overridden":
        return "\n".join([*override_lines(line), f"Released as {line['release_ref']} in {line['folder']}."])
    if line["phase"] == "ended" and line.get("shadow_of") is not None:
        return f"This is a shadow run: nothing is delivered. The run that it repeats: aura run show {line['shadow_of']}"
    if line["phase"] == "ended":
        return (
            f"Next: see each attempt with `aura run show {run}`. "
            "Then correct the requirement or hire another employee, and submit again: aura submit FILE"
        )
    return f"Follow it with: aura watch {run}"


def _says_notes(line: Mapping[str, Any]) -> bool:
    """Return whether `next_step` contains the notes for an approval."""
    return "delivered" in (line["phase"], line["outcome"])


def _look(line: dict[str, Any]) -> str:
    return f"Look at it (aura diff {line['run']})" if str(line["branch"]).startswith("aura/") else "Look at it"


def _take(line: dict[str, Any]) -> str:
    """Return the commands that merge a delivery into its base repository; empty without a base."""
    if not str(line["branch"]).startswith("aura/"):
        return ""
    folder, branch = shlex.quote(str(line["folder"])), shlex.quote(str(line["branch"]))
    return f" In your repository: git fetch {folder} {branch} && git merge FETCH_HEAD"
