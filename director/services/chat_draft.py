"""Drafts of the acts that a person asks the manager for: what would happen, with the facts as they are now.

A draft changes nothing. Its digest covers everything that its act uses, so a confirmation is bound to what was shown.
"""

import hashlib
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.chat_grammar import Wish
from director.services.run_list import TEXT_CHARACTERS_MAX, RunsWanted, runs_page
from director.services.session import find_run, run_state
from director.services.user_acts import Asked, requirement_in
from director.services.views import ORGANISATION
from domain.chat import Act
from domain.errors import Invalid, NotFound, Refused
from domain.money import Amount
from domain.run import RunState
from domain.wording import counted

RIGHTS: dict[Act, str] = {
    "submit": "run.submitted",
    "rerun": "run.submitted",
    "cancel": "run.ended",
    "return": "run.returned",
    "comment": "run.commented",
    "raise_budget": "run.budget_raised",
    "pause": "organisation.paused",
    "resume": "organisation.resumed",
}
"""Act -> the event that it causes. A person needs the right to cause it; the gate checks it again."""
CANDIDATES_MAX = 5
DIGEST_CHARACTERS_MIN = 16
"""The shortest beginning of a digest that confirms a draft."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A drafted act. `title`: the act in one sentence. `facts`: what it uses, and what follows from it.

    `right`: the event that the person must be able to cause. `commit`: the delivered commit that a return names.
    `digest`: confirms this draft. It changes with every fact that the act uses.
    """

    act: Act
    title: str
    facts: tuple[str, ...]
    right: str
    digest: str
    run: UUID | None = None
    commit: str = ""
    attached: str = ""


async def drafted(store: Store, wish: Wish) -> Draft:
    """Return the draft of an act. Raises NotFound, Invalid, Refused, and the errors of a requirement."""
    if wish.act == "submit":
        return await _submission(wish)
    if wish.act in ("pause", "resume"):
        return await _stop(store, wish)
    run = await run_named(store, wish.run)
    state = await run_state(store, run)
    if state.submitted is None:
        raise NotFound(f"There is no run {wish.run!r}.", hint="Ask: status")
    _check_task(state, wish.task)
    name = f"run {str(run)[:13]} ({state.submitted.title})"
    facts: tuple[str, ...]
    match wish.act:
        case "cancel":
            if state.phase == "ended":
                raise Refused(f"The {name} has ended already.", hint="To submit it again, write: rerun RUN")
            facts = (f"It is {state.phase} now.", f"The reason on the record: {wish.text}")
            return _draft(wish, f"Cancel {name}.", facts, run=run)
        case "return":
            if state.phase != "delivered" or not state.commit:
                raise Refused(f"The {name} has no delivery that waits.", hint="Ask: what waits for me")
            facts = (f"Its delivery is commit {state.commit}.", _about(wish.task), f"The comment: {wish.text}")
            return _draft(wish, f"Send {name} back to work.", facts, run=run, commit=state.commit)
        case "comment":
            facts = (_about(wish.task), f"The comment: {wish.text}", "Later prompts show it as data.")
            return _draft(wish, f"Comment on {name}.", facts, run=run)
        case "raise_budget":
            return _raise(wish, name, run, state)
    cap = _amount(state.submitted.allowance.amount)
    facts = ("It has the same requirement, cases and base as that run.", f"Its budget: {cap}.")
    return _draft(wish, f"Submit the requirement of {name} again, as a new run.", facts, run=run)


async def run_named(store: Store, name: str) -> UUID:
    """Return the run with this id, the beginning of this id, or a part of this title. Raises NotFound, Invalid."""
    try:
        return await find_run(store, name)
    except NotFound:
        lines = (await runs_page(store, RunsWanted(text=name[:TEXT_CHARACTERS_MAX], limit=CANDIDATES_MAX))).runs
    if not lines:
        raise NotFound(f"There is no run {name[:100]!r}.", hint="Ask: status. Or write `last` for the newest run.")
    if len(lines) > 1:
        known = " · ".join(f"{str(line.run)[:13]} {line.title}" for line in lines)
        raise Invalid(f"Several runs have {name[:100]!r} in their title.", hint=f"Write the id: {known}")
    return lines[0].run


async def _submission(wish: Wish) -> Draft:
    requirement = await requirement_in(Asked(requirement=wish.requirement))
    budget = requirement.budget
    facts = (
        f"It has {counted(len(requirement.tasks), 'task')} and "
        f"{counted(len(requirement.criteria), 'criterion', 'criteria')}.",
        f"Its budget: {_amount(Amount(budget.usd, budget.tokens))}, {budget.minutes} minutes.",
        "It has no sealed cases. With sealed cases, use `aura submit` or POST /api/runs.",
    )
    attached = hashlib.sha256(wish.requirement.encode()).hexdigest()
    return _draft(wish, f"Submit the requirement {requirement.title}, as a new run.", facts, attached=attached)


async def _stop(store: Store, wish: Wish) -> Draft:
    line = await ORGANISATION.first(store)
    phase = line.phase if line else "unfounded"
    follows = {
        "pause": "No new work begins, and running work is finished.",
        "resume": "Work that waits goes on, and new work may begin.",
    }[wish.act]
    facts = (f"The organisation is {phase} now.", follows, f"The reason on the record: {wish.text}")
    return _draft(wish, f"{wish.act.capitalize()} the organisation.", facts)


def _raise(wish: Wish, name: str, run: UUID, state: RunState) -> Draft:
    assert state.submitted is not None
    if state.phase == "ended":
        raise Refused(f"The {name} has ended.", hint="To submit it again, write: rerun RUN")
    present = state.submitted.allowance.amount
    of_whom = f"the task {wish.task} of {name}" if wish.task else name
    facts = (
        f"The budget of the run is {_amount(present)} now. It has spent {_amount(state.spent)}.",
        f"It becomes {_amount(present + wish.amount)}." if not wish.task else "The budget of the run stays.",
        f"The reason on the record: {wish.text or '(none)'}",
    )
    return _draft(wish, f"Raise the budget of {of_whom} by {_amount(wish.amount)}.", facts, run=run)


def _check_task(state: RunState, task: str) -> None:
    """Raise NotFound if the run has no task with this name."""
    names = [each.name for each in state.tasks.values()]
    if task and task not in names:
        raise NotFound(f"The run has no task {task}.", hint=f"Its tasks are: {', '.join(names) or 'none yet'}.")


def _draft(
    wish: Wish, title: str, facts: tuple[str, ...], *, run: UUID | None = None, commit: str = "", attached: str = ""
) -> Draft:
    """Return a draft with the digest of everything that the person sees and the act uses."""
    covered = msgspec.json.encode([wish, title, facts, run, commit, attached], order="deterministic")
    return Draft(
        act=wish.act,
        title=title,
        facts=facts,
        right=RIGHTS[wish.act],
        digest=hashlib.sha256(covered).hexdigest(),
        run=run,
        commit=commit,
        attached=attached,
    )


def _about(task: str) -> str:
    return f"It is about the task {task}." if task else "It is about all tasks."


def _amount(amount: Amount) -> str:
    return f"{amount.usd} USD and {amount.tokens:,} tokens"
