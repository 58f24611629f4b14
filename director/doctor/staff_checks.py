"""Checks whether employees can work. The checks use the keys and servers that the workers use.

If the organisation runs, its workers do the checks, because they have the environment of `aura up`. If nothing runs,
the checks use the environment of this shell, and the report says so.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from agents.employees.posting import Posting
from agents.employees.postings import load_all
from agents.employees.providers.table import PROVIDERS
from agents.workers.probing import Question, Served, WorkerReport
from agents.workers.questions import LOOK_WAIT_S, ask_workers
from bus.secretfile import secret
from director.doctor.check import Part
from director.settings import Settings
from domain.errors import AuraError, Unavailable

PROVIDER_KEYS = tuple(dict.fromkeys(provider.key_env for provider in PROVIDERS.values() if provider.key_env))
WORKER, SHELL = "for the worker", "in this shell (no worker runs that could check it)"


class Seen(msgspec.Struct, frozen=True):
    """One employee with the report of its worker or of this shell. `report` None: no answer, see `problem`."""

    posting: Posting
    problem: str
    report: WorkerReport | None


async def staff(settings: Settings, environment: Mapping[str, str]) -> list[Part]:
    """Check the key and the server of each employee. The report never shows a key."""
    try:
        postings = load_all(settings.employees)
    except AuraError as error:
        return [Part(name="employees", state="degraded", says=error.message, remedy=error.hint, needed=False)]
    seen, where = await _looked_at(settings, postings, environment)
    return [*_keys(seen, where, environment), *(_server(one, where) for one in seen)]


async def _looked_at(
    settings: Settings, postings: Sequence[Posting], environment: Mapping[str, str]
) -> tuple[list[Seen], str]:
    try:
        url = settings.endpoints().nats_url
        results = await ask_workers(url, {posting.id: posting.name for posting in postings}, call=False)
    except Unavailable:  # nothing runs; the report has lines about the servers
        question = Question(call=False, wait_s=LOOK_WAIT_S)
        reports = await asyncio.gather(*(Served(posting, environment, None).report(question) for posting in postings))
        return [Seen(posting, "", report) for posting, report in zip(postings, reports, strict=True)], SHELL
    return [Seen(posting, results[posting.id].problem, results[posting.id].report) for posting in postings], WORKER


def _keys(seen: Sequence[Seen], where: str, environment: Mapping[str, str]) -> list[Part]:
    """Return one part for each environment variable that holds a key."""
    reports: dict[str, list[tuple[str, WorkerReport]]] = {}
    for one in seen:
        if one.report is not None and one.report.key_env:
            reports.setdefault(one.report.key_env, []).append((one.posting.name, one.report))
    lines = [_key(variable, of_variable, where) for variable, of_variable in reports.items()]
    return [*lines, *(_unused(variable, environment) for variable in PROVIDER_KEYS if variable not in reports)]


def _key(variable: str, reports: Sequence[tuple[str, WorkerReport]], where: str) -> Part:
    users = ", ".join(name for name, _ in reports)
    lacking = [report for _, report in reports if report.key_problem]
    if lacking:
        said = "cannot be used" if lacking[0].key == "unusable" else "is not set"
        return Part(
            name=variable,
            state="missing",
            says=f"{said} {where}; {users} cannot work without it",
            remedy=lacking[0].key_problem,
            needed=False,
        )
    if all(report.key == "unset" for _, report in reports):
        return Part(name=variable, says=f"not set {where}; the server of {users} may not need it", needed=False)
    return Part(name=variable, says=f"set {where}, used by {users}; `aura employees --probe` tests it", needed=False)


def _unused(variable: str, environment: Mapping[str, str]) -> Part:
    """Check a well-known key that no employee uses."""
    try:
        found = bool(secret(variable, environment))
    except AuraError as error:
        return Part(name=variable, state="missing", says=error.message, remedy=error.hint, needed=False)
    return Part(name=variable, says=f"{'set' if found else 'not set'}, and no employee needs it", needed=False)


def _server(one: Seen, where: str) -> Part:
    """Check that a worker serves an employee and reaches its server."""
    name = f"employee {one.posting.name}"
    if one.report is None:
        return Part(
            name=name, state="missing", says="no worker answers for this employee", remedy=one.problem, needed=False
        )
    if problem := one.report.problem or one.report.key_problem:
        return Part(name=name, state="missing", says="cannot work", remedy=problem, needed=False)
    address = f" at {one.posting.base_url}" if one.posting.base_url else ""
    by = "its worker runs" if where == WORKER else "nothing runs"
    return Part(name=name, says=f"{one.posting.model or one.posting.script}{address}; {by}", needed=False)
