"""Tool calls in chat messages.

If no tool was offered, the arguments of the calls contain the model's text, so they are the answer.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.safe_text import safe_json

ID_CHARS_MAX = 200  # limit for the id of a call and the name of its tool

_PATHS = ("path", "file_path", "filepath", "filename", "file_name", "file", "name", "target_file")
_CONTENTS = ("content", "contents", "code", "text", "file_text", "source", "body", "data", "new_content", "answer")
_BACKTICKS = re.compile(r"`{3,}")


def calls_of(message: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """Return the tool calls of a chat message, also in the older form with one `function_call`."""
    received = message.get("tool_calls")
    parts = [part for part in (received if isinstance(received, list) else []) if isinstance(part, dict)]
    if not parts and isinstance(message.get("function_call"), dict):
        parts = [{"function": message["function_call"]}]
    return tuple(_call(part, place) for place, part in enumerate(parts))


def _call(part: Mapping[str, Any], place: int) -> ToolCall:
    function = part.get("function", part)
    if not isinstance(function, dict):
        function = {}
    id, name = part.get("id"), function.get("name")
    arguments = function.get("arguments", function.get("input"))
    text = arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)
    return ToolCall(
        id=id[:ID_CHARS_MAX] if isinstance(id, str) and id else f"call-{place}",
        name=name[:ID_CHARS_MAX] if isinstance(name, str) else "",
        arguments=arguments_of(text),
        text=text,
    )


def arguments_of(text: str) -> Mapping[str, Any] | None:
    """Return the arguments of a call that came as a text; None if the text is not a JSON object.

    Models send no text at all for a tool without parameters.
    """
    if not text.strip():
        return {}
    value = _value(text)
    return value if isinstance(value, dict) else None


def text_of_calls(calls: Iterable[ToolCall]) -> str:
    """Return the answer in tool calls as fenced blocks, or an empty text if there are no tool calls."""
    values = (call.arguments if call.arguments is not None else _value(call.text) for call in calls)
    return "\n\n".join(block for value in values for block in _blocks(value, 0))


def _value(text: str) -> Any:
    """Return the JSON value of a text, or the text if it is not JSON."""
    try:
        return safe_json(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _blocks(arguments: Any, depth: int) -> Iterator[str]:
    """Yield a block for each file that the arguments name, or for the text if the arguments are one text."""
    if isinstance(arguments, str) and arguments.strip():
        yield arguments if "```" in arguments else _fenced("", arguments)
    elif isinstance(arguments, list) and depth < 3:
        for item in arguments:
            yield from _blocks(item, depth + 1)
    elif isinstance(arguments, dict):
        content = next((arguments[key] for key in _CONTENTS if isinstance(arguments.get(key), str)), None)
        path = next((arguments[key] for key in _PATHS if isinstance(arguments.get(key), str)), "")
        if content is not None:
            yield content if "```" in content and not path else _fenced(path, content)
        elif depth < 3:
            for value in arguments.values():
                if isinstance(value, dict | list):
                    yield from _blocks(value, depth + 1)


def _fenced(path: str, content: str) -> str:
    """Return one fenced block. Its fence is longer than every fence in its content."""
    longest = max((len(fence) for fence in _BACKTICKS.findall(content)), default=2)
    fence = "`" * (longest + 1)
    info = f"python path={path}" if path and " " not in path else "python"
    return f"{fence}{info}\n{content.rstrip()}\n{fence}"
