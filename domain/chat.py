"""Messages of people to the manager: the words with which a person asked for an act, and the command that did it.

A message is recorded when the person confirms its draft. The events of the act name `chat.message_sent` as their cause.
Each message is an entity of its own. Questions change nothing, so they are not recorded.
"""

from collections.abc import Mapping
from typing import Literal, get_args
from uuid import UUID

import msgspec

from domain.errors import Conflict, Invalid
from domain.message import Command, Erased, Event

Act = Literal["submit", "rerun", "cancel", "return", "comment", "raise_budget", "pause", "resume"]
ACTS: tuple[Act, ...] = get_args(Act)
"""The acts that a person may ask the manager for. An approval, a halt and an override have forms of their own."""
MESSAGE_CHARACTERS_MAX = 4000
DIGEST_CHARACTERS_MAX = 64


class MessageSent(Event, frozen=True, kw_only=True):
    """A person asked for an act in these words, and confirmed the draft of it.

    `command`: the id of the command that the act sends. `run`: the run that the act is about, or None.
    `attached`: the SHA-256 of the requirement that came with the message; empty without one.
    """

    type = "chat.message_sent"
    message: UUID
    text: str
    act: str
    command: UUID
    about: UUID | None = None
    attached: str = ""

    def entity(self) -> tuple[str, UUID]:
        return "chat", self.message


class SendMessage(Command, frozen=True, kw_only=True):
    message: UUID
    text: str
    act: Act
    command: UUID
    about: UUID | None = None
    attached: str = ""


class MessageState(msgspec.Struct, frozen=True, kw_only=True):
    """`command` is None before the message is sent, and after a purge of its payload."""

    sent: bool = False
    command: UUID | None = None


initial = MessageState()
CAUSES: Mapping[type[Command], type[Event]] = {SendMessage: MessageSent}
"""Command -> the event that it causes."""


def decide(command: Command, state: MessageState) -> tuple[MessageSent, ...]:
    """Record a message once. Raises Conflict, Invalid."""
    if not isinstance(command, SendMessage):
        raise TypeError(f"not a command of a message: {type(command).__name__}")
    if state.sent:
        raise Conflict("This message was sent already.", hint="Write a new message.")
    text = command.text.strip()
    if not text or len(text) > MESSAGE_CHARACTERS_MAX:
        raise Invalid(
            f"A message has 1 to {MESSAGE_CHARACTERS_MAX} characters.",
            hint="Say in few words what the manager should do. Examples: aura chat help",
        )
    if command.act not in ACTS:
        raise Invalid(f"The manager knows no act {command.act!r}.", hint=f"Acts: {', '.join(ACTS)}.")
    if command.command == command.id:
        raise Invalid("A message and its act need two ids.", hint="Give the act an id of its own.")
    if len(command.attached) > DIGEST_CHARACTERS_MAX:
        raise Invalid("This is not the digest of a requirement.", hint="Give its SHA-256.")
    return (
        MessageSent(
            message=command.message,
            text=text,
            act=command.act,
            command=command.command,
            about=command.about,
            attached=command.attached,
        ),
    )


def evolve(state: MessageState, event: Event | Erased) -> MessageState:
    match event:
        case MessageSent(command=command):
            return MessageState(sent=True, command=command)
        case Erased(type=MessageSent.type):
            return MessageState(sent=True)
    return state
