"""Given events, when a command, then events or a refusal: decisions told as stories.

`given(*events).when(command).then(*events)` or `.refused(kind, text)`. Who decides follows from the registry; every
decision is made twice on the same state, which must give the same and leave the state as it was.
"""

import re
from typing import Any

import msgspec
import pytest

from domain import run
from domain.errors import AuraError
from domain.message import Command, Erased, Event
from domain.registry import COMMANDS, DECIDERS
from domain.run_messages import Admit


def decider_of(command: Command) -> str:
    """The entity kind that decides the command: a task is decided by its run's."""
    kind = COMMANDS[type(command)].kind
    return "run" if kind == "task" else kind


def fold(kind: str, *events: Event | Erased) -> Any:
    """The state of the one entity of this kind that the events tell of."""
    state, _, evolve = DECIDERS[kind]
    for event in events:
        state = evolve(state, event)
    return state


def decide(command: Command, *events: Event | Erased) -> tuple[Event, ...]:
    """What the command leads to after the events."""
    states = [fold("organisation", *events), fold("run", *events)]
    if not isinstance(command, Admit):
        states = [fold(decider_of(command), *events)]
    before = msgspec.json.encode(states)
    outcomes: list[tuple[Event, ...]] = []
    for _ in range(2):
        if isinstance(command, Admit):
            outcomes.append(run.decide_admission(command, *states))
        else:
            outcomes.append(DECIDERS[decider_of(command)][1](command, *states))
    assert outcomes[0] == outcomes[1]
    assert msgspec.json.encode(states) == before
    return outcomes[0]


class When:
    """A command after some events."""

    def __init__(self, command: Command, events: tuple[Event | Erased, ...]) -> None:
        self.command = command
        self.events = events

    def then(self, *expected: Event) -> None:
        """It leads to exactly these events; none: nothing was left to do."""
        assert decide(self.command, *self.events) == expected

    def refused(self, kind: type[AuraError], text: str) -> None:
        """It is refused by exactly this kind of error, whose message holds the text and whose hint says what to do."""
        with pytest.raises(kind, match=re.escape(text)) as caught:
            decide(self.command, *self.events)
        assert type(caught.value) is kind
        assert caught.value.hint


class Given:
    """What has happened."""

    def __init__(self, events: tuple[Event | Erased, ...]) -> None:
        self.events = events

    def when(self, command: Command) -> When:
        return When(command, self.events)


def given(*events: Event | Erased) -> Given:
    """The events that stand in the log, of one entity of each kind."""
    return Given(events)
