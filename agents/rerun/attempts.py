"""One attempt, played from its record: the prompt of today, and the recorded answer read by the code of today."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee, Order
from agents.employees.model_employee import ModelEmployee
from agents.employees.prompts import Style
from agents.employees.providers.scripted import ScriptedEmployee
from agents.employees.providers.table import PROVIDERS
from agents.rerun.model import RecordedAnswer, RecordedScript
from agents.rerun.prompts import FirstDifference, Said, first_difference, recorded_request, todays_request
from agents.workers.result import HandIn, answered, failed
from bus.blobs import Blobs
from domain import task
from domain.employee import Profile
from domain.errors import Invalid, NotFound
from domain.run import RunState
from domain.tree import Manifest, contents_of

ANSWERED = "answered"
_BRIEF = b'{"brief":'
LEASE_S = 3600.0
"""Lease of an attempt whose employee has no limits of sessions."""


class AttemptRecord(NamedTuple):
    """One attempt on record: its order, its receipts by index, and its hand-in or its end without work."""

    assigned: task.Assigned
    profile: Profile
    calls: Mapping[int, task.CallFinished]
    submitted: task.Submitted | None = None
    ended: task.AttemptEnded | task.Released | None = None


class Played(NamedTuple):
    """The result of an attempt today.

    `differences`: the first difference of each played prompt, by the index of the call. `from_record`: why the attempt
    was not played to its end; then `hand_in` is None. `difference`: the work of a session. `not_compared`: number of
    prompts that are not on record as a whole.
    """

    hand_in: HandIn | None
    calls: int = 0
    differences: Mapping[int, FirstDifference] = {}
    from_record: str = ""
    difference: Manifest | None = None
    not_compared: int = 0

    @property
    def has_work(self) -> bool:
        """Whether the attempt handed in a change."""
        hand_in = self.hand_in
        if hand_in is None or hand_in.outcome != ANSWERED:
            return False
        return bool(hand_in.files or hand_in.deleted or self.difference)

    def changed(self, before: Manifest) -> Manifest:
        """Return the work as a difference from the manifest at the start of the order."""
        assert self.hand_in is not None
        return self.hand_in.difference(before) if self.difference is None else self.difference


class PlaySession(Protocol):
    """Plays an attempt of the form `session`."""

    async def __call__(self, record: AttemptRecord, order: Order, state: RunState) -> Played: ...


def lease_of(profile: Profile) -> float:
    """Return the seconds in which an attempt is played. The record does not say when its order was sent."""
    return profile.session.minutes * 60 if profile.session is not None else LEASE_S


async def play_answer(record: AttemptRecord, order: Order, blobs: Blobs) -> Played:
    """Play an attempt of the form `answer`."""
    receipt = record.calls.get(0)
    if receipt is None:
        return Played(None, from_record="Its call has no receipt.")
    try:
        prompt = await _kept(receipt.snapshot.prompt, blobs)
        answer = await _kept(receipt.snapshot.answer, blobs)
        if record.profile.scripted:
            return await _play_script(record, order, receipt, prompt, blobs)
    except NotFound:
        return Played(None, from_record="Its content was purged.")
    model = RecordedAnswer(receipt.snapshot, answer.decode("utf-8", "replace"))
    prompting = next(each.prompting for each in PROVIDERS.values() if each.shown == record.profile.provider)
    style: Style = "grammar" if record.profile.style == "grammar" else "chat"
    asked = prompting(style, record.profile.parameters)
    employee = ModelEmployee(id=order.employee, name=record.profile.name, model=model, prompting=asked)
    hand_in = await _worked(employee, order)
    if model.request is None:  # it was not sent, today or then
        return Played(hand_in, 1)
    today = hand_in.calls[0].prompt
    if prompt.startswith(_BRIEF) and today.startswith(_BRIEF):  # the record of a call that failed
        difference = first_difference([Said("brief", prompt.decode())], [Said("brief", today.decode())])
        return Played(hand_in, 1, {} if difference is None else {0: difference})
    try:
        was = recorded_request(prompt)
    except Invalid:
        return Played(hand_in, 1, not_compared=1)
    difference = first_difference(was, todays_request(model.request.messages, was))
    return Played(hand_in, 1, {} if difference is None else {0: difference})


async def _play_script(
    record: AttemptRecord, order: Order, receipt: task.CallFinished, prompt: bytes, blobs: Blobs
) -> Played:
    """Play the recorded files of a scripted employee."""
    if receipt.snapshot.outcome == "answered" and record.submitted is None:
        return Played(None, from_record="A script answered, but its work is not on record.")
    script = RecordedScript(receipt.snapshot, await _written(record.submitted, blobs))
    employee = ScriptedEmployee(id=order.employee, name=record.profile.name, script=script)
    hand_in = await _worked(employee, order)
    asked = hand_in.calls[0].prompt
    difference = first_difference([Said("script", prompt.decode())], [Said("script", asked.decode())])
    return Played(hand_in, 1, {} if difference is None or not receipt.snapshot.was_read else {0: difference})


async def _worked(employee: Employee, order: Order) -> HandIn:
    """Return the hand-in that a worker would send."""
    try:
        return answered(order, 0, await employee.work(order), employee)
    except CallFailed as failure:
        return failed(order, 0, failure, employee)


async def _written(submitted: task.Submitted | None, blobs: Blobs) -> dict[str, bytes | None]:
    """Return the files of a recorded hand-in. None: deleted."""
    if submitted is None:
        return {}
    manifest: Manifest = submitted.files
    contents = await blobs.get_many(contents_of(manifest))
    return {path: contents.get(path) for path, entry in manifest.items() if path in contents or entry.kind == "deleted"}


async def _kept(digest: str | None, blobs: Blobs) -> bytes:
    return await blobs.get(digest) if digest else b""
