"""A run, played again from its record: the recorded answers in place of models, and everything else as it works today.

The record gives what came from outside: the requirement, the order of events, who got which task, the answers of the
models, and what the Director did. Today's code gives the rest: prompts, the reading of answers, sessions in real boxes,
every decision of the run, verdicts, merges and the repository of a delivery. Nothing is published, and no call is made.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from msgspec.structs import replace

from agents.manager.briefing import brief_for
from agents.manager.intake import safe_snapshot
from agents.manager.orders import order_of
from agents.rerun.attempts import AttemptRecord, Played, PlaySession, lease_of, play_answer
from agents.rerun.commands import command_of, ids_of, stamp_of
from agents.rerun.delivery import build
from agents.rerun.report import (
    CallId,
    DeliveryPlayed,
    FromRecord,
    Notes,
    PromptDifference,
    Rerun,
    Stop,
    VerdictDifference,
    WorkDifference,
)
from agents.rerun.verdicts import pending_of, words_of
from agents.run_content import Library
from bus.blobs import Blobs
from bus.redaction import Redactor
from domain import run as run_rules
from domain import run_messages as m
from domain import task
from domain.employee import Hired, Profile
from domain.errors import Conflict, Differs, Invalid, NotFound, Refused
from domain.judgement import Judgement
from domain.message import Command, Erased, Event, Recorded, TaskEvent
from domain.money import NOTHING, Amount
from domain.run import RunState, files_of
from domain.tree import Manifest, algorithm_of, overlay, tree_digest
from projections.verifier import Pending

HANDED_IN = "handed in"
PATHS_SHOWN_MAX = 20
"""The most paths that one difference names."""
NO_SESSIONS = "A session is not played."


class Judges(Protocol):
    """Judges a tree. `agents/verifier/judging.py` has the real one."""

    async def judgement(self, pending: Pending, state: RunState) -> Judgement: ...


class Player:
    """Plays one run. `events`: the run's events, and those that hired employees, in the order of the log.

    `blobs`: where new contents go; not the store. `folder`: where deliveries are built.
    """

    def __init__(
        self,
        run: UUID,
        events: Sequence[Recorded],
        blobs: Blobs,
        judges: Judges,
        folder: Path,
        *,
        play_session: PlaySession | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._events = [each for each in events if each.void is None]
        self._blobs = blobs
        self._library = Library(blobs)
        self._judges = judges
        self._folder = folder
        self._play_session = play_session
        self._note = note
        self._state = run_rules.initial
        self._today: list[Recorded] = []
        self._profiles: dict[UUID, Profile] = {}
        self._played: dict[UUID, Played] = {}
        self._notes = Notes()
        self._handed_in: dict[UUID | None, UUID] = {}  # task (None: merged) -> the event that handed in its tree

    async def play(self) -> Rerun:
        """Play the run to the end of its record, or to the first event that cannot follow today."""
        for recorded in self._events:
            if isinstance(recorded.event, Hired):
                self._profiles[recorded.event.employee] = recorded.event.profile
                continue
            if recorded.envelope.run != self._run:
                continue
            if isinstance(recorded.event, Erased):
                raise NotFound(
                    f"The content of event {recorded.seq} ({recorded.envelope.type}) was purged, or cannot be read.",
                    hint="A run can be played only while its whole record is there.",
                )
            try:
                event = await self._next(recorded, recorded.event)
            except (Refused, Conflict, Invalid, NotFound, Differs) as error:
                stop = Stop(seq=recorded.seq, event=recorded.envelope.type, reason=str(error))
                return self._notes.result(str(self._run), self._state.phase, stop)
            self._state = run_rules.evolve(self._state, event)
            self._today.append(replace(recorded, event=event))
            await self._after(recorded, event)
        return self._notes.result(str(self._run), self._state.phase, None)

    async def _next(self, recorded: Recorded, event: Event) -> Event:
        """Return the event of today in place of a recorded event. Raises Refused and Differs if there is none."""
        match event:
            case task.CallFinished():
                return self._receipt(recorded, event)
            case task.Submitted():
                return await self._hand_in(recorded, event)
            case task.AttemptEnded():
                return self._end(recorded, event)
            case task.Verified() | task.Rejected() | m.Verified() | m.Rejected():
                return await self._verdict(recorded, event)
            case m.Merged(run=run):
                _, tree = await self._library.merged(self._state, files_of(self._state))
                return self._decided(m.Merge(**stamp_of(recorded), run=run, tree=tree))
            case m.Delivered():
                return await self._delivered(recorded, event)
        command = command_of(recorded, event, self._reserved(event))
        return event if command is None else self._decided(command)

    async def _after(self, recorded: Recorded, event: Event) -> None:
        """Play an attempt when it is assigned, and remember the tree that is judged next."""
        if isinstance(event, task.Assigned):
            self._played[event.order] = await self._attempt(event)
        if isinstance(event, task.Submitted | m.Merged):
            self._handed_in[event.task if isinstance(event, task.Submitted) else None] = recorded.envelope.id

    def _decided(self, command: Command) -> Event:
        """Return the first event of a command; a warning after it is played from the record. Raises Refused if the
        state of today does not permit the command.
        """
        events = run_rules.decide(command, self._state)
        if not events:
            raise Differs(f"{type(command).__name__} has no effect today.", hint="The run has gone another way before.")
        return events[0]

    def _reserved(self, event: Event) -> Amount:
        if not isinstance(event, task.CallStarted) or event.task not in self._state.tasks:
            return NOTHING
        attempt = self._state.tasks[event.task].orders.get(event.order)
        return attempt.reservation if attempt is not None else NOTHING

    async def _attempt(self, assigned: task.Assigned) -> Played:
        """Play an attempt, and note the prompts that differ today."""
        part = self._state.tasks[assigned.task]
        attempt = part.orders[assigned.order]
        record = self._record(assigned)
        self._note(f"{part.name}, attempt {attempt.number}: {record.profile.name}")
        if not record.calls:
            return Played(None)
        brief = await brief_for(self._library, self._state, part)
        lease_s = lease_of(record.profile)
        order = order_of(self._run, part, attempt, record.profile, brief, lease_s=lease_s)
        if attempt.form == "answer":
            played = await play_answer(record, order, self._blobs)
        elif self._play_session is not None:
            played = await self._play_session(record, order, self._state)
        else:
            played = Played(None, from_record=NO_SESSIONS)
        self._noted(part.name, assigned, record.profile.name, played)
        return played

    def _record(self, assigned: task.Assigned) -> AttemptRecord:
        """Return what is on record about an order."""
        events = [each.event for each in self._events if getattr(each.event, "order", None) == assigned.order]
        profile = self._profiles.get(assigned.employee)
        if profile is None:
            raise NotFound("The profile of the employee is not on record.", hint="It may have been purged.")
        return AttemptRecord(
            assigned,
            profile,
            {event.index: event for event in events if isinstance(event, task.CallFinished)},
            next((event for event in events if isinstance(event, task.Submitted)), None),
            next((event for event in events if isinstance(event, task.AttemptEnded | task.Released)), None),
        )

    def _noted(self, name: str, assigned: task.Assigned, employee: str, played: Played) -> None:
        self._notes.calls += played.calls
        self._notes.not_compared += played.not_compared
        if played.from_record:
            self._notes.from_record.append(FromRecord(task=name, attempt=assigned.attempt, reason=played.from_record))
        for index, difference in played.differences.items():
            call = CallId(task=name, attempt=assigned.attempt, order=str(assigned.order), index=index)
            self._notes.prompts.append(PromptDifference(call=call, employee=employee, **difference._asdict()))

    def _receipt(self, recorded: Recorded, event: task.CallFinished) -> Event:
        """Return the receipt of a call, with the outcome of today. The cost is the recorded one."""
        snapshot, played = event.snapshot, self._played[event.order]
        if played.hand_in is not None and played.hand_in.calls:
            today = safe_snapshot(played.hand_in.calls[0].snapshot, Redactor())
            snapshot = replace(snapshot, outcome=today.outcome, message=today.message)
            self._work_difference(event, event.snapshot.outcome, snapshot.outcome)
        finish = task.FinishCall(
            **stamp_of(recorded), **ids_of(event), snapshot=snapshot, index=event.index, prompt=event.prompt
        )
        decided = self._decided(finish)
        assert isinstance(decided, task.CallFinished)
        return replace(decided, ends=event.ends)  # a receipt of an older release also ended its attempt

    async def _hand_in(self, recorded: Recorded, event: task.Submitted) -> Event:
        """Return the hand-in of today. Raises Differs if the attempt has no work today."""
        files, dropped = event.files, event.dropped
        before = await self._library.before(self._state, event.task)
        played = self._played[event.order]
        if played.hand_in is not None:
            hand_in = played.hand_in
            if not played.has_work:
                self._work_difference(event, HANDED_IN, hand_in.outcome or "no end")
                raise Differs(f"The attempt ends today with {hand_in.outcome}.", hint="On record it handed in work.")
            await self._blobs.put(hand_in.files.values())
            files, dropped = played.changed(before), hand_in.dropped
            paths = _differing(event.files, files)
            if paths:
                self._work_difference(event, HANDED_IN, "handed in other content", paths)
        tree = tree_digest(overlay(before, files), algorithm_of(event.tree))
        return self._decided(
            task.SubmitWork(**stamp_of(recorded), **ids_of(event), files=files, tree=tree, dropped=dropped)
        )

    def _end(self, recorded: Recorded, event: task.AttemptEnded) -> Event:
        """Return the end of an attempt without work. Raises Differs if the attempt has work today."""
        outcome, message = event.outcome, event.message
        played = self._played[event.order]
        if (hand_in := played.hand_in) is not None:
            if played.has_work:
                self._work_difference(event, event.outcome, HANDED_IN)
                raise Differs("The attempt hands in work today.", hint=f"On record it ended with {event.outcome}.")
            outcome, message = hand_in.outcome or outcome, hand_in.message
            self._work_difference(event, event.outcome, outcome)
        return self._decided(task.EndAttempt(**stamp_of(recorded), **ids_of(event), outcome=outcome, message=message))

    def _work_difference(self, event: TaskEvent, was: str, now: str, paths: Sequence[str] = ()) -> None:
        if was == now:
            return
        part = self._state.tasks[event.task]
        self._notes.work.append(
            WorkDifference(task=part.name, attempt=part.attempts, recorded=was, today=now, paths=tuple(paths))
        )

    async def _verdict(
        self, recorded: Recorded, event: task.Verified | task.Rejected | m.Verified | m.Rejected
    ) -> Event:
        """Judge the tree again, and return the verdict of today."""
        part = None if isinstance(event, m.Verified | m.Rejected) else self._state.tasks[event.task]
        cause = self._handed_in[None if part is None else part.id]
        self._note(f"verdict on {part.name if part is not None else 'the merged tree'}")
        judgement = await self._judges.judgement(pending_of(self._run, self._state, part, cause), self._state)
        self._notes.verdicts += 1
        was, now = words_of(event.judgement), words_of(judgement)
        if was != now:
            name, attempt = ("", 0) if part is None else (part.name, part.attempts)
            self._notes.verdict_differences.append(
                VerdictDifference(task=name, attempt=attempt, recorded=was, today=now)
            )
        if isinstance(event, m.Verified | m.Rejected):
            return self._decided(m.JudgeMerged(**stamp_of(recorded), run=self._run, judgement=judgement))
        return self._decided(task.Judge(**stamp_of(recorded), **ids_of(event), judgement=judgement))

    async def _delivered(self, recorded: Recorded, event: m.Delivered) -> Event:
        """Build the repository of the delivery in the temporary folder, and compare its tree with the record."""
        folder = self._folder / f"delivery-{len(self._notes.deliveries) + 1}"
        made = await build(self._run, self._state, self._today, self._blobs, folder)
        merged = next(each for each in reversed(self._before(recorded.seq)) if isinstance(each, m.Merged))
        assert self._state.tree is not None, "a run that is delivered has a merged tree"
        self._notes.deliveries.append(
            DeliveryPlayed(
                same=merged.tree == self._state.tree,
                recorded_tree=merged.tree,
                tree=self._state.tree,
                recorded_commit=event.commit,
                commit=made.commit,
                not_built=made.not_built,
            )
        )
        finish = m.FinishDelivery(
            **stamp_of(recorded), run=self._run, commit=event.commit, folder=event.folder, branch=event.branch
        )
        return self._decided(finish)

    def _before(self, seq: int) -> list[Event | Erased]:
        return [each.event for each in self._events if each.seq < seq and each.envelope.run == self._run]


def _differing(was: Manifest, now: Manifest) -> list[str]:
    """Return the paths with another entry."""
    return [path for path in sorted({*was, *now}) if was.get(path) != now.get(path)][:PATHS_SHOWN_MAX]
