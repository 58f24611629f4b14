"""Changes to a request in the contract's terms, if a server refuses a part of it. Names: agents/employees/adaptations.

They fit every provider that builds its request from a `CallRequest`.
"""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec.structs import replace

from agents.employees.adaptations import ADAPTATIONS_MAX, OUTPUT_LIMIT, adaptation_for
from agents.employees.conversation import CallRequest, Message
from agents.employees.providers.failures import Refusal

Part = Literal["seed", "temperature", "stop"]


def adapted_request(request: CallRequest, made: Sequence[str]) -> CallRequest:
    """Return the request after the adaptations. A name that this release does not know changes nothing."""
    for name in made[:ADAPTATIONS_MAX]:
        key, _, value = name.partition("=")
        if key == OUTPUT_LIMIT and value.isdigit():
            request = replace(request, output_tokens_max=min(request.output_tokens_max, int(value)))
        elif key in ("no_seed", "no_temperature"):
            request = replace(request, **{key.removeprefix("no_"): None})
        elif key == "no_stop":
            request = replace(request, stop=())
        elif key == "no_system":
            request = replace(request, messages=_system_merged(request.messages))
    return request


def form_for(refusal: Refusal, sent: CallRequest, parts: frozenset[Part], made: Sequence[str]) -> str | None:
    """Return the adaptation that may help after this refusal, or None. `parts`: the optional parts that were sent."""
    params: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.text} for message in sent.messages],
        "max_tokens": sent.output_tokens_max,
        "stream": False,
    }
    params |= {part: value for part in parts if (value := getattr(sent, part)) not in (None, ())}
    name = adaptation_for(refusal.status, refusal.body, params, made)
    return name if name is not None and adapted_request(sent, [name]) != sent else None


def _system_merged(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Put the system's text before the first text of the user."""
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if not system:
        return tuple(others)
    if others and others[0].role == "user":
        return (replace(others[0], text=f"{system}\n\n{others[0].text}"), *others[1:])
    return (Message(role="user", text=system), *others)
