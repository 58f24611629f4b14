"""The tools of a session, and the actions that an answer asks for: native tool calls, or one fenced command."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from agents.employees.contract import ModelResult, ToolCall
from agents.employees.conversation import Tool

Name = Literal["run", "read", "search", "write", "replace", "check", "submit", "decline"]
COMMAND_CHARS_MAX = 100_000
ACTIONS_MAX = 16  # tool calls of one answer; the model is told about the rest
_FENCE = re.compile(r"^```[ \t]*(?:ba|z)?sh[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_WORDS: Mapping[str, Name] = {"aura-check": "check", "aura-submit": "submit", "aura-decline": "decline"}
"""First word of a fenced command -> the tool that it means."""


def _schema(required: Sequence[str], **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


_TEXT = {"type": "string"}
_NUMBER = {"type": "integer", "minimum": 1}
TOOLS: tuple[Tool, ...] = (
    Tool(
        name="run",
        description="Run a shell command in the project's folder. There is no network.",
        parameters=_schema(["command"], command=_TEXT),
    ),
    Tool(
        name="read",
        description="Read lines of a text file.",
        parameters=_schema(["path"], path=_TEXT, first_line=_NUMBER, lines=_NUMBER),
    ),
    Tool(
        name="search",
        description="Search the project's files for a regular expression.",
        parameters=_schema(["pattern"], pattern=_TEXT, path=_TEXT),
    ),
    Tool(
        name="write",
        description="Write a whole file. An existing file is replaced.",
        parameters=_schema(["path", "content"], path=_TEXT, content=_TEXT),
    ),
    Tool(
        name="replace",
        description="Replace text in a file. The old text must occur exactly once.",
        parameters=_schema(["path", "old", "new"], path=_TEXT, old=_TEXT, new=_TEXT),
    ),
    Tool(
        name="check",
        description="Judge a copy of your work against the cases that you can see. Your work is not handed in.",
        parameters=_schema([]),
    ),
    Tool(name="submit", description="Hand in your work. This ends the session.", parameters=_schema([])),
    Tool(
        name="decline",
        description="End the session because the task cannot be done.",
        parameters=_schema(["reason"], reason=_TEXT),
    ),
)
_PARAMETERS: Mapping[str, Mapping[str, Any]] = {tool.name: tool.parameters for tool in TOOLS}


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One action. `call_id`: the tool call that it answers; empty for a fenced command."""

    name: Name
    arguments: Mapping[str, Any] = {}
    call_id: str = ""

    @property
    def key(self) -> str:
        """The action without its id, to recognise a repetition."""
        return msgspec.json.encode([self.name, self.arguments], order="sorted").decode()


class BadAction(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer that is not a usable action. `problem`: what the model should do instead."""

    problem: str
    call_id: str = ""


def actions_of(result: ModelResult, *, native: bool) -> list[Action | BadAction]:
    """Return the actions of an answer in their order; empty if the answer asks for none.

    `native`: the model was offered tools. A fenced command is accepted from such a model too.
    """
    if result.calls:
        found: list[Action | BadAction] = [_of_call(call) for call in result.calls[:ACTIONS_MAX]]
        late = [
            BadAction(call_id=call.id, problem=f"Not done: one answer may have {ACTIONS_MAX} tool calls.")
            for call in result.calls[ACTIONS_MAX:]
        ]
        return [*found, *late]
    commands = _FENCE.findall(f"{result.text or ''}\n")
    if len(commands) > 1 and not native:
        return [BadAction(problem="Not done: write exactly one fenced command in each answer.")]
    return [_of_command(commands[0])] if commands else []


def _of_call(call: ToolCall) -> Action | BadAction:
    parameters = _PARAMETERS.get(call.name)
    if parameters is None:
        return BadAction(
            call_id=call.id, problem=f"There is no tool of this name. The tools: {', '.join(_PARAMETERS)}."
        )
    if call.arguments is None:
        return BadAction(call_id=call.id, problem=f"The arguments of {call.name} are not a JSON object.")
    for name, value in call.arguments.items():
        wanted = parameters["properties"].get(name)
        if wanted is None:
            known = ", ".join(parameters["properties"]) or "none"
            return BadAction(call_id=call.id, problem=f"{call.name} has an unknown argument. Its arguments: {known}.")
        if not isinstance(value, str if wanted is _TEXT else int) or isinstance(value, bool):
            kind = "a text" if wanted is _TEXT else "a whole number from 1"
            return BadAction(call_id=call.id, problem=f"The argument {name!r} of {call.name} must be {kind}.")
    missing = [name for name in parameters["required"] if name not in call.arguments]
    if missing:
        return BadAction(call_id=call.id, problem=f"{call.name} needs the argument {missing[0]!r}.")
    return Action(name=call.name, arguments=call.arguments, call_id=call.id)  # type: ignore[arg-type]  # a known tool


def _of_command(text: str) -> Action | BadAction:
    command = text.strip("\n")
    if not command.strip():
        return BadAction(problem="The fenced command is empty.")
    if len(command) > COMMAND_CHARS_MAX:
        return BadAction(problem=f"The command has more than {COMMAND_CHARS_MAX} characters.")
    word, _, rest = command.strip().partition(" ")
    name = _WORDS.get(word)
    if name is None:
        return Action(name="run", arguments={"command": command})
    if name == "decline" and not rest.strip():
        return BadAction(problem="Write the reason after aura-decline.")
    return Action(name=name, arguments={"reason": rest.strip()} if name == "decline" else {})
