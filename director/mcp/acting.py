"""The tools that act: submit, comment, return, approve, reject, cancel, pause, halt; and two that try a requirement.

The gate decides each command with the roles of the person and the scopes of the token.
"""

from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from director.mcp import answers, arguments
from director.mcp.places import JUDGES
from director.mcp.reading import verdict_answer
from director.mcp.reporting import reported
from director.mcp.tool import Call
from director.services import person_acts, user_acts
from director.services.comments import Remark
from director.services.hand_in import HandIn, hand_in, ready_to_hand_in
from director.services.sent_texts import SentTexts, estimate_file, judge_folder, judge_texts, written
from director.services.session import find_run, new_id
from director.services.user_acts import Acted
from domain.errors import Invalid
from domain.message import derive


async def estimate(call: Call, asked: arguments.Requirement) -> answers.EstimateAnswer:
    """Check a requirement, and estimate what a run of it would cost."""
    if asked.file:
        found = await estimate_file(call.store, _named_file(call, asked), asked.attempts_max)
    else:
        with written(SentTexts(requirement=_text(asked), sealed=asked.sealed)) as (file, _):
            found = await estimate_file(call.store, file, asked.attempts_max)
    return answers.EstimateAnswer(**msgspec.structs.asdict(found))


async def judge(call: Call, asked: arguments.Judging) -> answers.VerdictAnswer:
    """Judge files or a folder with the whole verdict pipeline. Nothing is recorded."""
    with JUDGES.one():
        return await _judged(call, asked)


async def _judged(call: Call, asked: arguments.Judging) -> answers.VerdictAnswer:
    async with reported(call) as say:
        if asked.folder:
            call.only_local("the folder")
            file = _named_file(call, asked)
            view = await judge_folder(call.settings, file, Path(asked.folder), say)
        else:
            texts = SentTexts(requirement=_text(asked), sealed=asked.sealed, files=asked.files)
            view = await judge_texts(call.settings, texts, say)
    return verdict_answer(view)


async def submit(call: Call, asked: arguments.Submission) -> answers.Done:
    """Submit a requirement. The same text of the same person is the same run, unless the key differs."""
    id = _key(call, asked.key, "submit", asked.requirement, asked.sealed, asked.file, asked.attempts_max)
    before = await call.store.recorded_up_to()
    if not asked.file:
        sent = user_acts.Asked(requirement=_text(asked), sealed=asked.sealed, attempts_max=asked.attempts_max)
        return _done(await user_acts.submit_text(call.session, id, sent), before)
    file = _named_file(call, asked)
    allow = call.settings.allow_degraded
    async with reported(call) as say:
        wanted = HandIn(file=file, attempts_max=asked.attempts_max, allow_degraded=allow)
        ready = await ready_to_hand_in(wanted, call.settings, say)
        if not asked.key:  # the file may have changed since an earlier call with the same name
            source = ready.requirement.source + (ready.requirement.sealed_source or b"")
            id = _key(call, "", "submit", source.hex(), asked.attempts_max)
        handed_in = await hand_in(call.session, ready, command=id, note=say)
    return _done(Acted(seq=handed_in.seq, events=(handed_in.event,), run=handed_in.run), before)


async def approve(call: Call, asked: arguments.Approval) -> answers.Done:
    """Approve the delivery with this commit."""
    run = await find_run(call.store, asked.run)
    id, before = _key(call, asked.key, "approve", run, asked.commit), await call.store.recorded_up_to()
    return _done(await user_acts.approve(call.session, id, run, asked.commit, asked.reason), before)


async def comment(call: Call, asked: arguments.Comment) -> answers.Done:
    """Comment on a run that is not approved yet."""
    run = await find_run(call.store, asked.run)
    id, before = _key(call, asked.key, "comment", run, asked.task, asked.text), await call.store.recorded_up_to()
    remark = Remark(text=asked.text, task=asked.task)
    return _done(await person_acts.commented(call.session, id, run, remark), before)


async def return_delivery(call: Call, asked: arguments.Return) -> answers.Done:
    """Send a delivery back to work with comments."""
    run = await find_run(call.store, asked.run)
    remarks = [Remark(text=each.text, task=each.task) for each in asked.comments]
    id = _key(call, asked.key, "return", run, asked.commit, *((each.task, each.text) for each in remarks))
    before = await call.store.recorded_up_to()
    return _done(await person_acts.returned(call.session, id, run, asked.commit, remarks), before)


async def reject(call: Call, asked: arguments.RunReason) -> answers.Done:
    """Decline a delivery."""
    return await _end(call, asked, "declined")


async def cancel(call: Call, asked: arguments.RunReason) -> answers.Done:
    """Cancel a run."""
    return await _end(call, asked, "cancelled")


async def pause(call: Call, asked: arguments.OrganisationReason) -> answers.Done:
    """Pause the organisation: no new work begins."""
    return await _stop(call, asked, "pause")


async def halt(call: Call, asked: arguments.OrganisationReason) -> answers.Done:
    """Halt the organisation: nothing goes on."""
    return await _stop(call, asked, "halt")


async def _end(call: Call, asked: arguments.RunReason, outcome: Literal["declined", "cancelled"]) -> answers.Done:
    run = await find_run(call.store, asked.run)
    id, before = _key(call, asked.key, outcome, run), await call.store.recorded_up_to()
    return _done(await user_acts.end(call.session, id, run, outcome, asked.reason), before)


async def _stop(call: Call, asked: arguments.OrganisationReason, how: user_acts.Stop) -> answers.Done:
    """Stop the organisation. Without a key, each call is a new command, and a stop in force is refused."""
    before = await call.store.recorded_up_to()
    id = _key(call, asked.key, how) if asked.key else new_id()
    return _done(await user_acts.stop(call.session, id, how, asked.reason), before)


def _done(acted: Acted, before: int) -> answers.Done:
    return answers.Done(**msgspec.structs.asdict(acted), repeated=acted.seq <= before)


def _key(call: Call, text: str, *parts: object) -> UUID:
    """Return the id of a command: the caller's key, or an id derived from the caller and the parts. Raises Invalid."""
    if not text:
        return derive(call.who.user, "mcp", *map(str, parts))
    try:
        key = UUID(text)
    except ValueError:
        key = UUID(int=0)
    if key.int == 0:
        raise Invalid(f"{text!r} is not a UUID.", hint="Send a new UUID as the key, or leave it out.", code="no_key")
    return key


def _text(asked: arguments.Requirement | arguments.Judging) -> str:
    """Return the text of the requirement. Raises Invalid if there is none."""
    if not asked.requirement:
        raise Invalid("There is no requirement.", hint="Send the text of a requirement file.", code="no_requirement")
    return asked.requirement


def _named_file(call: Call, asked: arguments.Requirement | arguments.Judging) -> Path:
    """Return the requirement's file on this machine. Raises Forbidden, Invalid."""
    call.only_local("the file")
    if not asked.file or asked.requirement or asked.sealed:
        raise Invalid(
            "Name the requirement's file, and send no text of it.", hint="Send `file` alone.", code="two_requirements"
        )
    return Path(asked.file)
