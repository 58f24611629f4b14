"""One answer of a model in the terms of the contract, whatever the wire format of its provider is."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agents.employees.call_errors import CallFailed, CallFailure
from agents.employees.contract import Finish, ModelResult, ToolCall
from agents.employees.usage import Usage

ANSWER_CHARS_MAX = 4 * 1024**2  # of an answer's text; a longer text is not an answer to one task
CALLS_MAX = 128  # of one answer; a model that asks for more is out of control
NAME_CHARS_MAX = 200  # of a model, an id


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One parsed answer. `reasoning`: the visible thinking. `refusal`: the words of a refusal. `fingerprint`: of the
    server's settings.

    `opaque`: content in the provider's form, if text and calls do not contain everything that it wants back.
    """

    text: str | None
    reasoning: str = ""
    refusal: str | None = None
    finish: Finish
    finish_raw: str | None
    usage: Usage
    model: str | None = None
    id: str | None = None
    fingerprint: str | None = None
    raw: Mapping[str, Any]
    calls: tuple[ToolCall, ...] = ()
    opaque: Any = None

    @property
    def size(self) -> int:
        """Bytes of everything that the model wrote, as far as the answer shows it."""
        calls = "".join(f"{call.name}{call.text}" for call in self.calls)
        return len(f"{self.text or ''}{self.reasoning}{self.refusal or ''}{calls}".encode())


def tool_call(id: str, name: str, arguments: Any) -> ToolCall:
    """Return a call whose arguments came as a JSON value. They are malformed if the value is not an object."""
    text = msgspec.json.encode(arguments).decode()
    return ToolCall(id=id, name=name, arguments=arguments if isinstance(arguments, dict) else None, text=text)


def name_in(source: Mapping[str, Any], key: str) -> str | None:
    """Return a short text of a JSON object, such as the name of a model; None if it is no text."""
    value = source.get(key)
    return value[:NAME_CHARS_MAX] if isinstance(value, str) and value else None


def malformed(message: str, usage: Usage) -> CallFailed:
    """Return the failure of an answer that is JSON but has another form, with the tokens that it reports."""
    return CallFailed("malformed_response", message, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)


def check_usable(result: ModelResult) -> None:
    """Raise CallFailed for an answer with neither a text nor a call, for one that is refused, and for one too long."""
    if result.refusal is not None or result.finish == "blocked":
        raise failed(result, "blocked", f"The model declined to answer{_because(result)}.")
    if len(result.text or "") > ANSWER_CHARS_MAX:
        raise failed(result, "too_large", f"The answer has more than {ANSWER_CHARS_MAX} characters.")
    if len(result.calls) > CALLS_MAX:
        raise failed(result, "too_large", f"The answer has more than {CALLS_MAX} tool calls.")
    if (result.text or "").strip() or result.calls:
        return
    if result.finish == "length":
        raise failed(result, "truncated", "The answer reached its length limit before it had any text.")
    raise failed(result, "empty", f"The model's answer is empty{_because(result)}.")


def failed(result: ModelResult, failure: CallFailure, message: str) -> CallFailed:
    """Return the failure of a call that the server answered, with its tokens and its snapshot."""
    return CallFailed(
        failure,
        message,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        request_id=result.request_id,
        result=result,
    )


def _because(result: ModelResult) -> str:
    """Return the provider's own word for the end of an answer, if it is more than the usual one."""
    word = result.finish_raw
    return f" ({word[:NAME_CHARS_MAX]})" if word and result.finish in ("blocked", "other", "error") else ""
