"""Errors of tools and of the protocol, each with our code and the next step."""

from typing import Any

import mcp_types as types
import msgspec
from mcp.shared.exceptions import MCPError

from domain.errors import AuraError, Invalid
from verification.requirements.problems import RequirementInvalid

DEPTH_MAX = 8
"""Levels of lists and objects in arguments. Ours need three."""


def error_data(error: AuraError) -> dict[str, Any]:
    """Return an error as data. A requirement with problems lists each with its place."""
    data: dict[str, Any] = {"kind": error.kind, "code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, RequirementInvalid):
        data["problems"] = msgspec.to_builtins(error.problems)
    return data


def error_result(error: AuraError) -> types.CallToolResult:
    """Return the result of a call that failed. Its only text is a JSON object, so that people and programs can read it.

    It has no structured content: some clients would compare that with the schema of the answer.
    """
    text = msgspec.json.encode({"error": error_data(error)}).decode()
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True)


def protocol_error(error: AuraError) -> MCPError:
    """Return the error of a request that is no call of a tool."""
    code = types.INTERNAL_ERROR if error.kind in ("failed", "unavailable") else types.INVALID_PARAMS
    return MCPError(code, error.message, {"error": error_data(error)})


def checked_text(value: object, depth: int = 0) -> None:
    """Raise Invalid for text that cannot be stored: a NUL, half of a surrogate pair; and for very deep values."""
    if depth > DEPTH_MAX:
        raise Invalid(f"The arguments are deeper than {DEPTH_MAX} levels.", hint="See the schema of the tool.")
    if isinstance(value, str):
        if "\0" in value or any(0xD800 <= ord(sign) <= 0xDFFF for sign in value):
            raise Invalid("A text has a NUL or a lone surrogate.", hint="Send valid Unicode text.", code="not_text")
    elif isinstance(value, dict):
        for name, each in value.items():
            checked_text(name, depth + 1)
            checked_text(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            checked_text(each, depth + 1)
