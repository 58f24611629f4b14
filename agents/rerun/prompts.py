"""The comparison of a recorded prompt with the prompt of today."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from agents.employees.conversation import Message
from agents.employees.safe_text import safe
from agents.rerun.report import BEFORE_CHARS, EXCERPT_CHARS
from agents.sessions.seen import message_in
from domain.errors import Invalid

SYSTEM_ROLES = frozenset({"system", "developer"})
_LISTS = ("messages", "input", "contents")
_ASSISTANT = {"model": "assistant"}


class Said(NamedTuple):
    """One message, in no provider's form."""

    role: str
    text: str


class FirstDifference(NamedTuple):
    """The first message that differs. `recorded`, `today`: excerpts; None if there is no message at this position.

    `repeats`: the prompt of an earlier call of the same session had this difference already.
    """

    message: int
    role: str
    recorded: str | None
    today: str | None
    repeats: bool = False


def recorded_request(prompt: bytes) -> list[Said]:
    """Return the messages of a recorded request of any provider, with one message for the system.

    Raises Invalid for a request that was cut, or that has no list of messages.
    """
    try:
        body = msgspec.json.decode(prompt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid("The recorded prompt was cut.", hint="Its whole text is not on record.") from None
    name = next((name for name in _LISTS if isinstance(body, dict) and isinstance(body.get(name), list)), None)
    if name is None:
        raise Invalid("The recorded prompt has no messages.", hint="Read it with `aura run show --attempt`.")
    said = [_said(each) for each in body[name]]
    apart = next((body[key] for key in ("system", "systemInstruction", "instructions") if body.get(key)), None)
    if apart is not None:
        said = [Said("system", _system_text(apart)), *said]
    return _joined(said)


def todays_request(messages: Sequence[Message], recorded: Sequence[Said]) -> list[Said]:
    """Return the messages of a request of today in the same terms.

    If the recorded request has no message of the system because its server refuses it, the text is moved in the same
    way.
    """
    said = _joined([Said(message.role, safe(message.text)) for message in messages])
    has_system = bool(said) and said[0].role == "system"
    if has_system and len(said) > 1 and recorded and recorded[0].role != "system":
        return [Said(said[1].role, f"{said[0].text}\n\n{said[1].text}"), *said[2:]]
    return said


def first_difference(recorded: Sequence[Said], today: Sequence[Said]) -> FirstDifference | None:
    """Return the first message that differs; None if the prompts are equal."""
    for number in range(max(len(recorded), len(today))):
        was = recorded[number] if number < len(recorded) else None
        now = today[number] if number < len(today) else None
        if was != now:
            return excerpts(number, was, now)
    return None


def excerpts(place: int, was: Said | None, now: Said | None, *, repeats: bool = False) -> FirstDifference:
    """Return the difference of two messages at a position of a prompt."""
    known = now or was or Said("", "")
    start = _common(was.text if was else "", now.text if now else "")
    return FirstDifference(place, known.role, _excerpt(was, start), _excerpt(now, start), repeats)


def _common(one: str, two: str) -> int:
    """Return the length of the common beginning."""
    for place, (left, right) in enumerate(zip(one, two, strict=False)):
        if left != right:
            return place
    return min(len(one), len(two))


def _excerpt(said: Said | None, start: int) -> str | None:
    if said is None:
        return None
    begin = max(0, start - BEFORE_CHARS)
    text = said.text[begin : start + EXCERPT_CHARS]
    return f"{'…' if begin else ''}{text}{'…' if start + EXCERPT_CHARS < len(said.text) else ''}"


def _joined(said: Sequence[Said]) -> list[Said]:
    """Return the messages with all texts of the system as the first message."""
    system = [each.text for each in said if each.role in SYSTEM_ROLES]
    others = [each for each in said if each.role not in SYSTEM_ROLES]
    return [*([Said("system", "\n\n".join(system))] if system else []), *others]


def _said(message: Any) -> Said:
    seen = message_in(msgspec.json.encode(message))
    return Said(_ASSISTANT.get(seen.role, seen.role), seen.text)


def _system_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    parts = value.get("parts") if isinstance(value, Mapping) else value
    return _said({"role": "system", "content": parts}).text
