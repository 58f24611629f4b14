"""The messages of a command to a remote command line, one JSON object a line: its progress and its answer."""

from typing import Any

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A command with its options. `files`: a requirement and the files that it names, by path, as base64."""

    options: dict[str, Any] = {}
    as_json: bool = False
    files: dict[str, bytes] = {}


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    """One line of the answer."""


class Say(Message, frozen=True, kw_only=True, tag="say"):
    """A line of text. `aside`: it does not belong to the answer."""

    text: str
    aside: bool = False


class Line(Message, frozen=True, kw_only=True, tag="line"):
    """One line of a stream, as data and as text."""

    data: msgspec.Raw
    text: str


class Interrupted(Message, frozen=True, kw_only=True, tag="interrupted"):
    """The state after Ctrl-C, from now on."""

    text: str


class Beat(Message, frozen=True, kw_only=True, tag="beat"):
    """A sign that the connection lives."""


class End(Message, frozen=True, kw_only=True, tag="end"):
    """The end of a command that has no answer, because it was a stream of lines."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error. `kind`: its class in domain/errors.py."""

    kind: str
    code: str
    message: str
    hint: str = ""


class Answer(Message, frozen=True, kw_only=True, tag="answer"):
    """The end of a command: its data and text, and its error if it failed."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    text: str = ""
    fault: Fault | None = None


AnyMessage = Say | Line | Interrupted | Beat | Answer | End
