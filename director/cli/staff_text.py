"""The staff as text: employees, their standing, and their scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from director.cli.career_text import careers_text
from director.cli.hr_text import record_line, standing, strikes
from director.services.shadow_views import ShadowScore
from director.terminal.escape import visible
from director.terminal.text import money, table

NOBODY = "There are no employees. Hire one: `aura hire --help` explains how."
ID_CHARS, VERSION_CHARS = 13, 8
"""Numbers of shown characters: of an employee's id (a UUIDv7, which begins with a time), and of a version (a hash)."""


def staff_text(
    people: Sequence[Mapping[str, Any]],
    record: Sequence[Mapping[str, Any]],
    chains: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return one line for each employee, and below them the fallback chains and the record of the employees."""
    if not people:
        return NOBODY
    lines: list[tuple[object, ...]] = [
        (
            person["name"],
            str(person["employee"])[:ID_CHARS],
            str(person["version"])[:VERSION_CHARS],
            _answers(person),
            standing(person),
            strikes(person),
            visible(person["probe"]) if person["probe"] else None,
        )
        for person in people
    ]
    header: tuple[str, ...] = ("name", "id", "version", "what answers", "standing", "strikes", "probe")
    if all(person["probe"] is None for person in people):
        header, lines = header[:-1], [line[:-1] for line in lines]
    told = [record_line(line) for line in record]
    probes = probes_text([person for person in people if person["probed"] is not None])
    ordered = [f"fallback chain of the role {chain['role']}: {', then '.join(chain['names'])}" for chain in chains]
    return "\n".join([table(header, lines), *probes, *careers_text(people), *ordered, *told])


def probes_text(people: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a table with the facts of the probes, and a line for each server whose context is too small."""
    if not people:
        return []
    lines, notes = [], []
    for person in people:
        probed = person["probed"]
        most, server = probed["context_tokens"], probed["server_context_tokens"]
        lines.append(
            (
                person["name"],
                f"{probed['seconds']:.1f} s" if probed["seconds"] is not None else "no answer",
                _cost(probed),
                visible(probed["price"]),
                most,
                "not stated" if server is None else server,
                probed["tools"],
            )
        )
        if server is not None and server < most:
            notes.append(
                f"{person['name']}: its prompt and answer may have {most} tokens together. The server's context has "
                f"only {server}. Lower the limit: aura hire {person['name']} --update --prompt-tokens N"
            )
    header = ("probe", "answer in", "cost", "price", "context", "server's context", "tools")
    return ["\n" + table(header, lines), *notes]


def _cost(probed: Mapping[str, Any]) -> str:
    if probed["seconds"] is None:
        return "none"
    if probed["cost_usd"] is None:
        return "not known"
    tokens = f" for {probed['tokens']} tokens" if probed["tokens"] is not None else ""
    return f"{money(probed['cost_usd'])}{tokens}{' (estimated)' if probed['estimated'] else ''}"


def _answers(person: Mapping[str, Any]) -> str:
    scripted = " (scripted: no model answers)" if person["scripted"] else ""
    sessions = ", in sessions" if person["session"] is not None else ""
    return f"{person['provider']}: {person['model']}{scripted}{sessions}"


def scores_text(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the scores as a table.

    "first try" is A/B: the employee had the first attempt of B tasks, and A of these attempts were verified.
    "declined" counts the employee's honest answers "I cannot do this". Such an answer lowers the trust by a quarter of
    the amount by which a rejected submission lowers it.
    """
    lines = [
        (
            f"{row['name']}{' (scripted)' if row['scripted'] else ''}",
            standing(row),
            strikes(row),
            row["verified"],
            row["rejected"],
            row["integrity"],
            f"{row['first_verified']}/{row['first_attempts']}",
            row["trust"],
            row["declined"],
            row["calls"],
            row["failed"] + row["cut_off"],
            row["charged_tokens"],
            money(row["charged_usd"]),
            f"{row['latency_us'] / 1_000_000:.1f} s",
        )
        for row in found
    ]
    header = (
        *("employee", "standing", "strikes", "verified", "rejected", "integrity", "first try", "trust"),
        *("declined", "calls", "failed", "tokens", "cost", "time"),
    )
    return table(header, lines) if found else "Nobody has worked yet."


def shadow_scores_text(found: Sequence[ShadowScore]) -> str:
    """Return the shadow runs of each employee as a table; empty without shadow runs."""
    lines = [
        (line.name or line.employee, line.tasks, line.verified, line.rejected, line.integrity, money(line.charged_usd))
        for line in found
    ]
    header = ("employee", "shadow runs", "verified", "rejected", "integrity", "cost")
    return f"\n\nShadow runs, which no score above includes:\n{table(header, lines)}" if found else ""


def _session_text(session: Mapping[str, Any] | None) -> str:
    """Return the limits of an employee's sessions in a sentence; empty if it answers with one call."""
    if session is None:
        return ""
    limits = f"{session['calls_max']} calls, {session['minutes']:g} minutes, {session['tokens_max']} tokens"
    return f" A session has at most {limits} and {money(session['usd_max'])}."


def hired_text(hired: Mapping[str, Any]) -> str:
    """Return the result of a hire or an update, and the next step."""
    name, employee, version = hired["name"], hired["employee"], str(hired["version"])[:VERSION_CHARS]
    lines = {
        "hired": f"Hired {name} ({employee}), version {version}.",
        "updated": f"Updated {name} ({employee}), now version {version}. The old version finishes its present orders.",
        "reached": f"The way to reach {name} ({employee}) has changed. Its version {version} is the same.",
        "unchanged": f"Nothing has changed: {name} ({employee}) already is version {version}.",
    }
    text = lines[hired["change"]]
    if hired["change"] in ("hired", "updated"):
        text += f" A call costs at most {money(hired['call_usd_max'])}."
        text += _session_text(hired["session"])
    if hired["note"]:
        text = f"{text}\nNote: {visible(hired['note'])}\n"
    if hired["suspended"]:
        return f"{text}\nIt stays {hired['suspended']}. To end the suspension: aura reinstate {name} --reason …"
    return text if hired["change"] == "unchanged" else f"{text} Try it: aura employees --probe"
