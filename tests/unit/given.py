"""Given events, when a command, then events or a refusal: tests of decisions as stories.

`given(*events).when(command).then(*events)` or `.refused(kind, text)`. The registry says which entity decides. Every
decision is made twice on the same state. Both must give the same result and must not change the state.
"""

import re
from typing import Any

import msgspec
import pytest

from domain.errors import AuraError
from domain.message import Command, Erased, Event
from domain.registry import COMMANDS, CONSULTS, DECIDERS, WITH_ORGANISATION


def encoded(states: object) -> bytes:
    """Return states as JSON. The tasks of a run become an object by id."""
    return msgspec.json.encode(states, enc_hook=dict)


def decider_of(command: Command) -> str:
    """Return the entity kind that decides the command. A run decides the commands of its tasks."""
    kind = COMMANDS[type(command)].kind
    return "run" if kind == "task" else kind


def fold(kind: str, *events: Event | Erased) -> Any:
    """Return the state of the only entity of this kind after these events."""
    state, _, evolve = DECIDERS[kind]
    for event in events:
        state = evolve(state, event)
    return state


def decide(command: Command, *events: Event | Erased) -> tuple[Event, ...]:
    """Return the result of the command after the events."""
    states = [fold("organisation", *events), fold("run", *events)]
    organisation = states[0]
    if type(command) not in WITH_ORGANISATION:
        states = [fold(decider_of(command), *events)]
    before = encoded(states)
    outcomes: list[tuple[Event, ...]] = []
    for _ in range(2):
        if type(command) in WITH_ORGANISATION:
            outcomes.append(WITH_ORGANISATION[type(command)](command, *states))
            continue
        outcomes.append(DECIDERS[decider_of(command)][1](command, *states))
        if outcomes[-1] and type(command) in CONSULTS:
            CONSULTS[type(command)](command, organisation, *states)
    assert outcomes[0] == outcomes[1]
    assert encoded(states) == before
    return outcomes[0]


class When:
    """A command after some events."""

    def __init__(self, command: Command, events: tuple[Event | Erased, ...]) -> None:
        self.command = command
        self.events = events

    def then(self, *expected: Event) -> None:
        """Check that the command leads to exactly these events. No events: there was nothing to do."""
        assert decide(self.command, *self.events) == expected

    def refused(self, kind: type[AuraError], text: str) -> None:
        """Check that the command is refused by exactly this kind of error.

        Its message contains the text, and it has a hint.
        """
        with pytest.raises(kind, match=re.escape(text)) as caught:
            decide(self.command, *self.events)
        assert type(caught.value) is kind
        assert caught.value.hint


class Given:
    """The events that have happened."""

    def __init__(self, events: tuple[Event | Erased, ...]) -> None:
        self.events = events

    def when(self, command: Command) -> When:
        return When(command, self.events)


def given(*events: Event | Erased) -> Given:
    """Start a story with these events on the log, for one entity of each kind."""
    return Given(events)
