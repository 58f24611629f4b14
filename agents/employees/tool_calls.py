"""Tool calls of models to which no tool was offered. The arguments contain the model's text, so they are the answer."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PATHS = ("path", "file_path", "filepath", "filename", "file_name", "file", "name", "target_file")
_CONTENTS = ("content", "contents", "code", "text", "file_text", "source", "body", "data", "new_content", "answer")
_BACKTICKS = re.compile(r"`{3,}")


def text_of_calls(message: Mapping[str, Any]) -> str:
    """Return the answer in a message's tool calls as fenced blocks, or an empty text if there are no tool calls."""
    return "\n\n".join(block for arguments in _arguments(message) for block in _blocks(arguments, 0))


def _arguments(message: Mapping[str, Any]) -> Iterator[Any]:
    calls = message.get("tool_calls")
    functions = [call.get("function", call) for call in (calls if isinstance(calls, list) else []) if _is_object(call)]
    functions.append(message.get("function_call"))
    for function in functions:
        if not isinstance(function, dict):
            continue
        arguments = function.get("arguments", function.get("input"))
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except (ValueError, RecursionError):
                yield arguments
                continue
        yield arguments


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


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
