"""One attempt of a run as text for people: its calls, its end, its changes and its findings."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from director.terminal.escape import visible
from director.terminal.text import money
from domain.wording import counted
from verification.sandbox.observation import observation

INDENT = "    "
TEXT_BYTES_MAX = 2000
"""Bytes that are shown of one text. `--full` shows all of them."""
DIFF_BYTES_MAX = 16 * 1024
NOT_KEPT = "not on record, or purged"
OPEN = "has no receipt yet"


class AttemptText:
    """The text of an attempt (`director/services/attempt.py`). Text from outside Aura is escaped and indented.

    `full`: show long texts whole.
    """

    def __init__(self, *, full: bool = False) -> None:
        self._full = full

    def whole(self, data: Mapping[str, Any]) -> str:
        """Return a whole attempt."""
        standing = {None: "not judged", True: "verified", False: "rejected"}[data["verified"]]
        lines = [f"{data['task']}, attempt {data['attempt']}: {standing}"]
        number = 0
        for order in data["orders"]:
            for call in data["calls"]:
                if call["order"] == order["order"]:
                    number += 1
                    lines.append(f"\n{self.call(call, order, number)}")
            lines.append(f"\n{self.end(order)}")
        lines += self._part("changes", data["diff"] or "none", DIFF_BYTES_MAX)
        if data["findings"]:
            lines.append("\nfindings:")
        for finding in data["findings"]:
            place = finding.get("path") or finding.get("criterion") or ""
            lines.append(_set_back(f"{finding['kind']}{f' ({place})' if place else ''}: {finding['detail']}"))
        return "\n".join(lines)

    def call(self, call: Mapping[str, Any], order: Mapping[str, Any], number: int) -> str:
        """Return one call. `number`: its number in the attempt, from 1."""
        if call["is_told"]:
            return "\n".join([f"results of call {number}:", *self._results(call)])
        lines = [visible(f"call {number}: {_head(call)}"), f"so far: {_so_far(call, order)}"]
        if order["form"] == "session":
            lines += self._step(call)
        else:
            lines += self._part("prompt", call["prompt"]) + self._part("answer", call["answer"])
        return "\n".join(lines)

    def end(self, order: Mapping[str, Any]) -> str:
        """Return how an order ended, and the paths that were left out."""
        reason = ": ".join(filter(None, (order["outcome"], order["message"])))
        if order["end"] == "handed in":
            lines = [f"handed in: {counted(order['paths'], 'changed path')}"]
        elif order["end"] is None:
            lines = ["at work"]
        else:
            lines = [f"{order['end']} without work: {reason}".removesuffix(": ")]
        lines += [f"left out, because it is outside the scope: {path}" for path in order["dropped"]]
        return "\n".join(visible(line.replace("\n", " ")) for line in lines)

    def _step(self, call: Mapping[str, Any]) -> Iterator[str]:
        """Yield the parts of a session's call."""
        if call["continues"] is None:
            yield from self._part("prompt", call["prompt"])
        if call["outcome"] is not None and call["answer"] is None:
            yield from self._part("answer", None)
        if call["thought"]:
            yield from self._part("thought", call["thought"])
        for action in call["actions"]:
            yield from self._part("action", _action(action))
        if call["results"]:
            yield "\nresults:"
            yield from self._results(call)

    def _results(self, call: Mapping[str, Any]) -> Iterator[str]:
        names = {action["call_id"]: action["name"] for action in call["actions"] if action["call_id"]}
        for result in call["results"]:
            name = names.get(result["call_id"], "")
            text = NOT_KEPT if result["text"] is None else result["text"]
            yield _set_back(f"{f'[{name}] ' if name else ''}{self._short(text, TEXT_BYTES_MAX)}")

    def _part(self, name: str, text: str | None, bytes_max: int = TEXT_BYTES_MAX) -> list[str]:
        return [f"\n{name}:", _set_back(self._short(text, bytes_max) if text is not None else NOT_KEPT)]

    def _short(self, text: str, bytes_max: int) -> str:
        """Return the text, or its beginning and its end with the number of bytes left out."""
        content = text.encode("utf-8", "replace")
        if self._full or len(content) <= bytes_max:
            return text
        return observation(content, bytes_max=bytes_max)


class FollowedText(AttemptText):
    """The text of an attempt that is followed: one part after the other, with the numbers of the calls."""

    def __init__(self, *, full: bool = False) -> None:
        super().__init__(full=full)
        self._numbers: dict[tuple[str, int], int] = {}

    def next(self, part: Mapping[str, Any]) -> str:
        """Return the next part."""
        order, call = part["order"], part["call"]
        if call is None:
            return self.end(order)
        number = self._numbers.setdefault((call["order"], call["index"]), len(self._numbers) + 1)
        return f"{self.call(call, order, number)}\n"


def _action(action: Mapping[str, Any]) -> str:
    """Return a tool with its arguments: each short one in the first line, and each text of several lines below."""
    try:
        arguments = msgspec.json.decode(action["arguments"])
    except msgspec.DecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        return f"{action['name']} {action['arguments']}".rstrip()
    texts = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in arguments.items()
    }
    short = [f"{name}={text}" for name, text in texts.items() if "\n" not in text]
    long = [f"{name}:\n{text.removesuffix(chr(10))}" for name, text in texts.items() if "\n" in text]
    return "\n".join([" ".join([action["name"], *short]), *long])


def _head(call: Mapping[str, Any]) -> str:
    who = f"{call['employee']}{' (' + call['model'] + ')' if call['model'] else ''}"
    if call["outcome"] is None:
        bound = f", permitted for at most {money(Decimal(call['bound_usd']))}" if call["bound_usd"] is not None else ""
        return f"{who} {OPEN}{bound}"
    ended = ": ".join(filter(None, (call["outcome"], call["message"])))
    cost = money(Decimal(call["cost_usd"])) if call["cost_usd"] is not None else "no known price"
    about = "estimated " if call["estimated"] else ""
    return f"{who} {ended}; {call['tokens']} tokens, {about}{cost}, {call['seconds']:.1f} s".replace("\n", " ")


def _so_far(call: Mapping[str, Any], order: Mapping[str, Any]) -> str:
    """Return the sum of the attempt's calls up to this one, and the reservation that they may use."""
    spent = f"{money(Decimal(call['total_usd']))} and {call['total_tokens']} tokens"
    reserved = f"{money(Decimal(order['reserved_usd']))} and {order['reserved_tokens']} tokens"
    return f"{spent} of {reserved} reserved; call {call['index'] + 1} of at most {order['calls_max']}"


def _set_back(text: str) -> str:
    """Escape and indent each line, so that the text cannot imitate a line of Aura."""
    return "\n".join(f"{INDENT}{line}".rstrip() for line in visible(text).split("\n"))
